"""Trains the renderer (SGI): codes of a reference frame and the mask of another to that other frame."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from datamodules.augment import Augmentation
from datamodules.draws import DrawDataModule
from datamodules.labelled_images import LabelledImages, parsed_packs
from datamodules.open_mouths import open_mouths
from datamodules.reference_pairs import PairDraw, PairDraws, PairFrames
from flows.stages.common import StageRun
from flows.stages.labelled_data import (
    LabelledSource,
    clip_source,
    held_out_images,
    join_sources,
    pair_sources,
    weighed_clips,
)
from flows.stages.training import fit, optimizer_factory, start_from_experiment
from lightning_modules.sgi import SgiModule, Smoothing
from segtalker.clips.store import load_clips
from segtalker.config.params import Params
from segtalker.config.sgi import TrainSgi
from segtalker.config.training import DatasetWeights
from segtalker.nets.checkpoints import load_net, save_net
from segtalker.nets.discriminator import Discriminator, PatchDiscriminator
from segtalker.nets.encoder import MaskGuidedEncoder
from segtalker.nets.external.lpips_alex import LpipsAlex
from segtalker.nets.generator import LayeredGenerator, MaskGuidedGenerator
from segtalker.nets.network import Network
from segtalker.nets.parser import FaceParser
from segtalker.nets.pretrained import resolve_weights
from segtalker.nets.renderers import Generator
from segtalker.nets.residual_encoder import ResidualEncoder
from segtalker.nets.stylegan2_discriminator import StyleGan2Discriminator
from segtalker.nets.stylegan2_generator import StyleGan2Generator
from segtalker.nets.stylegan2_weights import start_from_stylegan2
from segtalker.nets.tensors import one_hot, to_images
from segtalker.regions import NUM_REGIONS, REGIONS
from segtalker.utils.paths import expand_path


def sgi_nets(params: Params) -> tuple[MaskGuidedEncoder, Generator]:
    """The untrained encoder and generator."""
    stage = params.train_sgi
    common_args = {"regions": NUM_REGIONS, "image_size": params.base.image_size, **stage.code.net}
    make_encoder = ResidualEncoder if stage.encoder.kind == "residual" else MaskGuidedEncoder
    return make_encoder(**stage.encoder.net, **common_args), _generator(stage, common_args)


def _generator(stage: TrainSgi, common_args: dict[str, Any]) -> Generator:
    if stage.generator.kind == "stylegan2":
        codes = {"style": stage.code.style, "per_layer": stage.code.per_layer}
        size = {name: common_args[name] for name in ("regions", "image_size")}
        return StyleGan2Generator(**{**stage.generator.net, **codes, **size})
    make = LayeredGenerator if stage.code.per_layer else MaskGuidedGenerator
    return make(**stage.generator.net, **common_args)


def sgi_discriminator(params: Params) -> Discriminator:
    """The untrained discriminator."""
    section = params.train_sgi.discriminator
    regions = NUM_REGIONS if section.masks else 0
    if section.kind == "patch":
        return PatchDiscriminator(regions=regions, **section.net)
    widths = section.stylegan2.model_dump()
    return StyleGan2Discriminator(regions=regions, image_size=params.base.image_size, **widths)


def _clip_sources(data_root: Path, dataset: str, weights: DatasetWeights) -> tuple[LabelledSource, LabelledSource]:
    train, held_out = (
        clip_source(weighed_clips(load_clips(data_root, dataset, split), weights), parsed_packs)
        for split in ("train", "val")
    )
    return train, held_out


def sgi_data(params: Params, data_root: Path, dataset: str) -> DrawDataModule:
    """Pairs of frames of the training clips, and of the validation clips, with the parser's masks; photographs too."""
    stage = params.train_sgi
    sources = [_clip_sources(data_root, dataset, stage.datasets)] if stage.data != "pairs" else []
    sources += [pair_sources(params)] if stage.data != "clips" else []
    train, choice = join_sources([source for source, _ in sources], stage.datasets)
    held_out = held_out_images([source for _, source in sources])
    how = PairDraw(
        candidates=stage.reference_candidates,
        same_frame=stage.same_frame,
        augmentation=Augmentation(**stage.augmentation.model_dump()),
        movement=Augmentation(**stage.movement.model_dump()),
        mouth_change=stage.mouth_change,
        hidden_mouth=stage.hidden_mouth,
    )
    return DrawDataModule(
        train=PairDraws(train, choice, params.base.seed, how),
        held_out=PairFrames(held_out, stage.validation_frames),
        epoch_steps=stage.checkpoint_every,
        accumulate=params.training.accumulate,
        batch_size=stage.batch_size,
        eval_batch_size=stage.batch_size,
        workers=params.machine.loader_workers,
    )


