"""The page of a dataset."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from segtalker.clips.record import ClipQuality, ClipRecord, DroppedClip
from segtalker.clips.store import CLIP_COLUMNS, FAILURE_COLUMNS, write_table
from segtalker.config.data import Gate
from segtalker.config.params import load_params
from segtalker.config.workspace import Workspace
from segtalker.reporting.pages.dataset import _loss, dataset_page, histograms


@pytest.fixture
def gate() -> Gate:
    """The project's, with limits."""
    loaded = load_params(Path(__file__).parents[4]).gate
    return loaded.model_copy(update={"min_face_px": 100.0, "sheet_clips": 5})


def record(index: int, **changes: Any) -> ClipRecord:
    """A measured clip."""
    figures = {"face_px": 80.0 + 10 * index, "sharpness": 50.0, "yaw_deg": 3.0 * index, "pitch_deg": 4.0, "cuts": 0}
    about = {"clip_id": f"c{index}", "subject": f"s{index % 2}", "seconds": 2.0 + index, "source": Path("x.mp4")}
    reason = changes.pop("reason", "")
    quality = ClipQuality(**figures | changes)
    if reason:
        return DroppedClip(**about, quality=quality, reason=reason)
    return ClipRecord(**about, quality=quality)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Tables of the stages before, and thumbnails."""
    made = Workspace(tmp_path, "films", "films")
    recordings = [{"clip_id": f"r{index}", "source": "x.mp4", "seconds": 60.0} for index in range(3)]
    write_table(made.data("download") / "clips.csv", recordings, CLIP_COLUMNS)
    silent = [
        {"clip_id": f"r{n}", "source": "", "reason": f"r{n}.mp4: its sound track is silent"} for n in range(8, 10)
    ]
    write_table(made.data("download") / "failures.csv", [], FAILURE_COLUMNS)
    write_table(made.data("cut") / "failures.csv", silent, FAILURE_COLUMNS)
    drops = [{"clip_id": "r0", "start_s": 1.0, "end_s": 31.0, "reason": "no <face>"}]
    write_table(made.data("cut") / "dropped.csv", drops, ("clip_id", "start_s", "end_s", "reason"))
    write_table(made.data("crop") / "failures.csv", [], FAILURE_COLUMNS)
    for index in range(12):
        place = made.data("gate") / "clips" / f"c{index}"
        place.mkdir(parents=True)
        cv2.imwrite(str(place / "thumbnail.jpg"), np.full((16, 16, 3), 20 * index, np.uint8))
    return made


def test_the_page_holds_clips_figures_and_losses(workspace: Workspace, gate: Gate) -> None:
    kept = [record(index) for index in range(2, 12)]
    dropped = [record(index, reason=f"face of {80 + 10 * index} px, less than 100") for index in range(2)]
    page = dataset_page(workspace, kept, dropped, gate, None)
    assert page.count("data:image/jpeg;base64,") == 5 + 2
    assert "5 of 10 clips, evenly spread" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "no &lt;face&gt;" in page
    assert "cut: 2 recordings failed" in page
    assert '<td class="breakable">its sound track is silent</td><td class="num">2</td>' in page
    assert "cut: 1 stretches left out, 0.5 min" in page
    assert "face of N px, less than N" in page
    assert "not measured: gate.sync.expert is none" in page


def test_histograms_count_every_clip_and_show_limits(gate: Gate) -> None:
    kept, dropped = [record(index) for index in range(2, 12)], [record(index, reason="x") for index in range(2)]
    charts = {chart.title: chart for chart in histograms(kept, dropped, gate)}
    for title in ("length", "size of the face in the recording", "turn of the head"):
        assert sum(bar.passed_count for bar in charts[title].bars) == 10
        assert sum(bar.dropped_count for bar in charts[title].bars) == 2
    size = charts["size of the face in the recording"]
    assert list(size.limits) == [100.0]
    assert size.place(100.0) == pytest.approx((100 - 80) / (190 - 80), abs=0.02)
    assert not charts["sync confidence"].bars


def test_offsets_have_a_bar_a_frame(gate: Gate) -> None:
    rows = [record(index, offset=offset, confidence=1.0) for index, offset in enumerate([-3, 0, 0, 1])]
    chart = next(chart for chart in histograms(rows, [], gate) if chart.unit == "frames")
    assert [(bar.low + 0.5, bar.passed_count) for bar in chart.bars] == [(-3, 1), (-2, 0), (-1, 0), (0, 2), (1, 1)]
    assert not any(bar.dropped_count for bar in chart.bars)


def test_reasons_that_differ_in_name_and_figure_only_are_counted_together() -> None:
    silent = [("a", "a.mp4: its sound track is silent"), ("b", ".mp4: its sound track is silent")]
    others = [("c", "no face found in 3 s"), ("d", "no face found in 12.5 s"), ("e", "e.mp4: its path is not UTF-8")]
    counted = dict(_loss("cut", "failed", silent + others, "", "f.csv").reasons)
    assert counted == {"its sound track is silent": 2, "no face found in N s": 2, "its path is not UTF-8": 1}


def test_an_empty_dataset_has_a_page(workspace: Workspace, gate: Gate) -> None:
    assert "Clips kept" in dataset_page(workspace, [], [], gate, None)
