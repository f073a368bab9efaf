"""Progress where nobody watches: whole lines, and few of them."""

import pytest

from segtalker.utils.progress import PhaseBars, notice, progress, reported


def test_items_pass_through_and_the_last_line_counts_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress(iter("abc"), 3, "crop", "clips")) == ["a", "b", "c"]
    said = capsys.readouterr()
    assert said.out == ""
    assert "\r" not in said.err
    assert said.err.endswith("\n")
    assert said.err.splitlines()[-1].startswith("crop: 100%")
    assert "3/3" in said.err.splitlines()[-1]


def test_a_failure_says_how_far_it_came(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(item: int) -> int:
        if item == 3:
            raise RuntimeError("disk gone")
        return item

    with pytest.raises(RuntimeError):
        list(map(broken, progress(range(4), 4, "crop")))
    assert "3/4" in capsys.readouterr().err.splitlines()[-1]


def test_a_notice_is_a_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    notice("two clips were damaged")
    assert capsys.readouterr() == ("", "two clips were damaged\n")


def test_each_phase_has_a_bar_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    with PhaseBars() as bars:
        assert list(reported(range(3), 4, "looking", bars)) == [0, 1, 2]
        bars("painting", 0.25)
    said = capsys.readouterr().err
    assert said.index("looking: 100%") < said.index("painting:  25%")
