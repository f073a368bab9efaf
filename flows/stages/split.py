"""Clips -> train, validation and test."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flows.stages.common import StageRun
from segtalker.clips.record import SPLITS, ClipRecord
from segtalker.clips.splits import check_given, subject_splits, time_splits
from segtalker.clips.tables import CLIPS_FILE, read_records, write_records
from segtalker.utils.atomic import write_text


def split_facts(records: Sequence[ClipRecord]) -> dict[str, dict[str, Any]]:
    """Clips, seconds and subjects of each split."""
    facts = {}
    for name in SPLITS:
        members = [record for record in records if record.split == name]
        facts[name] = {
            "clips": len(members),
            "seconds": round(sum(record.seconds for record in members), 3),
            "subjects": sorted({record.subject for record in members}),
        }
    return facts


def split(run: StageRun) -> None:
    """Gives every clip that `parse` passed its split."""
    settings, folder = run.params.split, run.workspace.data("split")
    table = run.workspace.data("parse") / CLIPS_FILE
    records = read_records(table, ClipRecord)
    if settings.strategy == "source":
        check_given(records, table, settings.shared_subjects)
    elif settings.strategy == "time":
        undecided = [record for record in records if not record.split]
        splits = time_splits(undecided, settings.val_fraction, settings.test_fraction, table)
        records = [replace(record, split=splits.get(record.clip_id, record.split)) for record in records]
    else:
        splits = subject_splits([record.subject for record in records], settings.val_fraction, settings.test_fraction)
        records = [replace(record, split=splits[record.subject]) for record in records]
    facts = split_facts(records)
    write_records(folder / CLIPS_FILE, records, ClipRecord)
    write_text(folder / "split.json", json.dumps(facts, indent=1))
    run.log_metrics({f"{name}_clips": float(facts[name]["clips"]) for name in SPLITS})
    run.log_metrics({f"{name}_subjects": float(len(facts[name]["subjects"])) for name in SPLITS})
