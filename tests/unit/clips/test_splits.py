"""Subjects on one side only, or the end of each recording."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtalker.clips.record import ClipRecord
from segtalker.clips.splits import check_given, subject_splits, time_splits
from segtalker.utils.errors import BadInputError

NAMES = st.sets(st.text(min_size=1, max_size=8), min_size=3, max_size=40)


@given(subjects=NAMES, val=st.sampled_from([0.05, 0.1, 0.3]), test=st.sampled_from([0.05, 0.2, 0.4]))
def test_every_split_has_a_subject(subjects: set[str], val: float, test: float) -> None:
    chosen = subject_splits(subjects, val, test)
    assert set(chosen) == subjects
    assert set(chosen.values()) == {"train", "val", "test"}


@given(subjects=NAMES)
def test_order_does_not_matter(subjects: set[str]) -> None:
    ordered = sorted(subjects)
    assert subject_splits(ordered, 0.1, 0.2) == subject_splits(ordered[::-1] * 2, 0.1, 0.2)


def test_a_new_subject_moves_no_other() -> None:
    names = [f"person{index}" for index in range(200)]
    before = subject_splits(names, 0.1, 0.2)
    after = subject_splits([*names, "newcomer"], 0.1, 0.2)
    assert all(after[name] == split for name, split in before.items())
    share = [list(before.values()).count(split) / 200 for split in ("train", "val", "test")]
    assert share == pytest.approx([0.7, 0.1, 0.2], abs=0.08)


def test_no_validation_when_none_is_wanted() -> None:
    assert set(subject_splits(["a", "b", "c", "d"], 0.0, 0.3).values()) == {"train", "test"}


def test_too_few_people_are_told_every_way_out() -> None:
    with pytest.raises(BadInputError, match=r"2 subject.* 3 splits; add more people.*folder\.splits.*source.*time"):
        subject_splits(["a", "b"], 0.1, 0.2)


def _parts(source: str, lengths: list[float]) -> list[ClipRecord]:
    """Clips of a recording, one after the other."""
    starts = [sum(lengths[:number]) for number in range(len(lengths))]
    return [
        ClipRecord(clip_id=f"{source}-{number}", source=Path(source), start_s=start or None, seconds=length)
        for number, (start, length) in enumerate(zip(starts, lengths, strict=True))
    ]


LENGTHS = st.lists(st.floats(0.5, 60.0), min_size=3, max_size=12)


@given(lengths=LENGTHS, val=st.sampled_from([0.05, 0.1, 0.3]), test=st.sampled_from([0.05, 0.2, 0.4]))
def test_the_end_of_each_recording_is_tested_on(lengths: list[float], val: float, test: float) -> None:
    records = _parts("a.mp4", lengths) + _parts("b.mp4", [2.0, 2.0, 2.0])
    splits = time_splits(records[::-1], val, test, Path("clips.csv"))
    sides = [splits[record.clip_id] for record in records[: len(lengths)]]
    assert sides == sorted(sides, key=("train", "val", "test").index)
    assert set(sides) == {"train", "val", "test"}
    assert [splits[record.clip_id] for record in records[len(lengths) :]] == ["train", "val", "test"]
    assert splits == time_splits(records, val, test, Path("clips.csv"))


def test_fractions_are_of_seconds() -> None:
    long_last = time_splits(_parts("a", [10.0] * 4 + [5.0] * 2), 0.1, 0.2, Path("clips.csv"))
    assert list(long_last.values()) == ["train"] * 3 + ["val", "test", "test"]  # the last 10 of 50 s
    fifty = time_splits(_parts("a", [5.0] * 10), 0.1, 0.2, Path("clips.csv"))
    assert list(fifty.values()) == ["train"] * 7 + ["val"] + ["test"] * 2


def test_a_recording_of_too_few_clips_is_named() -> None:
    with pytest.raises(BadInputError, match=r"2 clip\(s\) of b\.mp4 cannot .* 3 splits; lower cut\.max_seconds"):
        time_splits(_parts("a.mp4", [9.0] * 5) + _parts("b.mp4", [9.0] * 2), 0.1, 0.2, Path("clips.csv"))
    assert set(time_splits(_parts("b.mp4", [9.0] * 2), 0.0, 0.2, Path("clips.csv")).values()) == {"train", "test"}


def test_given_splits_are_checked() -> None:
    table = Path("clips.csv")
    check_given(
        [ClipRecord(clip_id="a", subject="s", split="train", source=Path("x.mp4"))], table, shared_subjects=False
    )
    with pytest.raises(BadInputError, match=r"clip b has no split.*split\.strategy"):
        check_given(
            [ClipRecord(clip_id="b", subject="s", split="", source=Path("x.mp4"))], table, shared_subjects=False
        )
    rows = [ClipRecord(clip_id=name, subject="s", split=name, source=Path("x.mp4")) for name in ("train", "test")]
    with pytest.raises(BadInputError, match="subject s is in train and test"):
        check_given(rows, table, shared_subjects=False)
    check_given(rows, table, shared_subjects=True)
