"""Videos that other systems made, measured by the protocol of an experiment's own methods."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd

from segtalker.clips.runner import ClipTask, Row, run_clips, task_key
from segtalker.clips.store import Clip, load_clips, processed_clip
from segtalker.clips.worker_pools import Pool
from segtalker.config.params import Params
from segtalker.config.workspace import Workspace
from segtalker.datasets.folder import folder_clips
from segtalker.evaluation.clip import GROUND_TRUTH, EvaluationPlan
from segtalker.evaluation.predictions import Geometry, Intake, find_predictions, take_in
from segtalker.evaluation.run import (
    Groups,
    clip_groups,
    evaluation_pool,
    made_by_clip,
    make_plan,
    make_protocol,
    make_tasks,
    measure_clips,
    tried_clips,
)
from segtalker.faces.detectors import check_detector
from segtalker.metrics.catalogue import describe
from segtalker.preprocessing.crop import crop_clips
from segtalker.preprocessing.parse import choose_parser, parse_clips
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
        geometry: see `segtalker.evaluation.predictions.Intake`.
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
        rows: the clips that were measured.
        failures: clips that have no row, with the reason.
        notes: what differed and was set right, and videos that belong to no clip.
    """

    name: str
    dataset: str
    signature: str
    scores: pd.DataFrame
    facts: dict[str, dict]
    protocol: dict[str, dict[str, str]]
    rows: list[Row]
    failures: list[Row]
    notes: list[Row]


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
    plan, clips, groups, lost = _reference(root, params, workspace, request)
    work = _work_folder(root, str((request.reference or plan.data / plan.dataset).resolve()))
    plan = replace(plan, generated=work / "predictions")
    found, extra = find_predictions(request.predictions, [clip.clip_id for clip in clips])
    taken, failures = _take_in(params, plan, request, clips, found, work)
    made = {row["clip_id"]: [request.name] for row in taken}
    if not made:
        raise BadInputError(f"{request.predictions}: no prediction can be compared; {_first(failures)}")
    parts = make_protocol(plan, params.evaluate, clips)
    tasks = make_tasks(plan, clips, made, groups)
    compared = {row["clip_id"]: int(row["frames"]) for row in taken}
    tasks = [
        ClipTask(task.row | {"compared": compared[task.clip_id]}, task_key(task.key, compared[task.clip_id]))
        for task in tasks
    ]
    pool = evaluation_pool(plan.nets.device, params.machine)
    names, folder = [GROUND_TRUTH, request.name], work / "evaluate" / request.name
    scores, rows, more = measure_clips(plan, tasks, names, folder, pool, 1.0)
    failures += _failures(folder)
    facts = describe(plan.reference_masks, plan.nets.stand_ins)
    notes = [{"clip_id": row["clip_id"], "video": row["source"], "note": row["notes"]} for row in taken if row["notes"]]
    notes += [{"clip_id": "", "video": str(path), "note": "belongs to no clip; not used"} for path in extra]
    signature = task_key(parts, request.name, [task.key for task in tasks])
    dataset = request.reference.name if request.reference else plan.dataset
    return Measured(request.name, dataset, signature, scores, facts, parts, rows, [*lost, *failures, *more], notes)


def _first(failures: Sequence[Row]) -> str:
    return f"the first, {failures[0]['clip_id']}: {failures[0]['reason']}" if failures else "there are no clips"


def _work_folder(root: Path, reference: str) -> Path:
    """One for each reference, whose clips are prepared once for all methods."""
    digits = hashlib.sha256(reference.encode()).hexdigest()[:_HASH_DIGITS]
    return root / ".cache" / "evaluations" / f"{Path(reference).name}-{digits}"


def _reference(
    root: Path, params: Params, workspace: Workspace, request: Request
) -> tuple[EvaluationPlan, list[Clip], Groups, list[Row]]:
    """The clips to compare with, what groups they are in, and those that could not be used."""
    plan = make_plan(params, workspace)
    if request.reference is None:
        clips = load_clips(plan.data, plan.dataset, "test")
        if (plan.generated / "clips.csv").is_file():
            # those the experiment's own methods were tried on, so that the rows can stand in one table
            clips = tried_clips(plan, made_by_clip(plan.generated)[0])
        if not clips:
            raise BadInputError(f"{workspace.data('split')}: no test clips; run segtalker reproduce first")
        return plan, clips, clip_groups(workspace.data("split") / "clips.csv"), []
    if params.crop.detector == "annotations":
        raise BadInputError(
            "crop.detector annotations finds no face in videos without landmarks;"
            " say --set crop.detector=mediapipe or face_alignment"
        )
    check_detector(params.crop.detector, params.crop.weights)
    settings = params.download.folder.model_copy(update={"root": str(request.reference)})
    rows, lost = folder_clips(settings, root)
    data = _work_folder(root, str(request.reference.resolve())) / "data"
    crops = data / "crop" / _REFERENCE
    cropped = crop_clips(params, rows, crops)
    parsed = parse_clips(params, choose_parser(params, workspace), cropped, crops, data / "parse" / _REFERENCE)
    lost += _failures(crops) + _failures(data / "parse" / _REFERENCE)
    clips = [processed_clip(data, _REFERENCE, row["clip_id"], row["subject"]) for row in parsed]
    plan = replace(plan, data=data, dataset=_REFERENCE, reference_masks="parsed")
    return plan, clips, {}, lost


def _failures(folder: Path) -> list[Row]:
    table = pd.read_csv(folder / "failures.csv", dtype=str, keep_default_na=False)
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _take_in(
    params: Params,
    plan: EvaluationPlan,
    request: Request,
    clips: Sequence[Clip],
    found: dict[str, list[Path]],
    work: Path,
) -> tuple[list[Row], list[Row]]:
    """Rows of the predictions that can be compared, and why the others cannot."""
    intake = Intake(
        data=plan.data,
        dataset=plan.dataset,
        folder=plan.generated / request.name,
        fps=params.base.fps,
        size=params.base.image_size,
        geometry=request.geometry,
        starts_with_clip=request.reference is None,
    )
    how = [params.base.fps, params.base.image_size, request.geometry, code_hash(take_in.__module__)]
    tasks = []
    for clip in clips:
        videos = found.get(clip.clip_id, [])
        content = [file_sha256(path) for path in (*videos, clip.crop_folder / "crop.json")]
        row = {
            "clip_id": clip.clip_id,
            "subject": clip.subject,
            "source": str(videos[0]) if videos else "",
            "videos": "\n".join(map(str, videos)),
        }
        tasks.append(ClipTask(row, task_key(how, content), (intake.folder / clip.clip_id,)))
    folder = work / "intake" / request.name
    columns = ("clip_id", "subject", "source", "frames", "notes")
    rows = run_clips(tasks, partial(take_in, intake), folder, columns, Pool.of(params.machine), 1.0, "predictions")
    return rows, _failures(folder)
