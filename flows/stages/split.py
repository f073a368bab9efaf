"""Clips -> train, validation and test, by subject."""

import json
from typing import Any

from flows.stages.common import StageRun
from segtalker.clips.runner import table_rows
from segtalker.clips.splits import check_given, subject_splits
from segtalker.clips.store import CLIP_COLUMNS, SPLITS, write_table
from segtalker.utils.atomic import write_text


def split_facts(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Clips, seconds and subjects of each split."""
    facts = {}
    for name in SPLITS:
        members = [row for row in rows if row["split"] == name]
        facts[name] = {
            "clips": len(members),
            "seconds": round(sum(row["seconds"] for row in members), 3),
            "subjects": sorted({row["subject"] for row in members}),
        }
    return facts


def split(run: StageRun) -> None:
    """Gives every clip that `parse` passed its split."""
    settings, folder = run.params.split, run.workspace.data("split")
    table = run.workspace.data("parse") / "clips.csv"
    rows = table_rows(table)
    if settings.strategy == "source":
        check_given(rows, table, settings.shared_subjects)
    else:
        chosen = subject_splits([row["subject"] for row in rows], settings.val_fraction, settings.test_fraction)
        rows = [{**row, "split": chosen[row["subject"]]} for row in rows]
    facts = split_facts(rows)
    write_table(folder / "clips.csv", rows, CLIP_COLUMNS)
    write_text(folder / "split.json", json.dumps(facts, indent=1))
    run.log_metrics({f"{name}_clips": float(facts[name]["clips"]) for name in SPLITS})
    run.log_metrics({f"{name}_subjects": float(len(facts[name]["subjects"])) for name in SPLITS})
