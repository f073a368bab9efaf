"""Trains talking segmentation generation: speech and masks to talking masks."""

import torch

from datamodules.draws import DrawDataModule
from datamodules.mouth_clips import MouthClips, MouthSplits, open_mouth_splits, window_shape
from datamodules.speech_augmentation import SpeechAugmentation
from datamodules.tsg import TsgClipWindows, TsgDraws, TsgWindows
from flows.stages.common import StageRun
from flows.stages.training import fit, optimizer_factory, start_from_experiment
from lightning_modules.tsg import TsgModule
from segtalker.config.params import Params
from segtalker.inference.speech_features import KEY, cached_features, feature_rows, open_encoder
from segtalker.nets.checkpoints import load_net, save_net
from segtalker.nets.feature_encoder import FeatureSegmenter
from segtalker.nets.sync import SyncExpert
from segtalker.nets.tsg import TalkingSegmenter
from segtalker.regions import NUM_REGIONS
from segtalker.utils.paths import expand_path


def tsg_net(params: Params) -> TalkingSegmenter:
    """The untrained network."""
    section = params.train_tsg
    shape = {**section.net.model_dump(), "regions": NUM_REGIONS}
    if section.features.kind == "hubert":
        return FeatureSegmenter(**shape, mel_bins=feature_rows(expand_path(section.features.weights, KEY)))
    return TalkingSegmenter(**shape, mel_bins=params.base.mel.bins)


def _windows(params: Params, clips: MouthSplits) -> tuple[TsgWindows, TsgWindows]:
    """Of training and validation; features of speech are made here where they are what is heard."""
    section, window = params.train_tsg, window_shape(params.base)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    encoder = open_encoder(section.features, params.base.clock, device)

    def windows(part: MouthClips) -> TsgWindows:
        features = [cached_features(encoder, clip) for clip in part.clips] if encoder else None
        return TsgWindows(part, window, section.net.mel_window, features)

    return windows(clips.train), windows(clips.val)


def tsg_data(params: Params, clips: MouthSplits) -> DrawDataModule:
    """Random training windows and the windows of validation clips."""
    stage = params.train_tsg
    augmentation = (
        SpeechAugmentation(**stage.speech_augmentation.model_dump()) if stage.features.kind == "mel" else None
    )
    train, held_out = _windows(params, clips)
    return DrawDataModule(
        train=TsgDraws(train, clips.train.choice(stage.datasets), params.base.seed, augmentation),
        held_out=TsgClipWindows(held_out),
        epoch_steps=stage.checkpoint_every,
        accumulate=params.training.accumulate,
        batch_size=stage.batch_size,
        eval_batch_size=stage.eval_batch_size,
        workers=params.machine.loader_workers,
    )


def tsg_module(params: Params, expert: SyncExpert) -> TsgModule:
    """The untrained network with how it learns."""
    stage, box = params.train_tsg, params.base.mouth_box
    torch.manual_seed(params.base.seed)
    return TsgModule(
        tsg_net(params),
        expert=expert,
        optimizer=optimizer_factory(torch.optim.AdamW, lr=stage.learning_rate, weight_decay=stage.weight_decay),
        steps=stage.steps,
        warmup_steps=stage.warmup_steps,
        balance=stage.balance,
        loss_weights=stage.loss_weights,
        box_size=(box.height, box.width),
    )


def train_tsg(run: StageRun) -> None:
    """Masks and speech of the training clips, judged by the mask-domain expert -> the network."""
    params, folder = run.params, run.workspace.model("train_tsg")
    stage, cache_mib = params.train_tsg, params.machine.cache_mib
    root, dataset = run.workspace.root / "data", run.workspace.dataset
    clips = open_mouth_splits(root, dataset, params.base, border=stage.jitter, cache_mib=cache_mib)
    expert = load_net(run.workspace.model("train_sync") / "mask_expert.ckpt", SyncExpert)
    module = tsg_module(params, expert)
    start_from_experiment(run, {"tsg": module.net})

    def export() -> None:
        save_net(folder / "tsg.ckpt", module.net, run.signature)

    fit(run, module, tsg_data(params, clips), stage, export, steps=stage.steps)
