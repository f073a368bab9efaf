"""Trains the face parser on labelled masks: the dataset's own, or a folder of real pairs."""

import shutil
from pathlib import Path

import torch

from datamodules.augment import Augmentation
from datamodules.draws import DrawDataModule
from datamodules.labelled_frames import LabelledDraws, LabelledFrames
from datamodules.labelled_images import truth_packs
from flows.stages.common import StageRun
from flows.stages.labelled_data import (
    LabelledSource,
    clip_source,
    held_out_images,
    hold_out,
    join_sources,
    pair_sources,
    weighed_clips,
)
from flows.stages.training import fit, optimizer_factory, start_from_experiment
from lightning_modules.parser import ParserModule
from segtalker.clips.record import ClipRecord
from segtalker.clips.store import Clip
from segtalker.clips.tables import read_records
from segtalker.config.params import Params
from segtalker.config.training import TrainParser
from segtalker.nets.checkpoints import load_net, save_net
from segtalker.nets.parser import FaceParser
from segtalker.regions import NUM_REGIONS
from segtalker.utils.atomic import atomic_file, write_text
from segtalker.utils.paths import expand_path


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
            dataset=record.dataset,
        )
        for record in read_records(table, ClipRecord)
    ]


def clip_sources(folder: Path, table: Path, stage: TrainParser) -> tuple[LabelledSource, LabelledSource]:
    """Frames with the dataset's own masks: to learn from, and of people held out.

    Clips that have a split keep it, whatever others have: one that is tested must not be learnt from.
    """
    clips = weighed_clips(cropped_clips(folder, table), stage.datasets)
    train = [clip for clip in clips if clip.split == "train"]
    held_clips = [clip for clip in clips if clip.split not in ("train", "")]
    if undecided := [clip for clip in clips if not clip.split]:
        sides = hold_out(undecided, [clip.subject for clip in undecided], stage.held_out)
        train, held_clips = train + sides[0], held_clips + sides[1]
    return clip_source(train, truth_packs), clip_source(held_clips, truth_packs)


def parser_data(params: Params, crop_folder: Path, table: Path) -> DrawDataModule:
    """Training draws and validation frames."""
    stage = params.train_parser
    sources = [clip_sources(crop_folder, table, stage)] if stage.labels != "pairs" else []
    sources += [pair_sources(params)] if stage.labels != "clips" else []
    train, choice = join_sources([source for source, _ in sources], stage.datasets)
    held_out = held_out_images([source for _, source in sources])
    return DrawDataModule(
        train=LabelledDraws(
            train,
            choice,
            params.base.seed,
            Augmentation(**stage.augmentation.model_dump()),
            coarse_steps=stage.coarse_steps,
        ),
        held_out=LabelledFrames(held_out, stage.validation_frames),
        epoch_steps=stage.checkpoint_every,
        accumulate=params.training.accumulate,
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
    start_from_experiment(run, {"parser": module.net})
    data = parser_data(params, run.workspace.data("crop"), run.workspace.data("gate") / "clips.csv")

    def export() -> None:
        save_net(folder / "parser.ckpt", module.net, run.signature)

    fit(run, module, data, stage, export, steps=stage.steps)
