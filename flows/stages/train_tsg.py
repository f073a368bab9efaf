"""Trains talking segmentation generation: speech and masks to talking masks."""

from functools import partial

import torch

from datamodules.mouth_clips import MouthSplits, open_mouth_splits, window_shape
from datamodules.speech_augmentation import SpeechAugmentation
from datamodules.tsg import TsgClipWindows, TsgDataModule, TsgDraws, TsgWindows
from flows.stages.common import StageRun
from lightning_modules.training import fit
from lightning_modules.tsg import TsgModule
from segtalker.config.params import Params
from segtalker.nets.checkpoints import load_net, save_net
from segtalker.nets.sync import SyncExpert
from segtalker.nets.tsg import TalkingSegmenter
from segtalker.regions import NUM_REGIONS


def tsg_config(params: Params) -> dict:
    """Constructor arguments of the network."""
    base, stage = params.base, params.train_tsg
    return {
        "regions": NUM_REGIONS,
        "frames": stage.frames,
        "mel_bins": base.mel.bins,
        "mel_window": stage.mel_columns,
        "channels": list(stage.channels),
        "decoder_channels": list(stage.decoder_channels),
        "audio_channels": list(stage.audio_channels),
        "blocks": stage.blocks,
        "speech": stage.speech,
    }


def tsg_data(params: Params, clips: MouthSplits) -> TsgDataModule:
    """Random training windows and the windows of validation clips."""
    stage, window = params.train_tsg, window_shape(params.base)
    augmentation = SpeechAugmentation(**stage.speech_augmentation.model_dump())
    train = TsgWindows(clips.train, window, stage.mel_columns)
    return TsgDataModule(
        train=TsgDraws(train, params.base.seed, augmentation),
        held_out=TsgClipWindows(TsgWindows(clips.val, window, stage.mel_columns)),
        epoch_steps=stage.checkpoint_every,
        batch_size=stage.batch_size,
        eval_batch_size=stage.eval_batch_size,
        workers=stage.loader_workers,
    )


def tsg_module(params: Params, expert: SyncExpert) -> TsgModule:
    """The untrained network with how it learns."""
    stage, box = params.train_tsg, params.base.mouth_box
    torch.manual_seed(params.base.seed)
    return TsgModule(
        TalkingSegmenter(**tsg_config(params)),
        expert=expert,
        optimizer=partial(torch.optim.AdamW, lr=stage.learning_rate, weight_decay=stage.weight_decay),
        steps=stage.steps,
        warmup_steps=stage.warmup_steps,
        balance=stage.balance,
        sync_weight=stage.sync_weight,
        box_size=(box.height, box.width),
    )


def train_tsg(run: StageRun) -> None:
    """Masks and speech of the training clips, judged by the mask-domain expert -> the network."""
    params, folder = run.params, run.workspace.model("train_tsg")
    base, stage = params.base, params.train_tsg
    root, dataset = run.workspace.root / "data", run.workspace.dataset
    clips = open_mouth_splits(root, dataset, base, border=stage.jitter, cache_mib=stage.cache_mib)
    expert = load_net(run.workspace.model("train_sync") / "mask_expert.ckpt", "sync_expert", SyncExpert)
    module = tsg_module(params, expert)
    fit(
        module,
        tsg_data(params, clips),
        folder=folder,
        label="talking segmentation",
        epochs=stage.steps // stage.checkpoint_every,
        signature=run.resume_key,
        seed=base.seed,
        devices=params.machine.devices,
        num_nodes=params.machine.num_nodes,
        precision=base.precision,
        log_every=stage.log_every,
        logger=run.logger,
        export=lambda: save_net(folder / "tsg.ckpt", module.net, "tsg", tsg_config(params), run.signature),
    )
