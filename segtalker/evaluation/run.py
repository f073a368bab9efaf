"""Measuring every method's videos of the test clips: config, protocol, tasks and the long table of scores."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import pandas as pd
import torch

from segtalker.clips.record import ClipRecord
from segtalker.clips.runner import ClipTask, run_clips, task_key
from segtalker.clips.store import Clip, load_clips, read_table, write_table
from segtalker.clips.tables import read_records
from segtalker.clips.worker_pools import Pool
from segtalker.config.base import Machine
from segtalker.config.evaluation import Evaluate
from segtalker.config.params import Params
from segtalker.config.workspace import Workspace
from segtalker.evaluation import protocol
from segtalker.evaluation.clip import EvaluateConfig, EvaluationRecord, evaluate_clip
from segtalker.evaluation.metric_nets import MetricNetsConfig, WeightFiles, load_metric_nets
from segtalker.evaluation.result_files import GROUPS, METHOD_FAILURE_COLUMNS
from segtalker.evaluation.score_table import (
    MeasuredClip,
    clip_scores,
    dataset_scores,
    score_table,
)
from segtalker.faces.parsing import choose_parser
from segtalker.metrics.catalogue import describe
from segtalker.utils.code_hash import code_hash
from segtalker.utils.errors import BadInputError
from segtalker.utils.hashing import file_sha256

_PATHS = ("_weights", "_heads")
Groups = Mapping[str, Mapping[str, str]]


def evaluate_config(params: Params, workspace: Workspace) -> EvaluateConfig:
    """How clips are measured."""
    base, settings = params.base, params.evaluate
    expert = workspace.model("train_sync") / "image_expert.ckpt"
    return EvaluateConfig(
        data=workspace.root / "data",
        dataset=workspace.dataset,
        generate_folder=workspace.results("generate"),
        cache=workspace.root / ".cache" / "features",
        reference_masks=settings.reference_masks,
        nets=MetricNetsConfig(
            parser=choose_parser(params.parse, workspace.models),
            expert=expert if expert.is_file() else None,
            weights=WeightFiles.of(settings),
            stand_ins=settings.stand_ins,
            device="cuda" if torch.cuda.is_available() else "cpu",
        ),
        clock=base.clock,
        batch_size=settings.batch_size,
    )


def evaluation_pool(device: str, machine: Machine) -> Pool:
    """A process a GPU where there are any, else where params say."""
    return Pool(torch.cuda.device_count(), "") if device == "cuda" else Pool.of(machine)


def make_protocol(config: EvaluateConfig, settings: Evaluate, clips: Sequence[Clip]) -> dict[str, dict[str, str]]:
    """What makes the numbers comparable with another run's, see `segtalker.evaluation.protocol`.

    Args:
        config: how clips are measured.
        settings: of the stage.
        clips: those that were to be measured, whether it went well or not.
    """
    all_settings, nets = settings.model_dump(mode="json"), config.nets
    protocol_settings = {
        name: value for name, value in all_settings.items() if name != "batch_size" and not name.endswith(_PATHS)
    }
    clock = config.clock
    protocol_settings |= {"fps": clock.fps, "sample_rate_hz": clock.sample_rate_hz}
    protocol_settings |= {"mel_rate": float(clock.mel_rate), "smooth_frames": clock.smooth_frames}
    protocol_settings |= {"reference_masks": config.reference_masks, "parser": nets.parser.backend}
    return protocol.make_protocol(
        metrics=describe(config.reference_masks, nets.stand_ins),
        settings=protocol_settings,
        weights={name: file_sha256(path) for name, path in nets.weights.files},
        clips={clip.clip_id: protocol.clip_hash(_reference_hashes(config, clip)) for clip in clips},
        parser=file_sha256(nets.parser.path),
        expert=file_sha256(nets.expert) if nets.expert and nets.stand_ins else "",
        code=code_hash(evaluate_clip.__module__, clip_scores.__module__),
    )


def _reference_hashes(config: EvaluateConfig, clip: Clip) -> dict[str, str]:
    """Hashes of what a clip's videos are held against; a file that is missing has none."""
    crop, uses_parser = clip.crop_folder, config.reference_masks == "parsed"
    masks = clip.parse_folder / "masks.zip" if uses_parser else crop / "truth_masks.zip"
    files = {"frames": crop / "frames.zip", "sound": clip.audio_path, "landmarks": crop / "landmarks.npy"}
    return {name: file_sha256(path) for name, path in (files | {"masks": masks}).items() if path.is_file()}


