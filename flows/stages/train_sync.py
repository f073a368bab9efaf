"""Trains the sync experts of the mask and the image domain and says how often they find the true offset."""

from functools import partial
from typing import Literal

import pandas as pd
import torch
from pytorch_lightning.utilities import rank_zero_only

from datamodules.draws import DrawDataModule
from datamodules.mouth_clips import Content, MouthSplits, open_mouth_splits, window_shape
from datamodules.speech_augmentation import SpeechAugmentation
from datamodules.sync import SyncClips, SyncDraws
from flows.stages.common import StageRun
from flows.stages.training import fit, optimizer_factory, start_from_experiment
from lightning_modules.sync import SyncModule
from lightning_modules.training import HISTORY_FILE
from segtalker.config.params import Params
from segtalker.config.training import Expert, TrainSync
from segtalker.faces.mouth_box import mouth_slices
from segtalker.metrics.sync_expert import find_offsets, offset_accuracy
from segtalker.nets.checkpoints import load_net, save_net
from segtalker.nets.sync import SyncExpert
from segtalker.nets.tensors import MASK_CHANNELS, RGB_CHANNELS, mask_channels, rgb_channels
from segtalker.utils.atomic import atomic_file, write_text

Domain = Literal["mask", "image"]
DOMAINS: tuple[Domain, ...] = ("mask", "image")
_CONTENT: dict[Domain, Content] = {"mask": "masks", "image": "frames"}
_TRAINED_FILE = "trained"  # marks an expert that is done while the stage is not
_CHANNELS = {"mask": mask_channels, "image": rgb_channels}


def expert_params(domain: Domain, params: Params) -> Expert:
    """The section of an expert."""
    return params.train_sync.mask_expert if domain == "mask" else params.train_sync.image_expert


def expert_net(domain: Domain, params: Params) -> SyncExpert:
    """An untrained expert."""
    base = params.base
    size = (base.mouth_box.height, base.mouth_box.width)
    return SyncExpert(
        **expert_params(domain, params).net.model_dump(),
        image_channels=MASK_CHANNELS if domain == "mask" else RGB_CHANNELS,
        frames=base.window_frames,
        image_size=size,
        view=[(part.start, part.stop) for part in mouth_slices(size)],
        mel_bins=base.mel.bins,
        mel_window=base.mel_window,
        standardise=domain == "image",
        positive=params.train_sync.loss == "bce",
    )


def sync_data(domain: Domain, params: Params, clips: MouthSplits) -> DrawDataModule:
    """Training groups and validation clips of a domain."""
    stage, window = params.train_sync, window_shape(params.base)
    draws = SyncDraws(
        clips.train,
        choice=clips.train.choice(stage.datasets),
        content=_CONTENT[domain],
        window=window,
        seed=params.base.seed,
        windows_per_clip=stage.windows_per_clip,
        span_frames=stage.span_frames,
        augmentation=SpeechAugmentation(**stage.speech_augmentation.model_dump()),
        colour=stage.colour,
    )
    return DrawDataModule(
        train=draws,
        held_out=SyncClips(clips.val, _CONTENT[domain], window),
        epoch_steps=stage.checkpoint_every,
        accumulate=params.training.accumulate,
        batch_size=stage.batch_size,
        eval_batch_size=None,  # a clip is a batch of windows
        workers=params.machine.loader_workers,
    )


def _offset_search(stage: TrainSync) -> partial:
    return partial(
        find_offsets,
        max_shift=stage.max_shift,
        piece_frames=stage.piece_frames,
        piece_stride=stage.piece_stride,
        batch_size=stage.eval_batch_size,
    )


def sync_module(domain: Domain, params: Params) -> SyncModule:
    """An untrained expert with how it learns."""
    stage = params.train_sync
    torch.manual_seed(params.base.seed)
    return SyncModule(
        expert_net(domain, params),
        domain=domain,
        channels=_CHANNELS[domain],
        optimizer=optimizer_factory(torch.optim.AdamW, lr=stage.learning_rate, weight_decay=stage.weight_decay),
        steps=expert_params(domain, params).steps,
        warmup_steps=stage.warmup_steps,
        loss=stage.loss,
        temperature=stage.temperature,
        find_offsets=_offset_search(stage),
        tolerance=stage.tolerance,
    )


def train_expert(run: StageRun, domain: Domain, clips: MouthSplits) -> None:
    """Trains one expert, unless an interrupted run of the same experiment already did."""
    params, folder = run.params, run.workspace.model("train_sync")
    mark = folder / domain / _TRAINED_FILE
    if mark.is_file() and mark.read_text(encoding="utf-8") == run.resume_key:
        return
    module = sync_module(domain, params)
    start_from_experiment(run, {f"{domain}_expert": module.expert})

    def export() -> None:
        save_net(folder / f"{domain}_expert.ckpt", module.expert, run.signature)
        write_text(mark, run.resume_key)

    data, steps = sync_data(domain, params, clips), expert_params(domain, params).steps
    fit(run, module, data, params.train_sync, export, steps=steps, part=domain)


def offset_scores(expert: SyncExpert, domain: Domain, params: Params, clips: MouthSplits) -> dict[str, float]:
    """Share of the pieces of held-out clips whose offset an expert finds, by split."""
    stage, search = params.train_sync, _offset_search(params.train_sync)
    scores = {}
    for split, boxes in (("val", clips.val), ("test", clips.test)):
        samples = SyncClips(boxes, _CONTENT[domain], window_shape(params.base))
        held_out = (samples[index] for index in range(len(samples)))
        offsets = [search(expert, _CHANNELS[domain](pictures), mel) for pictures, mel in held_out]
        scores[split] = offset_accuracy(torch.cat(offsets), stage.tolerance)
    return scores


@rank_zero_only
def report(run: StageRun, clips: MouthSplits) -> None:
    """Joins the histories and scores both experts on people held out."""
    folder = run.workspace.model("train_sync")
    history = pd.concat([pd.read_csv(folder / domain / HISTORY_FILE) for domain in DOMAINS])
    rows = []
    for domain in DOMAINS:
        expert = load_net(folder / f"{domain}_expert.ckpt", SyncExpert)
        scores = offset_scores(expert, domain, run.params, clips)
        run.log_metrics({f"{split}/{domain}_offset_accuracy": value for split, value in scores.items()})
        rows += [{"expert": domain, "split": split, "offset_accuracy": value} for split, value in scores.items()]
    for name, table in ((HISTORY_FILE, history), ("offset_accuracy.csv", pd.DataFrame(rows))):
        with atomic_file(folder / name) as temporary:
            table.to_csv(temporary, index=False)
    for domain in DOMAINS:
        (folder / domain / _TRAINED_FILE).unlink()


def train_sync(run: StageRun) -> None:
    """Masks and frames of the training clips -> two experts."""
    params, root, dataset = run.params, run.workspace.root / "data", run.workspace.dataset
    border, cache_mib = params.train_sync.jitter, params.machine.cache_mib
    clips = open_mouth_splits(root, dataset, params.base, border=border, cache_mib=cache_mib)
    for domain in DOMAINS:
        train_expert(run, domain, clips)
    report(run, clips)
