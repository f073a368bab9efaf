"""`benchmarks/talking.py`: its clock, its table, and a row of each kind at a tiny size."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from benchmarks.talking import prepare, rows
from benchmarks.talking_cases import WAV2LIP, Case, Stopwatch, Timing, measure


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_a_part_counts_what_it_does_not_hand_on() -> None:
    moments = iter((0.0, 1.0, 4.0, 6.0, 7.0, 10.0))
    watch = Stopwatch(lambda: next(moments))
    inner = watch.timed("inner", lambda value: value + 1)
    with watch.part("outer"):  # 0
        assert inner(1) == 2  # 1 to 4
        assert inner(2) == 3  # 6 to 7
    assert watch.seconds == {"outer": 1.0 + 2.0 + 3.0, "inner": 3.0 + 1.0}
    assert list(watch.shares.items()) == [("outer", 0.6), ("inner", 0.4)]


def test_a_row_says_what_was_measured() -> None:
    shares = {"nets: painting": 0.5, "encoding": 0.3, "nets: masks": 0.2}
    timing = Timing(1.5, 0.9, 0.4, 31.25, 512.4, shares, 1_250_000, False, 2, 75)
    first, second = rows(Case("demo", 3.0, "talk", Path()), timing)
    assert [cell.strip() for cell in first.strip("|").split("|")] == [
        "demo", "talk, untrained", "1.2", "2", "75", "1.50", "0.90", "0.40", "0.50", "31.2", "512", "70%",
    ]  # fmt: skip
    assert second.endswith("nets: painting 50.0%, encoding 30.0%, nets: masks 20.0% |")


@pytest.mark.parametrize("method", ["talk", WAV2LIP])
def test_a_tiny_row_is_measured(tmp_path: Path, method: str) -> None:
    case = Case("tiny", 0.8, method, tmp_path / "absent", is_published=False)
    prepare(case, tmp_path)
    timing = measure(case, tmp_path, time.time())
    assert timing.frames == 20
    assert not timing.is_trained
    assert min(timing.load_s, timing.cold_s, timing.warm_s, timing.steady_fps, timing.peak_mib) > 0
    assert sum(timing.shares.values()) == pytest.approx(1.0)
    expected = {"nets: painting", "encoding"} | ({"nets: masks", "paste of regions"} if method == "talk" else set())
    assert all(timing.shares[name] > 0 for name in expected)
