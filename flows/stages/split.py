"""Clips -> train, validation and test."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flows.stages.common import StageRun
from segtalker.clips.alike import ALIKE_FILE, AlikeSubjects, read_alike
from segtalker.clips.record import SPLITS, ClipRecord
from segtalker.clips.splits import check_given, subject_splits, time_splits
from segtalker.clips.tables import CLIPS_FILE, read_records, write_records
from segtalker.utils.atomic import write_text
from segtalker.utils.progress import notice

_NAMED = 3
_NOBODY = (
    "nobody compared faces (gate.identity_weights is empty): one person in two videos may be on two sides, unless"
    " download.folder.people or subject says who is one"
)
_MEND = "where that is one person, name the videos in download.folder.people or set download.folder.subject to identity"


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


def alike_notice(records: Sequence[ClipRecord], alike: Sequence[AlikeSubjects] | None) -> str:
    """One line on people who look alike but are held apart, or on that nobody looked; empty where all is well.

    Args:
        records: with their splits.
        alike: of `gate`; None where nobody compared faces.
    """
    if alike is None:
        return _NOBODY if any(record.dataset == "folder" for record in records) else ""
    sides = {record.subject: record.split for record in records}
    torn_pairs = [
        pair for pair in alike if {pair.one, pair.other} <= set(sides) and sides[pair.one] != sides[pair.other]
    ]
    if not torn_pairs:
        return ""
    some = "; ".join(
        f"{pair.one} ({sides[pair.one]}) and {pair.other} ({sides[pair.other]}), {pair.distance:.2f} apart"
        for pair in torn_pairs[:_NAMED]
    )
    more = f"; and {len(torn_pairs) - _NAMED} more pairs" if len(torn_pairs) > _NAMED else ""
    return f"look alike but are on different sides: {some}{more}; {_MEND}"


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
    line = alike_notice(records, read_alike(run.workspace.data("gate") / ALIKE_FILE))
    if line and not settings.shared_subjects:
        notice(f"split: {line}")
    facts = split_facts(records)
    write_records(folder / CLIPS_FILE, records, ClipRecord)
    write_text(folder / "split.json", json.dumps(facts, indent=1))
    run.log_metrics({f"{name}_clips": float(facts[name]["clips"]) for name in SPLITS})
    run.log_metrics({f"{name}_subjects": float(len(facts[name]["subjects"])) for name in SPLITS})
