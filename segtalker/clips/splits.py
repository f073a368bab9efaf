"""Who is trained on and who is held out: subjects, and parts of their recordings only where that is asked for."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from segtalker.clips.record import SPLITS, ClipRecord
from segtalker.utils.errors import BadInputError


def subject_splits(subjects: Iterable[str], val_fraction: float, test_fraction: float) -> dict[str, str]:
    """Splits subjects by a hash of their names, so that a new subject moves no other.

    The hash is a number in [0, 1): below `test_fraction` is test, the next `val_fraction` is validation. A split
    that stays empty although its fraction is not 0 takes, from the largest split, the subject whose number is
    nearest to its own range.

    Args:
        subjects: names, repeated at will.
        val_fraction: share of subjects.
        test_fraction: share of subjects.

    Returns:
        `train`, `val` or `test` of each subject.

    Raises:
        BadInputError: fewer subjects than splits.
    """
    ranges = _ranges(val_fraction, test_fraction)
    place = {subject: _number(subject) for subject in sorted(set(subjects))}
    if len(place) < len(ranges):
        raise BadInputError(
            f"{len(place)} subject(s) cannot be held apart in {len(ranges)} splits; add more people, name the"
            " videos of each split in download.folder.splits (split.strategy source) or divide recordings (time)"
        )
    splits = {subject: _range_of(number, ranges) for subject, number in place.items()}
    for name in ranges:
        if name not in splits.values():
            _fill(name, ranges[name], splits, place)
    return splits


def _ranges(val_fraction: float, test_fraction: float) -> dict[str, tuple[float, float]]:
    """The part of [0, 1) that each split has; one of width 0 is left out."""
    ranges = {
        "test": (0.0, test_fraction),
        "val": (test_fraction, test_fraction + val_fraction),
        "train": (test_fraction + val_fraction, 1.0),
    }
    return {name: (low, high) for name, (low, high) in ranges.items() if high > low}


def _range_of(number: float, ranges: Mapping[str, tuple[float, float]]) -> str:
    return next(name for name, (low, high) in ranges.items() if low <= number < high)


def time_splits(
    records: Sequence[ClipRecord], val_fraction: float, test_fraction: float, table: Path
) -> dict[str, str]:
    """Splits each recording in time: its last clips test, those before them validate, the first ones train.

    A clip counts where its middle lies in the seconds of its recording. A split that would stay empty although its
    fraction is not 0 takes a clip from the largest.

    Args:
        records: clips, each with its recording and where it begins in it.
        val_fraction: share of a recording's seconds.
        test_fraction: share of a recording's seconds.
        table: for the message.

    Returns:
        `train`, `val` or `test` of each clip.

    Raises:
        BadInputError: fewer clips of a recording than splits.
    """
    ranges = _ranges(val_fraction, test_fraction)
    splits: dict[str, str] = {}
    in_time = sorted(records, key=lambda record: (record.source, record.start_s or 0.0))
    for source, group in groupby(in_time, key=lambda record: record.source):
        clips = list(group)
        if len(clips) < len(ranges):
            raise BadInputError(
                f"{table}: {len(clips)} clip(s) of {source} cannot be divided into {len(ranges)} splits; lower"
                " cut.max_seconds (with cut.mode talking, which divides recordings)"
            )
        counts = _counts_in_time([clip.seconds for clip in clips], ranges)
        sides = [name for name in SPLITS for _ in range(counts[name])]
        splits |= {clip.clip_id: side for clip, side in zip(clips, sides, strict=True)}
    return splits


def _counts_in_time(seconds: Sequence[float], ranges: Mapping[str, tuple[float, float]]) -> Counter[str]:
    """How many clips of a recording each split has."""
    total, begin = sum(seconds), 0.0
    counts: Counter[str] = Counter()
    for length in seconds:
        counts[_range_of(1.0 - (begin + length / 2) / total, ranges)] += 1  # counted from the end
        begin += length
    for name in ranges:
        if not counts[name]:
            counts[max(counts, key=lambda other: counts[other])] -= 1
            counts[name] += 1
    return counts


def _fill(empty: str, bounds: tuple[float, float], splits: dict[str, str], place: Mapping[str, float]) -> None:
    members = {name: [subject for subject, split in splits.items() if split == name] for name in SPLITS}
    largest = max(SPLITS, key=lambda name: len(members[name]))
    middle = sum(bounds) / 2
    splits[min(members[largest], key=lambda subject: abs(place[subject] - middle))] = empty


def _number(subject: str) -> float:
    return int.from_bytes(hashlib.sha256(subject.encode()).digest()[:6]) / 2**48


def check_given(records: Sequence[ClipRecord], table: Path, shared_subjects: bool) -> None:
    """Checks the splits that a dataset brings.

    Args:
        records: of the table.
        table: for the message.
        shared_subjects: whether people may be on two sides, as in some published splits.

    Raises:
        BadInputError: missing, unknown, or a subject on two sides.
    """
    side: dict[str, str] = {}
    for record in records:
        if record.split not in SPLITS:
            raise BadInputError(
                f"{table}: clip {record.clip_id} has no split of its own; set split.strategy to subjects, or"
                " name the videos of each split in download.folder.splits"
            )
        if side.setdefault(record.subject, record.split) != record.split and not shared_subjects:
            raise BadInputError(
                f"{table}: subject {record.subject} is in {side[record.subject]} and {record.split}; set"
                " split.shared_subjects to true if a published split is to be used as it is"
            )