def _lpips(stage: TrainSgi) -> LpipsAlex | None:
    """What LPIPS is computed by, where it has a weight."""
    if not stage.loss_weights["lpips"]:
        return None
    trunk = resolve_weights("lpips_trunk", stage.lpips_weights, "train_sgi.lpips_weights")
    return LpipsAlex(trunk, resolve_weights("lpips_heads", stage.lpips_heads, "train_sgi.lpips_heads"))


def sgi_module(params: Params, parser: FaceParser | None) -> SgiModule:
    """The untrained networks with how they learn."""
    stage, discriminator = params.train_sgi, params.train_sgi.discriminator
    torch.manual_seed(params.base.seed)
    encoder, generator = sgi_nets(params)
    return SgiModule(
        encoder=encoder,
        generator=generator,
        discriminator=sgi_discriminator(params),
        parser=parser,
        lpips=_lpips(stage),
        optimizer=optimizer_factory(torch.optim.Adam, lr=stage.learning_rate, betas=(0.9, 0.99)),
        discriminator_optimizer=optimizer_factory(torch.optim.Adam, lr=discriminator.learning_rate, betas=(0.5, 0.99)),
        equalised=[
            name for name, section in (("generator", stage), ("discriminator", discriminator)) if section.equalised
        ],
        game=discriminator.loss,
        smoothing=Smoothing(
            r1=discriminator.r1,
            r1_every=discriminator.r1_every,
            path_every=stage.path_length.every,
            path_shrink=stage.path_length.shrink,
            path_decay=stage.path_length.decay,
        ),
        loss_weights=stage.loss_weights,
        region_weights=[stage.region_weights[name] for name in REGIONS],
        squared_weight=stage.squared_weight,
        gradient_scales=stage.gradient_scales,
        detail_window=stage.detail_window,
        reconstruction_steps=stage.reconstruction_steps,
        adversarial_steps=stage.adversarial_steps,
        warmup_steps=stage.warmup_steps,
        ema_decay=stage.ema_decay,
        edge=stage.edge,
    )


def keep_mouths(encoder: MaskGuidedEncoder, images: LabelledImages) -> None:
    """Has a trained encoder keep the mouths it lends, of people it has learnt from."""
    pictures = open_mouths(images, encoder.lent_mouths)
    if pictures:
        frames, labels = (np.stack(arrays) for arrays in zip(*pictures, strict=True))
        device = encoder.lent_codes.device
        encoder.keep_mouths(to_images(frames, device), one_hot(torch.from_numpy(labels).to(device)))


def train_sgi(run: StageRun) -> None:
    """Frames and parsed masks of the training clips -> encoder and generator."""
    params, folder = run.params, run.workspace.model("train_sgi")
    stage = params.train_sgi
    parser_path = run.workspace.model("train_parser") / "parser.ckpt"
    parser = load_net(parser_path, FaceParser) if stage.loss_weights["parsing"] else None
    module = sgi_module(params, parser)
    if path := stage.generator.weights:
        generator = module.generator["generator"]
        start_from_stylegan2(cast(StyleGan2Generator, generator), expand_path(path, "train_sgi.generator.weights"))
    start_from_experiment(run, dict(cast(Mapping[str, Network], module.generator.items())))
    module.average.load_state_dict(module.generator.state_dict())

    data = sgi_data(params, run.workspace.root / "data", run.workspace.dataset)

    def export() -> None:
        keep_mouths(cast(MaskGuidedEncoder, module.average["encoder"]), cast(PairDraws, data.train_set).images)
        for name, net in module.average.items():
            save_net(folder / f"{name}.ckpt", cast(Network, net), run.signature)

    fit(run, module, data, stage, export, steps=stage.reconstruction_steps + stage.adversarial_steps)
