"""Trains the baseline Wav2Lip: faces without their lower half, a reference and speech to faces."""

import torch

from datamodules.draws import DrawDataModule
from datamodules.mouth_clips import MouthSplits, open_face_splits, window_shape
from datamodules.speech_augmentation import SpeechAugmentation
from datamodules.wav2lip import FaceClipWindows, FaceDraws, FaceWindows
from flows.stages.common import StageRun
from flows.stages.training import fit, optimizer_factory, start_from_experiment
from lightning_modules.wav2lip import Wav2LipModule
from segtalker.config.params import Params
from segtalker.nets.checkpoints import load_net, save_net
from segtalker.nets.discriminator import PatchDiscriminator
from segtalker.nets.sync import SyncExpert
from segtalker.nets.wav2lip import Wav2LipGenerator, face_size
from segtalker.utils.atomic import write_text


def wav2lip_net(params: Params) -> Wav2LipGenerator:
    """The untrained network."""
    base, net = params.base, params.train_wav2lip.net
    return Wav2LipGenerator(**net.model_dump(), mel_bins=base.mel.bins, mel_window=base.mel_window)


def wav2lip_data(params: Params, clips: MouthSplits) -> DrawDataModule:
    """Random training windows and the windows of validation clips."""
    base, stage, window = params.base, params.train_wav2lip, window_shape(params.base)
    augmentation = SpeechAugmentation(**stage.speech_augmentation.model_dump())
    draws = FaceDraws(
        FaceWindows(clips.train, window, base.mel_window),
        clips.train.choice(stage.datasets),
        seed=base.seed,
        augmentation=augmentation,
        colour=stage.colour,
        windows_from_step=stage.sync_from_step,
    )
    return DrawDataModule(
        train=draws,
        held_out=FaceClipWindows(FaceWindows(clips.val, window, base.mel_window)),
        epoch_steps=stage.checkpoint_every,
        accumulate=params.training.accumulate,
        batch_size=stage.batch_size,
        eval_batch_size=stage.eval_batch_size,
        workers=params.machine.loader_workers,
    )


def wav2lip_module(params: Params, expert: SyncExpert) -> Wav2LipModule:
    """The untrained network with how it learns."""
    stage, box = params.train_wav2lip, params.base.mouth_box
    discriminator = stage.discriminator
    torch.manual_seed(params.base.seed)
    return Wav2LipModule(
        wav2lip_net(params),
        discriminator=PatchDiscriminator(regions=0, **discriminator.net),
        expert=expert,
        optimizer=optimizer_factory(torch.optim.AdamW, lr=stage.learning_rate, weight_decay=stage.weight_decay),
        discriminator_optimizer=optimizer_factory(torch.optim.Adam, lr=discriminator.learning_rate, betas=(0.5, 0.99)),
        loss_weights=stage.loss_weights,
        squared_weight=stage.squared_weight,
        mouth_weight=stage.mouth_weight,
        sync_from_step=stage.sync_from_step,
        adversarial_from_step=discriminator.from_step,
        steps=stage.steps,
        warmup_steps=stage.warmup_steps,
        mouth_size=(box.height, box.width),
    )


def train_wav2lip(run: StageRun) -> None:
    """Frames and speech of the training clips, judged by the image-domain expert -> the network."""
    params, folder = run.params, run.workspace.model("train_wav2lip")
    stage = params.train_wav2lip
    if not stage.trained:
        write_text(folder / "none.txt", "train_wav2lip.trained is false: the baseline was not trained\n")
        return
    clips = open_face_splits(
        run.workspace.root / "data",
        run.workspace.dataset,
        params.base,
        side=face_size(len(stage.net.channels)),
        border=stage.jitter,
        cache_mib=params.machine.cache_mib,
    )
    expert = load_net(run.workspace.model("train_sync") / "image_expert.ckpt", SyncExpert)
    module = wav2lip_module(params, expert)
    start_from_experiment(run, {"wav2lip": module.generator})

    def export() -> None:
        save_net(folder / "wav2lip.ckpt", module.generator, run.signature)

    fit(run, module, wav2lip_data(params, clips), stage, export, steps=stage.steps)
