"""The page of a dataset: its clips, how long, large, sharp and in time they are, and what was lost on the way."""

import base64
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from segtalker.clips.alike import AlikeSubjects
from segtalker.clips.record import ClipRecord, DroppedClip, Record
from segtalker.clips.store import read_table
from segtalker.config.data import Gate
from segtalker.config.workspace import Workspace
from segtalker.preprocessing.gate import CORRECTED, THUMBNAIL_FILE, UNCERTAIN
from segtalker.reporting.pages.templates import page_environment

_BINS = 24
_MOST_ROWS = 200  # of a table on the page; the file it comes from has all
_PERCENTILES = (0.5, 99.5)
_NUMBER = re.compile(r"(?<![\w.-])-?\d+(\.\d+)?(?!\w)")
_FILE_NAME = re.compile(r"^[^:]*\.\w{2,5}: ")


@dataclass(frozen=True)
class Bar:
    """One bar of a histogram.

    Args:
        low: where it begins.
        high: where it ends.
        passed_count: clips that passed.
        dropped_count: clips that did not.
    """

    low: float
    high: float
    passed_count: int
    dropped_count: int


@dataclass(frozen=True)
class Histogram:
    """How a figure is spread over clips.

    Args:
        title: what it is.
        unit: of the axis.
        bars: from low to high.
        limits: where clips begin to be dropped.
        digits: of the labels.
        note: what to say where nothing was measured.
    """

    title: str
    unit: str
    bars: Sequence[Bar]
    limits: Sequence[float]
    digits: int
    note: str

    @property
    def highest(self) -> int:
        """Clips of the highest bar."""
        return max((bar.passed_count + bar.dropped_count for bar in self.bars), default=0)

    def place(self, value: float) -> float:
        """Where a value lies on the axis, 0 to 1."""
        low, high = self.bars[0].low, self.bars[-1].high
        return min(max((value - low) / (high - low), 0.0), 1.0)


@dataclass(frozen=True)
class Tile:
    """A clip on the contact sheet: its picture as a data address, name, and what stands below."""

    picture: str
    name: str
    detail: str


@dataclass(frozen=True)
class Loss:
    """What one stage gave up: how many and why."""

    stage: str
    what: str
    count: int
    minutes: str
    reasons: Sequence[tuple[str, int]]
    rows: Sequence[tuple[str, str]]
    file: str


def dataset_page(
    workspace: Workspace,
    passed_records: Sequence[ClipRecord],
    dropped_records: Sequence[DroppedClip],
    gate: Gate,
    alike: Sequence[AlikeSubjects] | None,
) -> str:
    """The page as HTML that needs nothing else.

    Args:
        workspace: of the dataset; its tables of `download`, `cut` and `crop` are read.
        passed_records: clips that passed the gate, with their figures.
        dropped_records: clips that did not, with `reason`.
        gate: its limits.
        alike: people who look alike; None where nobody compared faces.
    """
    recordings = read_table(workspace.data("download") / "clips.csv")
    template = page_environment().get_template("dataset.html.j2")
    return template.render(
        name=workspace.dataset,
        recordings=len(recordings),
        recorded_minutes=_minutes(recordings["seconds"]),
        kept=len(passed_records),
        kept_minutes=_minutes([record.seconds for record in passed_records]),
        people=len({record.subject for record in passed_records}),
        dropped=len(dropped_records),
        unknown=any(record.dataset == "folder" for record in passed_records),
        alike=alike,
        distance=gate.identity_distance,
        tiles=_tiles(workspace, _spread(passed_records, gate.sheet_clips)),
        drops=_tiles(workspace, _spread(dropped_records, gate.sheet_clips)),
        sounds=Counter(record.quality.sound for record in passed_records if record.quality),
        losses=[loss for loss in _losses(workspace, dropped_records) if loss.count],
        histograms=histograms(passed_records, dropped_records, gate),
        most=_MOST_ROWS,
    )


def histograms(
    passed_records: Sequence[ClipRecord], dropped_records: Sequence[DroppedClip], gate: Gate
) -> list[Histogram]:
    """One a figure; of a figure that was not measured only the note."""
    sync = gate.sync
    note = "not measured: gate.sync.expert is none" if sync.expert == "none" else "no clip is long enough"
    quality_figures: list[tuple[str, str, str, list[float], int]] = [
        ("seconds", "length", "s", [], 1),
        ("face_px", "size of the face in the recording", "px", [gate.min_face_px], 0),
        ("sharpness", "sharpness of the face", "fine over coarser detail", [gate.min_sharpness], 2),
        ("yaw_deg", "turn of the head", "degrees", [gate.max_yaw_deg], 0),
        ("pitch_deg", "tilt of the head", "degrees", [gate.max_pitch_deg], 0),
        ("offset", "offset of the sound before it was corrected", "frames", [-sync.max_offset, sync.max_offset], 0),
        ("confidence", "sync confidence", "", [sync.min_confidence], 2),
    ]
    charts = []
    for key, title, unit, limits, digits in quality_figures:
        passed_values, dropped_values = _figures(passed_records, key), _figures(dropped_records, key)
        bars = _bars(passed_values, dropped_values, unit == "frames")
        visible_limits = [limit for limit in limits if bars and bars[0].low < limit < bars[-1].high]
        charts.append(Histogram(title, unit, bars, visible_limits, digits, "" if bars else note))
    return charts


