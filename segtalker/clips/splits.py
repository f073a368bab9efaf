"""Who is trained on and who is held out: subjects, never frames."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
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
        BadInputError: fewer subjects than splits, or fractions that leave none to train on.
    """
    if val_fraction + test_fraction >= 1:
        raise BadInputError("split.val_fraction and split.test_fraction add up to 1 or more: none are left to train on")
    ranges = {
        "test": (0.0, test_fraction),
        "val": (test_fraction, test_fraction + val_fraction),
        "train": (test_fraction + val_fraction, 1.0),
    }
    names = [name for name, (low, high) in ranges.items() if high > low]
    place = {subject: _number(subject) for subject in sorted(set(subjects))}
    if len(place) < len(names):
        raise BadInputError(f"{len(place)} subject(s) cannot be held apart in {len(names)} splits; add more people")
    splits = {
        subject: next(name for name in names if ranges[name][0] <= number < ranges[name][1])
        for subject, number in place.items()
    }
    for name in names:
        if name not in splits.values():
            _fill(name, ranges[name], splits, place)
    return splits


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
                f"{table}: clip {record.clip_id} has no split of its own; set split.strategy to subjects"
            )
        if side.setdefault(record.subject, record.split) != record.split and not shared_subjects:
            raise BadInputError(
                f"{table}: subject {record.subject} is in {side[record.subject]} and {record.split}; set"
                " split.shared_subjects to true if a published split is to be used as it is"
            )
