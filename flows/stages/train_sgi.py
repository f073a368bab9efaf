"""Trains the renderer (SGI): codes of a reference frame and the mask of another to that other frame."""

from functools import partial
from pathlib import Path

import torch

from datamodules.augment import Augmentation
from datamodules.labelled_images import ClipFrames, parsed_packs
from datamodules.reference_pairs import PairDraw, ReferencePairDataModule
from flows.stages.common import StageRun
from lightning_modules.sgi import SgiModule, SgiSchedule, SgiWeights
from lightning_modules.training import fit
from segtalker.clips.store import load_clips
from segtalker.config.params import Params
from segtalker.nets.checkpoints import load_net, save_net
from segtalker.nets.discriminator import PatchDiscriminator
from segtalker.nets.encoder import ENCODER_KIND, MaskGuidedEncoder
from segtalker.nets.generator import GENERATOR_KIND, MaskGuidedGenerator
from segtalker.nets.parser import PARSER_KIND, FaceParser
from segtalker.regions import NUM_REGIONS, REGIONS


def _shared_config(params: Params) -> dict:
    return {"regions": NUM_REGIONS, "image_size": params.base.image_size, **params.train_sgi.code.model_dump()}


def encoder_config(params: Params) -> dict:
    """Constructor arguments of the encoder."""
    return _shared_config(params) | params.train_sgi.encoder.model_dump()


def generator_config(params: Params) -> dict:
    """Constructor arguments of the generator."""
    return _shared_config(params) | params.train_sgi.generator.model_dump()


def sgi_data(params: Params, data_root: Path, dataset: str) -> ReferencePairDataModule:
    """Pairs of frames of the training clips, and of the validation clips, with the parser's masks."""
    stage = params.train_sgi
    how = PairDraw(
        candidates=stage.reference_candidates,
        same_frame=stage.same_frame,
        augmentation=Augmentation(**stage.augmentation.model_dump()),
        movement=Augmentation(**stage.movement.model_dump()),
    )
    return ReferencePairDataModule(
        train=ClipFrames(parsed_packs(load_clips(data_root, dataset, "train"))),
        held_out=ClipFrames(parsed_packs(load_clips(data_root, dataset, "val"))),
        seed=params.base.seed,
        epoch_steps=stage.checkpoint_every,
        batch_size=stage.batch_size,
        how=how,
        frames_per_clip=stage.validation_frames,
        workers=stage.loader_workers,
    )


def sgi_weights(params: Params) -> SgiWeights:
    """Loss weights, the regions in their order."""
    chosen = params.train_sgi.weights.model_dump()
    return SgiWeights(**chosen | {"regions": tuple(chosen["regions"][name] for name in REGIONS)})


def sgi_module(params: Params, parser: FaceParser | None) -> SgiModule:
    """The untrained networks with how they learn."""
    stage = params.train_sgi
    torch.manual_seed(params.base.seed)
    return SgiModule(
        encoder=MaskGuidedEncoder(**encoder_config(params)),
        generator=MaskGuidedGenerator(**generator_config(params)),
        discriminator=PatchDiscriminator(regions=NUM_REGIONS, channels=stage.discriminator.channels),
        parser=parser,
        optimizer=partial(torch.optim.Adam, lr=stage.learning_rate, betas=(0.9, 0.99)),
        discriminator_optimizer=partial(torch.optim.Adam, lr=stage.discriminator.learning_rate, betas=(0.5, 0.99)),
        weights=sgi_weights(params),
        schedule=SgiSchedule(
            reconstruction_steps=stage.reconstruction_steps,
            adversarial_steps=stage.adversarial_steps,
            warmup_steps=stage.warmup_steps,
            ema_decay=stage.ema_decay,
        ),
        edge=stage.edge,
    )


def train_sgi(run: StageRun) -> None:
    """Frames and parsed masks of the training clips -> encoder and generator."""
    params, folder = run.params, run.workspace.model("train_sgi")
    base, stage = params.base, params.train_sgi
    parser_path = run.workspace.model("train_parser") / "parser.ckpt"
    parser = load_net(parser_path, PARSER_KIND, FaceParser) if stage.weights.parsing else None
    module = sgi_module(params, parser)

    def export() -> None:
        nets = module.averaged
        save_net(folder / "encoder.ckpt", nets["encoder"], ENCODER_KIND, encoder_config(params), run.signature)
        save_net(folder / "generator.ckpt", nets["generator"], GENERATOR_KIND, generator_config(params), run.signature)

    fit(
        module,
        sgi_data(params, run.workspace.root / "data", run.workspace.dataset),
        folder=folder,
        label="renderer",
        epochs=(stage.reconstruction_steps + stage.adversarial_steps) // stage.checkpoint_every,
        signature=run.resume_key,
        seed=base.seed,
        devices=params.machine.devices,
        num_nodes=params.machine.num_nodes,
        precision=base.precision,
        log_every=stage.log_every,
        logger=run.logger,
        export=export,
    )