def tried_clips(config: EvaluateConfig, generated_clips: Iterable[str]) -> list[Clip]:
    """The test clips that `generate` worked on: those it made and those it gave up on."""
    failures = config.generate_folder / "failures.csv"
    failed_clips = set(read_table(failures)["clip_id"]) if failures.is_file() else set()
    return [
        clip
        for clip in load_clips(config.data, config.dataset, "test")
        if clip.clip_id in failed_clips | set(generated_clips)
    ]


def clip_groups(path: Path) -> dict[str, dict[str, str]]:
    """What a dataset says of its clips beside who speaks, by clip: `GROUPS`, where it has them."""
    return {
        record.clip_id: {name: value for name, value in record.groups.items() if name in GROUPS}
        for record in read_records(path, ClipRecord)
    }


def made_by_clip(folder: Path) -> tuple[dict[str, list[str]], list[str]]:
    """Methods that made each clip, and all methods in the order of the table `generate` wrote."""
    table = read_table(folder / "clips.csv")
    methods_by_clip = {str(clip): sorted(rows["method"]) for clip, rows in table.groupby("clip_id")}
    if not methods_by_clip:
        raise BadInputError(f"{folder / 'clips.csv'}: lists no videos; see failures.csv beside it")
    return methods_by_clip, list(dict.fromkeys(table["method"]))


def make_tasks(
    config: EvaluateConfig, clips: Sequence[Clip], methods_by_clip: Mapping[str, Sequence[str]], groups: Groups
) -> list[ClipTask[EvaluationRecord]]:
    """One task a clip; its key covers networks, code, settings, the clip and what was made of it."""
    settings = (
        config.nets.stand_ins,
        config.reference_masks,
        config.clock,
        config.batch_size,
    )
    how = [settings, code_hash(evaluate_clip.__module__), [file_sha256(net) for net in config.nets.files()]]
    tasks = []
    for clip in clips:
        if clip.clip_id not in methods_by_clip:
            continue
        folders = [clip.crop_folder, clip.parse_folder, clip.gate_folder]
        folders += [config.generate_folder / method / clip.clip_id for method in methods_by_clip[clip.clip_id]]
        content = [file_sha256(file) for folder in folders for file in _inputs(folder)]
        record = EvaluationRecord(
            clip_id=clip.clip_id,
            subject=clip.subject,
            split=clip.split,
            source=clip.crop_folder,
            groups=groups.get(clip.clip_id, {}),
            methods=tuple(methods_by_clip[clip.clip_id]),
        )
        tasks.append(ClipTask(record, task_key(how, content)))
    return tasks


def _inputs(folder: Path) -> list[Path]:
    """The files of a clip that are measured."""
    return sorted(file for file in folder.glob("*") if file.suffix in (".zip", ".npy", ".wav"))


def write_failures(path: Path, lost_videos: Sequence[dict], pairs: int, max_failed: float) -> None:
    """Adds what single methods lost to the clips that failed for all.

    Raises:
        BadInputError: too many videos could not be measured.
    """
    whole = read_table(path).to_dict("records")
    write_table(path, [*whole, *lost_videos], METHOD_FAILURE_COLUMNS)
    if len(lost_videos) > max_failed * pairs:
        first = lost_videos[0]
        raise BadInputError(
            f"{path}: {len(lost_videos)} of {pairs} videos could not be measured, more than base.max_failed_fraction"
            f" {max_failed} allows; the first, {first['method']} of {first['clip_id']}: {first['reason']}"
        )


def measure_clips(
    config: EvaluateConfig,
    tasks: Sequence[ClipTask[EvaluationRecord]],
    names: Sequence[str],
    folder: Path,
    pool: Pool,
    max_failed: float,
) -> tuple[pd.DataFrame, list[EvaluationRecord], list[dict]]:
    """Measures clips, each kept under `folder` as it is finished.

    Args:
        config: how.
        tasks: of the clips.
        names: rows of the table, in order.
        folder: gets the clips and `failures.csv`.
        pool: where the work is done.
        max_failed: share of clips that may fail.

    Returns:
        The long table, records of the measured clips, and the videos of single methods that could not be measured.
    """
    load_metric_nets(config.nets)
    records = run_clips(tasks, partial(evaluate_clip, config), folder, pool, max_failed, "evaluate")
    clips = [MeasuredClip(one.clip_id, one.subject, str(one.source), folder / "clips" / one.clip_id) for one in records]
    scores, lost_videos = clip_scores(clips)
    return score_table([*scores, *dataset_scores(clips, names, config.nets)], names), records, lost_videos
