"""Frames -> region masks by the trained parser or a published one."""

from statistics import fmean

from flows.stages.common import StageRun
from segtalker.clips.record import ClipRecord
from segtalker.clips.tables import CLIPS_FILE, read_records
from segtalker.faces.parsing import choose_parser
from segtalker.preprocessing.parse import parse_clips


def parse(run: StageRun) -> None:
    """Parses every clip that `gate` passed."""
    params, workspace = run.params, run.workspace
    choice = choose_parser(params.parse, workspace.models)
    records = read_records(workspace.data("gate") / CLIPS_FILE, ClipRecord)
    parsed_records = parse_clips(params, choice, records, workspace.data("crop"), workspace.data("parse"))
    run.log_metrics({"clips": len(parsed_records), "failed_clips": len(records) - len(parsed_records)})
    if parsed_records:
        run.log_metrics(
            {name: fmean(getattr(record, name) for record in parsed_records) for name in ("flicker", "flicker_raw")}
        )
