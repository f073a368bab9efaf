"""`segtalker evaluate`: videos made by any system, measured by this project's protocol."""

import contextlib
import re
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from flows.commands.console import say
from flows.commands.runs import make_folder
from flows.dvc.run_lock import run_lock
from segtalker.config.experiment import compose
from segtalker.config.params import Params, load_params
from segtalker.config.workspace import project_root, refuse_stage_output
from segtalker.evaluation.result_files import NOTES_FILE, SCORES_FOLDER
from segtalker.media.video import VIDEO_SUFFIXES
from segtalker.reporting.tables.methods import known_names
from segtalker.tracking.store_address import check_store
from segtalker.utils.errors import BadInputError, check_all

if TYPE_CHECKING:
    from segtalker.evaluation.peers import Measured

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_ID_DIGITS = 8


def _params(root: Path, experiment: str | None, settings: list[str]) -> Params:
    active = load_params(root)
    if settings or (experiment and experiment != active.active.experiment):
        return compose(root, experiment or active.active.experiment, settings)[1]
    return active


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise BadInputError(f"--name {name}: letters, digits, - and _ only, for it names files and rows")
    if name in known_names():
        raise BadInputError(f"--name {name}: a method of this project has this name; choose another")


def _check_videos(folder: Path, option: str) -> None:
    if not folder.is_dir():
        raise BadInputError(f"{option} {folder}: no such folder")
    from segtalker.datasets.file_walk import walk_files  # pandas comes with it

    if not walk_files(folder, VIDEO_SUFFIXES)[0]:
        raise BadInputError(f"{option} {folder}: no videos in it ({', '.join(VIDEO_SUFFIXES)})")


def _check_inputs(root: Path, name: str, predictions: Path, reference: Path | None, place: Path) -> None:
    """Looks at all that was given; every wrong thing has a line in the error."""
    checks: list[Callable[[], object]] = [
        partial(_check_name, name),
        partial(_check_videos, predictions, "--predictions"),
        partial(check_place, place),
        partial(refuse_stage_output, place, root, "--out"),
    ]
    if reference is not None:
        checks.append(partial(_check_videos, reference, "--reference"))
    check_all(checks)


def check_place(folder: Path) -> None:
    """Sees to it that tables can be written as this folder, which they replace as a whole.

    Raises:
        BadInputError: they cannot, or other files would be lost.
    """
    if folder.exists() and not folder.is_dir():
        raise BadInputError(f"--out {folder}: a file has this name; name a folder")
    if folder.is_dir() and any(folder.glob("[!.]*")) and not (folder / NOTES_FILE).is_file():
        raise BadInputError(f"--out {folder}: holds other files, which would be replaced; name a new folder")
    above = next(parent for parent in folder.absolute().parents if parent.exists())
    try:
        tempfile.TemporaryDirectory(dir=above).cleanup()
    except OSError as error:
        raise BadInputError(f"--out {folder}: cannot be made there ({above}: {error.strerror})") from error


def evaluate(
    predictions: Annotated[
        Path | None, typer.Option(help="Folder with <clip id>.mp4 or <clip id>/video.mp4, made by any system.")
    ] = None,
    name: Annotated[str, typer.Option(help="Of the method, for the tables.")] = "",
    reference: Annotated[
        Path | None, typer.Option(help="Folder of the real videos; the experiment's test clips if left out.")
    ] = None,
    geometry: Annotated[
        Literal["auto", "recording", "crop"],
        typer.Option(help="What a prediction shows: the whole recording or the face's square; auto goes by its shape."),
    ] = "auto",
    experiment: Annotated[
        str | None, typer.Option(help="Whose parser, sync expert and settings measure; the active one if left out.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a value of the experiment.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the tables; reports/evaluations/NAME if left out.")
    ] = None,
    write_inputs: Annotated[
        Path | None, typer.Option(help="Write the test clips as videos into this folder, to be given to a system.")
    ] = None,
) -> None:
    """Measure the videos of any system like the rows of an experiment."""
    root = project_root()
    params = _params(root, experiment, settings or [])
    if write_inputs is not None:
        make_folder(write_inputs, root, "--write-inputs")
        from flows.commands import peer_tables

        count = peer_tables.write_inputs(root, params, write_inputs)
        say(f"{write_inputs}: {count} test clips of {params.active.dataset}")
        return
    if predictions is None or not name:
        raise BadInputError("evaluate needs --predictions and --name (or --write-inputs alone)")
    place = (out or root / "reports" / "evaluations" / name).resolve()
    _check_inputs(root, name, predictions, reference, place)
    check_store(root)
    # torch takes seconds to import: only here, when all that was given can be used
    from flows.commands import peer_tables
    from segtalker.evaluation import peers

    real = reference.resolve() if reference else None
    request = peers.Request(predictions.resolve(), name, real, geometry)
    # MLflow's store and files are found from the project folder, as in every stage
    with run_lock(root), contextlib.chdir(root):
        measurement = peers.measure_predictions(root, params, request)
        peer_tables.write_measured(measurement, params, place)
        run_id = peer_tables.log_measured(measurement, params, place)
    _summarise(measurement, params.tables.headline, place)
    if real is None:
        say(f"beside the rows of an experiment: segtalker tables {params.active.experiment} {run_id[:_ID_DIGITS]}")


def _summarise(measurement: "Measured", metric_names: Sequence[str], place: Path) -> None:
    name = measurement.name
    means = measurement.scores.groupby(["metric", "method"])["value"].mean().unstack("method")
    for metric in metric_names:
        if metric in means.index and means.loc[metric].notna().any():
            row = means.loc[metric]
            score_texts = {of: f"{row[of]:.3f}" if row.notna()[of] else "none" for of in (name, "ground_truth")}
            say(f"{metric:18} {name} {score_texts[name]}, the recordings {score_texts['ground_truth']}")
    for note in measurement.notes[:5]:
        say(f"note: {note['clip_id'] or note['video']}: {note['note']}")
    if len(measurement.notes) > 5:
        say(f"and {len(measurement.notes) - 5} more notes in {place / NOTES_FILE}")
    of_clips = (measurement.scores["method"] == name) & (measurement.scores["clip_id"] != "")
    clips = measurement.scores.loc[of_clips, "clip_id"].nunique()
    failure_count = len(measurement.failures)
    others = f"; the others are in {SCORES_FOLDER}/failures.csv" if failure_count else ""
    say(f"{place}: {clips} of {clips + failure_count} clips measured{others}")
