"""Videos that other systems made, measured by the protocol of an experiment's own methods."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd

from segtalker.clips.record import ClipFailure
from segtalker.clips.runner import ClipTask, run_clips, task_key
from segtalker.clips.store import Clip, load_clips, processed_clip
from segtalker.clips.tables import FAILURES_FILE, read_records
from segtalker.clips.worker_pools import Pool
from segtalker.config.params import Params
from segtalker.config.workspace import Workspace
from segtalker.datasets.folder import folder_clips
from segtalker.evaluation.clip import GROUND_TRUTH, EvaluateConfig, EvaluationRecord
from segtalker.evaluation.predictions import (
    Geometry,
    PredictionReader,
    PredictionRecord,
    find_predictions,
    read_prediction,
)
from segtalker.evaluation.run import (
    Groups,
    clip_groups,
    evaluate_config,
    evaluation_pool,
    made_by_clip,
    make_protocol,
    make_tasks,
    measure_clips,
    tried_clips,
)
from segtalker.faces.detectors import check_detector
from segtalker.faces.parsing import choose_parser
from segtalker.metrics.catalogue import describe
from segtalker.preprocessing.crop import crop_clips
from segtalker.preprocessing.parse import parse_clips
from segtalker.utils.code_hash import code_hash
from segtalker.utils.errors import BadInputError
from segtalker.utils.hashing import file_sha256

_REFERENCE = "reference"
_HASH_DIGITS = 8
NOTE_COLUMNS = ("clip_id", "video", "note")


@dataclass(frozen=True)
class Request:
    """What is to be measured.

    Args:
        predictions: folder of videos.
        name: of the method.
        reference: folder of the videos they should be, or None for the test clips of the experiment.
        geometry: see `segtalker.evaluation.predictions.PredictionReader`.
    """

    predictions: Path
    name: str
    reference: Path | None
    geometry: Geometry


@dataclass(frozen=True)
class Measured:
    """What came of it.

    Args:
        name: of the method.
        dataset: what it was measured on: the experiment's, or the name of the folder of real videos.
        signature: names what was measured, and how.
        scores: long table, see `segtalker.evaluation.score_table`.
        facts: protocol of each metric.
        protocol: see `segtalker.evaluation.protocol`.
        records: the clips that were measured.
        failures: clips that have no row, with the reason.
        notes: what differed and was set right, and videos that belong to no clip.
    """

    name: str
    dataset: str
    signature: str
    scores: pd.DataFrame
    facts: dict[str, dict]
    protocol: dict[str, dict[str, str]]
    records: list[EvaluationRecord]
    failures: list[dict]
    notes: list[dict]


def measure_predictions(root: Path, params: Params, request: Request) -> Measured:
    """Measures every prediction that belongs to a clip; the ground truth is measured on the same clips.

    Work on clips is kept in `.cache/evaluations`, so a run that was ended goes on where it stopped.

    Args:
        root: the project folder.
        params: of the experiment whose parser, sync expert and settings measure.
        request: what.

    Raises:
        BadInputError: nothing can be measured, and why.
    """
    workspace = Workspace(root, params.active.dataset, params.active.experiment)
    config, clips, groups, lost_clips = _reference(root, params, workspace, request)
    work = _work_folder(root, str((request.reference or config.data / config.dataset).resolve()))
    config = replace(config, generate_folder=work / "predictions")
    videos_by_clip, extra = find_predictions(request.predictions, [clip.clip_id for clip in clips])
    predictions, failures = _take_in(params, config, request, clips, videos_by_clip, work)
    methods_by_clip = {record.clip_id: [request.name] for record in predictions}
    if not methods_by_clip:
        raise BadInputError(f"{request.predictions}: no prediction can be compared; {_first(failures)}")
    parts = make_protocol(config, params.evaluate, clips)
    tasks = make_tasks(config, clips, methods_by_clip, groups)
    frame_counts = {record.clip_id: record.frames for record in predictions}
    tasks = [
        ClipTask(
            replace(task.record, compared=frame_counts[task.clip_id]), task_key(task.key, frame_counts[task.clip_id])
        )
        for task in tasks
    ]
    pool = evaluation_pool(config.nets.device, params.machine)
    names, folder = [GROUND_TRUTH, request.name], work / "evaluate" / request.name
    scores, records, more = measure_clips(config, tasks, names, folder, pool, 1.0)
    failures += _failures(folder)
    facts = describe(config.reference_masks, config.nets.stand_ins)
    notes = [
        {"clip_id": one.clip_id, "video": str(one.source), "note": "; ".join(one.notes)}
        for one in predictions
        if one.notes
    ]
    notes += [{"clip_id": "", "video": str(path), "note": "belongs to no clip; not used"} for path in extra]
    signature = task_key(parts, request.name, [task.key for task in tasks])
    dataset = request.reference.name if request.reference else config.dataset
    return Measured(
        request.name, dataset, signature, scores, facts, parts, records, [*lost_clips, *failures, *more], notes
    )


def _first(failures: Sequence[dict]) -> str:
    return f"the first, {failures[0]['clip_id']}: {failures[0]['reason']}" if failures else "there are no clips"


def _work_folder(root: Path, reference: str) -> Path:
    """One for each reference, whose clips are prepared once for all methods."""
    digits = hashlib.sha256(reference.encode()).hexdigest()[:_HASH_DIGITS]
    return root / ".cache" / "evaluations" / f"{Path(reference).name}-{digits}"


def _reference(
    root: Path, params: Params, workspace: Workspace, request: Request
) -> tuple[EvaluateConfig, list[Clip], Groups, list[dict]]:
    """The clips to compare with, what groups they are in, and those that could not be used."""
    config = evaluate_config(params, workspace)
    if request.reference is None:
        clips = load_clips(config.data, config.dataset, "test")
        if (config.generate_folder / "clips.csv").is_file():
            # those the experiment's own methods were tried on, so that the rows can stand in one table
            clips = tried_clips(config, made_by_clip(config.generate_folder)[0])
        if not clips:
            raise BadInputError(f"{workspace.data('split')}: no test clips; run segtalker reproduce first")
        return config, clips, clip_groups(workspace.data("split") / "clips.csv"), []
    if params.crop.detector == "annotations":
        raise BadInputError(
            "crop.detector annotations finds no face in videos without landmarks;"
            " say --set crop.detector=mediapipe or face_alignment"
        )
    check_detector(params.crop.detector, params.crop.weights)
    settings = params.download.folder.model_copy(update={"root": str(request.reference), "splits": {}})
    records, unreadable = folder_clips(settings, root)
    data = _work_folder(root, str(request.reference.resolve())) / "data"
    crops = data / "crop" / _REFERENCE
    lossless = params.crop.model_copy(update={"lossless": "all"})
    crop_records = crop_clips(params.model_copy(update={"crop": lossless}), records, crops)
    choice = choose_parser(params.parse, workspace.models)
    parse_records = parse_clips(params, choice, crop_records, crops, data / "parse" / _REFERENCE)
    lost_clips = list(map(asdict, unreadable)) + _failures(crops) + _failures(data / "parse" / _REFERENCE)
    clips = [processed_clip(data, _REFERENCE, record.clip_id, record.subject) for record in parse_records]
    config = replace(config, data=data, dataset=_REFERENCE, reference_masks="parsed")
    return config, clips, {}, lost_clips


def _failures(folder: Path) -> list[dict]:
    return list(map(asdict, read_records(folder / FAILURES_FILE, ClipFailure)))


def _take_in(
    params: Params,
    config: EvaluateConfig,
    request: Request,
    clips: Sequence[Clip],
    videos_by_clip: dict[str, list[Path]],
    work: Path,
) -> tuple[list[PredictionRecord], list[dict]]:
    """Records of the predictions that can be compared, and why the others cannot."""
    reader = PredictionReader(
        data=config.data,
        dataset=config.dataset,
        folder=config.generate_folder / request.name,
        fps=params.base.fps,
        size=params.base.image_size,
        geometry=request.geometry,
        starts_with_clip=request.reference is None,
    )
    how = [params.base.fps, params.base.image_size, request.geometry, code_hash(read_prediction.__module__)]
    tasks = []
    for clip in clips:
        videos = videos_by_clip.get(clip.clip_id, [])
        content = [file_sha256(path) for path in (*videos, clip.crop_folder / "crop.json")]
        record = PredictionRecord(
            clip_id=clip.clip_id,
            subject=clip.subject,
            source=videos[0] if videos else request.predictions,
            videos=tuple(videos),
        )
        tasks.append(ClipTask(record, task_key(how, content), (reader.folder / clip.clip_id,)))
    folder = work / "predictions_read" / request.name
    records = run_clips(tasks, partial(read_prediction, reader), folder, Pool.of(params.machine), 1.0, "predictions")
    return records, _failures(folder)