def _figures(records: Sequence[ClipRecord], key: str) -> np.ndarray:
    return np.array([value for record in records if (value := _figure(record, key)) is not None], float)


def _figure(record: ClipRecord, key: str) -> float | None:
    return record.seconds if key == "seconds" else getattr(record.quality, key, None)


def _bars(passed_values: np.ndarray, dropped_values: np.ndarray, whole: bool) -> list[Bar]:
    """Bars over the range of nearly all values, or one a whole number."""
    both = np.concatenate([passed_values, dropped_values])
    if not len(both):
        return []
    low, high = np.percentile(both, _PERCENTILES)
    edges = np.linspace(low, high if high > low else low + 1.0, _BINS + 1)
    if whole:
        edges = np.arange(min(both.min(), -1) - 0.5, max(both.max(), 1) + 1.0)
    passed_counts, dropped_counts = (
        np.histogram(values.clip(edges[0], edges[-1]), edges)[0] for values in (passed_values, dropped_values)
    )
    return [
        Bar(float(edges[index]), float(edges[index + 1]), int(passed_counts[index]), int(dropped_counts[index]))
        for index in range(len(edges) - 1)
    ]


def _spread(records: Sequence[Record], count: int) -> list[Record]:
    """So many records, evenly spread."""
    indices = np.unique(np.linspace(0, len(records) - 1, min(count, len(records))).round().astype(int))
    return [records[index] for index in indices]


def _tiles(workspace: Workspace, records: Sequence[ClipRecord]) -> list[Tile]:
    folder = workspace.data("gate") / "clips"
    return [
        Tile(
            picture=_data_address(folder / record.clip_id / THUMBNAIL_FILE),
            name=record.clip_id,
            detail=record.reason if isinstance(record, DroppedClip) else _about(record),
        )
        for record in records
    ]


def _about(record: ClipRecord) -> str:
    sound = record.quality.sound if record.quality else None
    return f"{record.subject}, {record.seconds:.1f} s" + (f", sound {sound}" if sound in (CORRECTED, UNCERTAIN) else "")


def _data_address(path: Path) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(path.read_bytes()).decode()


def _minutes(seconds: Sequence[float] | pd.Series) -> str:
    return f"{float(np.sum(np.asarray(seconds, float))) / 60:,.1f}"


def _losses(workspace: Workspace, dropped_records: Sequence[DroppedClip]) -> list[Loss]:
    """What was lost, stage by stage."""
    files = [(stage, workspace.data(stage) / "failures.csv") for stage in ("download", "cut", "crop")]
    losses = [_failures(stage, path) for stage, path in files if path.is_file()]
    cuts = workspace.data("cut") / "dropped.csv"
    if cuts.is_file():
        losses.insert(2, _left_out(cuts))
    rows = [(record.clip_id, record.reason) for record in dropped_records]
    minutes = _minutes([record.seconds for record in dropped_records])
    losses.append(_loss("gate", "clips dropped", rows, minutes, "data/gate/" + workspace.dataset + "/dropped.csv"))
    return losses


def _failures(stage: str, path: Path) -> Loss:
    table = read_table(path)
    what = "clips failed" if stage == "crop" else "recordings failed"
    return _loss(stage, what, list(zip(table["clip_id"], table["reason"], strict=True)), "", path.as_posix())


def _left_out(path: Path) -> Loss:
    table = read_table(path)
    names = [f"{row.clip_id} {row.start_s:.1f}-{row.end_s:.1f} s" for row in table.itertuples(index=False)]
    minutes = _minutes(table["end_s"] - table["start_s"])
    return _loss("cut", "stretches left out", list(zip(names, table["reason"], strict=True)), minutes, path.as_posix())


def _loss(stage: str, what: str, rows: Sequence[tuple[str, str]], minutes: str, file: str) -> Loss:
    # names and figures differ from clip to clip; without them equal reasons are counted together
    plain = Counter(_NUMBER.sub("N", _FILE_NAME.sub("", reason)) for _, reason in rows)
    reasons = plain.most_common()
    return Loss(stage, what, len(rows), minutes, reasons, rows[:_MOST_ROWS], file)
