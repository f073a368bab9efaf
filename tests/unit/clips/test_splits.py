"""Subjects on one side only."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtalker.clips.record import ClipRecord
from segtalker.clips.splits import check_given, subject_splits
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


@pytest.mark.parametrize(("subjects", "val", "test"), [(["a", "b"], 0.1, 0.2), (["a", "b", "c"], 0.5, 0.5)])
def test_what_cannot_be_split_is_said(subjects: list[str], val: float, test: float) -> None:
    with pytest.raises(BadInputError, match=r"held apart|left to train"):
        subject_splits(subjects, val, test)


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
