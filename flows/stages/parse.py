"""Frames -> region masks by the trained parser or a published one."""

from statistics import fmean

from flows.stages.common import StageRun
from segtalker.clips.runner import table_rows
from segtalker.preprocessing.parse import choose_parser, parse_clips


def parse(run: StageRun) -> None:
    """Parses every clip that `gate` passed."""
    params, workspace = run.params, run.workspace
    choice = choose_parser(params, workspace)
    rows = table_rows(workspace.data("gate") / "clips.csv")
    done = parse_clips(params, choice, rows, workspace.data("crop"), workspace.data("parse"))
    run.log_metrics({"clips": len(done), "failed_clips": len(rows) - len(done)})
    if done:
        run.log_metrics({name: fmean(row[name] for row in done) for name in ("flicker", "flicker_raw")})
