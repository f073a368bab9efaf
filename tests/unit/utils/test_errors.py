"""Errors on lines that a person reads."""

import errno
import os

import pytest

from segtalker.utils.errors import BadInputError, MissingWeightsError, check_all, full_disk, one_line


def fail(error: Exception) -> None:
    raise error


def test_an_error_takes_one_line_whatever_it_says() -> None:
    assert one_line(ValueError("first\n   second\tthird")) == "first second third"
    assert one_line(ValueError(os.fsdecode(b"\xff.mp4"))) == r"\udcff.mp4"


def test_all_checks_are_made_and_each_reason_is_said_once() -> None:
    made = []
    checks = [
        lambda: fail(BadInputError("a: broken\nbadly")),
        lambda: made.append("second"),
        lambda: fail(MissingWeightsError("b: missing")),
        lambda: fail(BadInputError("b: missing")),
    ]
    with pytest.raises(BadInputError) as caught:
        check_all(checks)
    assert str(caught.value).splitlines() == ["a: broken badly", "b: missing"]
    assert made == ["second"]
    check_all([lambda: None])


def test_a_defect_is_not_taken_for_a_bad_input() -> None:
    with pytest.raises(KeyError):
        check_all([lambda: fail(KeyError("x"))])


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_disk_is_seen_through_other_errors(code: int) -> None:
    full = OSError(code, os.strerror(code))
    caused, handled = ValueError("cannot write"), RuntimeError("while that was handled")
    caused.__cause__, handled.__context__ = full, caused
    assert full_disk(full) is full_disk(caused) is full_disk(handled) is full


def test_other_errors_say_nothing_of_the_disk() -> None:
    assert full_disk(FileNotFoundError(errno.ENOENT, "x")) is None
    assert full_disk(None) is None
