"""Trains the baseline Wav2Lip: faces without their lower half, a reference and speech to faces."""

from functools import partial

import torch

from datamodules.mouth_clips import MouthSplits, open_face_splits, window_shape
from datamodules.speech_augmentation import SpeechAugmentation
from datamodules.tsg import TsgDataModule
from datamodules.wav2lip import FaceClipWindows, FaceDraws, FaceWindows
from flows.stages.common import StageRun
from lightning_modules.training import fit
from lightning_modules.wav2lip import Wav2LipModule, Wav2LipWeights
from segtalker.config.params import Params
from segtalker.nets.checkpoints import load_net, save_net
from segtalker.nets.discriminator import PatchDiscriminator
from segtalker.nets.sync import SyncExpert
from segtalker.nets.wav2lip import WAV2LIP_KIND, Wav2LipGenerator, face_size
from segtalker.utils.atomic import write_text


def wav2lip_config(params: Params) -> dict:
    """Constructor arguments of the network."""
    base, stage = params.base, params.train_wav2lip
    return {
        "channels": list(stage.channels),
        "blocks": list(stage.blocks),
        "decoder_channels": list(stage.decoder_channels),
        "decoder_blocks": list(stage.decoder_blocks),
        "audio_channels": list(stage.audio_channels),
        "audio_blocks": list(stage.audio_blocks),
        "mel_bins": base.mel.bins,
        "mel_window": base.mel_window,
    }


def wav2lip_data(params: Params, clips: MouthSplits) -> TsgDataModule:
    """Random training windows and the windows of validation clips."""
    base, stage, window = params.base, params.train_wav2lip, window_shape(params.base)
    augmentation = SpeechAugmentation(**stage.speech_augmentation.model_dump())
    draws = FaceDraws(
        FaceWindows(clips.train, window, base.mel_window),
        seed=base.seed,
        augmentation=augmentation,
        colour=stage.colour,
        # no later than the step sync counts from, however many processes draw
        windows_from=stage.sync_from_step * stage.batch_size,
    )
    return TsgDataModule(
        train=draws,
        held_out=FaceClipWindows(FaceWindows(clips.val, window, base.mel_window)),
        epoch_steps=stage.checkpoint_every,
        batch_size=stage.batch_size,
        eval_batch_size=stage.eval_batch_size,
        workers=stage.loader_workers,
    )


def wav2lip_module(params: Params, expert: SyncExpert) -> Wav2LipModule:
    """The untrained network with how it learns."""
    stage, box, critic = params.train_wav2lip, params.base.mouth_box, params.train_wav2lip.adversarial
    torch.manual_seed(params.base.seed)
    return Wav2LipModule(
        Wav2LipGenerator(**wav2lip_config(params)),
        discriminator=PatchDiscriminator(regions=0, channels=critic.channels),
        expert=expert,
        optimizer=partial(torch.optim.AdamW, lr=stage.learning_rate, weight_decay=stage.weight_decay),
        discriminator_optimizer=partial(torch.optim.Adam, lr=critic.learning_rate, betas=(0.5, 0.99)),
        weights=Wav2LipWeights(
            squared=stage.squared_weight,
            mouth=stage.mouth_weight,
            sync=stage.sync_weight,
            sync_from_step=stage.sync_from_step,
            adversarial=critic.weight,
            adversarial_from_step=critic.from_step,
        ),
        steps=stage.steps,
        warmup_steps=stage.warmup_steps,
        mouth_size=(box.height, box.width),
    )


def train_wav2lip(run: StageRun) -> None:
    """Frames and speech of the training clips, judged by the image-domain expert -> the network."""
    params, folder = run.params, run.workspace.model("train_wav2lip")
    base, stage = params.base, params.train_wav2lip
    if not stage.trained:
        write_text(folder / "none.txt", "train_wav2lip.trained is false: the baseline was not trained\n")
        return
    clips = open_face_splits(
        run.workspace.root / "data",
        run.workspace.dataset,
        base,
        side=face_size(len(stage.channels)),
        border=stage.jitter,
        cache_mib=stage.cache_mib,
    )
    expert = load_net(run.workspace.model("train_sync") / "image_expert.ckpt", "sync_expert", SyncExpert)
    module = wav2lip_module(params, expert)
    fit(
        module,
        wav2lip_data(params, clips),
        folder=folder,
        label="baseline Wav2Lip",
        epochs=stage.steps // stage.checkpoint_every,
        signature=run.resume_key,
        seed=base.seed,
        devices=params.machine.devices,
        num_nodes=params.machine.num_nodes,
        precision=base.precision,
        log_every=stage.log_every,
        logger=run.logger,
        export=lambda: save_net(
            folder / "wav2lip.ckpt", module.net, WAV2LIP_KIND, wav2lip_config(params), run.signature
        ),
    )
