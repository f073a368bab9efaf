"""Trains the face parser on labelled masks: the dataset's own, or a folder of real pairs."""

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import torch

from datamodules.augment import Augmentation
from datamodules.draws import DrawDataModule
from datamodules.labelled_frames import LabelledDraws, LabelledFrames
from datamodules.labelled_images import CachedImages, ClipFrames, LabelledImages, PairFolder, find_pairs, truth_packs
from flows.stages.common import StageRun
from flows.stages.training import fit, optimizer_factory
from lightning_modules.parser import ParserModule
from segtalker.clips.record import ClipRecord
from segtalker.clips.store import Clip
from segtalker.clips.tables import read_records
from segtalker.config.params import Params
from segtalker.nets.checkpoints import load_net, save_net
from segtalker.nets.parser import FaceParser
from segtalker.regions import NUM_REGIONS
from segtalker.utils.atomic import atomic_file, write_text
from segtalker.utils.errors import BadInputError
from segtalker.utils.paths import expand_path

Item = TypeVar("Item")


def hold_out(items: Sequence[Item], names: Sequence[str], share: float) -> tuple[list[Item], list[Item]]:
    """Splits items by a hash of their names, so that a new item moves no other: kept, held out.

    Items of one name stay together. Of two names or more, one at least is on each side.

    Raises:
        BadInputError: all have one name.
    """
    sorted_names = sorted(set(names), key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    if len(sorted_names) < 2:
        raise BadInputError("train_parser needs masks of at least two subjects, one to learn from and one held out")
    count = min(max(1, round(share * len(sorted_names))), len(sorted_names) - 1)
    held_out = set(sorted_names[:count])
    pairs = list(zip(items, names, strict=True))
    return [item for item, name in pairs if name not in held_out], [item for item, name in pairs if name in held_out]


def cropped_clips(folder: Path, table: Path) -> list[Clip]:
    """Clips that `gate` passed; they have no parsed masks yet."""
    return [
        Clip(
            clip_id=record.clip_id,
            subject=record.subject,
            split=record.split,
            crop_folder=folder / "clips" / record.clip_id,
            gate_folder=table.parent / "clips" / record.clip_id,
            parse_folder=folder / "clips" / record.clip_id,
        )
        for record in read_records(table, ClipRecord)
    ]


def clip_images(folder: Path, table: Path, held_out: float) -> tuple[LabelledImages, LabelledImages]:
    """Frames and masks of the dataset: to learn from, and of people held out."""
    clips = cropped_clips(folder, table)
    if all(clip.split for clip in clips):
        train = [clip for clip in clips if clip.split == "train"]
        held_clips = [clip for clip in clips if clip.split != "train"]
    else:
        train, held_clips = hold_out(clips, [clip.subject for clip in clips], held_out)
    return ClipFrames(truth_packs(train)), ClipFrames(truth_packs(held_clips))


def pair_images(params: Params) -> tuple[LabelledImages, LabelledImages]:
    """Real image and mask pairs: to learn from, and held out."""
    stage = params.train_parser
    root = os.path.expandvars(stage.pairs_root)
    if "$" in root or not root:
        raise BadInputError(f"train_parser.pairs_root {stage.pairs_root!r}: set the variable, or name a folder")
    pairs = find_pairs(Path(root))
    parts = hold_out(pairs, [image.stem for image, _ in pairs], stage.held_out)
    train, held_images = (CachedImages(PairFolder(part, stage.pairs_order, params.base.image_size)) for part in parts)
    return train, held_images


def parser_data(params: Params, crop_folder: Path, table: Path) -> DrawDataModule:
    """Training draws and validation frames."""
    stage = params.train_parser
    sources = clip_images(crop_folder, table, stage.held_out) if stage.labels == "clips" else pair_images(params)
    return DrawDataModule(
        train=LabelledDraws(sources[0], params.base.seed, Augmentation(**stage.augmentation.model_dump())),
        held_out=LabelledFrames(sources[1], stage.validation_frames),
        epoch_steps=stage.checkpoint_every,
        batch_size=stage.batch_size,
        eval_batch_size=stage.batch_size,
        workers=params.machine.loader_workers,
    )


def parser_net(params: Params) -> FaceParser:
    """The untrained network."""
    return FaceParser(**params.train_parser.net.model_dump(), regions=NUM_REGIONS)


def parser_module(params: Params) -> ParserModule:
    """The untrained network with how it learns."""
    stage = params.train_parser
    torch.manual_seed(params.base.seed)
    return ParserModule(
        parser_net(params),
        optimizer=optimizer_factory(torch.optim.AdamW, lr=stage.learning_rate, weight_decay=stage.weight_decay),
        steps=stage.steps,
        warmup_steps=stage.warmup_steps,
        balance=stage.balance,
        loss_weights=stage.loss_weights,
    )


def adopt_parser(run: StageRun, folder: Path) -> None:
    """Takes over a parser that was trained elsewhere; where none is named, says in words that there is none.

    Raises:
        MissingWeightsError: it is not there.
        BadInputError: it is no parser.
    """
    if not run.params.train_parser.weights:
        write_text(folder / "none.txt", "train_parser.labels is none: no parser was trained\n")
        return
    path = expand_path(run.params.train_parser.weights, "train_parser.weights")
    load_net(path, FaceParser)
    with atomic_file(folder / "parser.ckpt") as temporary:
        shutil.copyfile(path, temporary)


def train_parser(run: StageRun) -> None:
    """Labelled masks -> the parser."""
    params, folder = run.params, run.workspace.model("train_parser")
    stage = params.train_parser
    if stage.labels == "none":
        adopt_parser(run, folder)
        return
    module = parser_module(params)
    data = parser_data(params, run.workspace.data("crop"), run.workspace.data("gate") / "clips.csv")

    def export() -> None:
        save_net(folder / "parser.ckpt", module.net, run.signature)

    fit(run, module, data, stage, export, steps=stage.steps)
