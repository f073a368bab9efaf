"""Frames -> region masks by the trained parser or a published one."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import fmean

import torch

import segtalker
from flows.stages.common import StageRun, stage_main
from segtalker.clip_pools import THIS_PROCESS, Pool
from segtalker.clip_runner import ClipTask, Row, code_hash, run_clips, table_rows, task_key
from segtalker.clips import CLIP_COLUMNS
from segtalker.errors import MissingWeightsError
from segtalker.faces.flicker import Smoothing
from segtalker.faces.parsing import ParserChoice, load_parser, parse_clip
from segtalker.params import Params
from segtalker.provenance import file_sha256
from segtalker.weights import resolve_weights
from segtalker.workspace import Workspace

_LIBRARY = Path(segtalker.__file__).parent
_FILES = ("clips.py", "faces/flicker.py", "faces/parsing.py", "nets/parser.py", "nets/external", "regions.py")
_CODE = tuple(_LIBRARY / name for name in _FILES)


def choose_parser(params: Params, workspace: Workspace) -> ParserChoice:
    """The parser that params name, on the best device there is.

    Raises:
        MissingWeightsError: its weights are not there.
    """
    settings = params.parse
    if settings.backend == "bisenet":
        path = resolve_weights("bisenet_face_parsing", settings.weights, "parse.weights")
    else:
        path = workspace.model("train_parser") / "parser.ckpt"
    if not path.is_file():
        raise MissingWeightsError(f"{path}: not trained yet; run `segtalker reproduce --until train_parser`")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return ParserChoice(settings.backend, path, device, settings.precision)


def parse_clips(params: Params, choice: ParserChoice, rows: Sequence[Row], crops: Path, folder: Path) -> list[Row]:
    """Parses clips into a folder.

    Args:
        params: all of them.
        choice: the parser.
        rows: of the clips.
        crops: `data/crop/<dataset>`.
        folder: `data/parse/<dataset>`.

    Returns:
        Rows of the clips that passed.
    """
    settings = params.parse
    load_parser(choice)
    smoothing = Smoothing(settings.smooth_frames, settings.smooth_sigma)
    how = task_key(settings.backend, settings.precision, file_sha256(choice.path), smoothing, code_hash(*_CODE))
    return run_clips(
        [ClipTask(row, task_key(how, file_sha256(crops / "clips" / row["clip_id"] / "frames.zip"))) for row in rows],
        partial(parse_clip, choice, crops / "clips", settings.batch_size, smoothing),
        folder,
        CLIP_COLUMNS,
        pool=THIS_PROCESS if choice.device == "cuda" else Pool.of(params.machine),
        max_failed_fraction=params.base.max_failed_fraction,
        label="parse",
    )


def parse(run: StageRun) -> None:
    """Parses every clip that `gate` passed."""
    params, workspace = run.params, run.workspace
    choice = choose_parser(params, workspace)
    rows = table_rows(workspace.data("gate") / "clips.csv")
    done = parse_clips(params, choice, rows, workspace.data("crop"), workspace.data("parse"))
    run.log_metrics({"clips": len(done), "failed_clips": len(rows) - len(done)})
    if done:
        run.log_metrics({name: fmean(row[name] for row in done) for name in ("flicker", "flicker_raw")})


if __name__ == "__main__":
    stage_main(parse)
