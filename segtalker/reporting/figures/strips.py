"""Contact sheets: frames over time, mouths against the sound, edits."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from segtalker.clips.image_pack import ImagePack
from segtalker.inference.edit_strip import EditRow
from segtalker.regions import colourise
from segtalker.reporting.figures.samples import Sample, envelope, loudest_window
from segtalker.reporting.figures.style import DPI, Theme, bare, styled
from segtalker.reporting.tables.methods import GROUND_TRUTH

_GAP = 6
_MARGIN = 16
_LABEL_WIDTH = 120
_CAPTION_HEIGHT = 30
_LEAD_GAP = 20
_WAVE_HEIGHT = 84
_LABEL_CHARACTERS = 11
_MOUTH_POINTS = slice(48, 68)
_MOUTH_CORNERS = (0, 6)  # of the mouth's points
_MOUTH_ZOOM = 1.2


@dataclass(frozen=True)
class Row:
    """A labelled row of pictures.

    Args:
        label: stands left of it.
        images: RGB, square, uint8; None leaves the cell empty.
        colour: of the label, `#rrggbb`, or empty for ink.
    """

    label: str
    images: Sequence[np.ndarray | None]
    colour: str = ""


class Sheet:
    """Equal cells on paper, drawn pixel by pixel, so that pictures stay sharp.

    Args:
        rows: from top to bottom.
        captions: of the columns.
        cell: width and height of a cell, px.
        theme: the paper.
        lead: captioned pictures in a column of their own before the rows.
        head: free space above the rows, px.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        captions: Sequence[str],
        cell: int,
        theme: Theme,
        *,
        lead: Sequence[tuple[str, np.ndarray]] = (),
        head: int = 0,
    ) -> None:
        self.cell, self.theme = cell, theme
        self.left = _MARGIN + (cell + _LEAD_GAP if lead else 0) + _LABEL_WIDTH
        self.top = _MARGIN + head
        self.columns = max(len(row.images) for row in rows)
        width = self.left + self.columns * (cell + _GAP) - _GAP + _MARGIN
        height = self.top + len(rows) * (cell + _GAP) + _CAPTION_HEIGHT
        spare = len(rows) * (cell + _GAP) + _CAPTION_HEIGHT - len(lead) * (cell + _CAPTION_HEIGHT)
        self.lead_top = self.top + max(0, spare // 2)
        paper = np.array(to_rgb(theme.paper)) * 255
        self.canvas = np.full((height, width, 3), paper.round().astype(np.uint8))
        for index, row in enumerate(rows):
            for column, image in enumerate(row.images):
                if image is not None:
                    self._paste(image, self.left + column * (cell + _GAP), self.top + index * (cell + _GAP))
        for index, (_, image) in enumerate(lead):
            self._paste(image, _MARGIN, self._lead_top(index))
        with styled(theme):
            self.figure, self.axes = self._axes()
        self._label(rows, captions, lead)

    def _lead_top(self, index: int) -> int:
        return self.lead_top + index * (self.cell + _CAPTION_HEIGHT)

    def _paste(self, image: np.ndarray, x: int, y: int) -> None:
        self.canvas[y : y + self.cell, x : x + self.cell] = fit_cell(image, self.cell)

    def _axes(self) -> tuple[Figure, Axes]:
        height, width = self.canvas.shape[:2]
        figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
        axes = bare(figure.add_axes((0.0, 0.0, 1.0, 1.0)))
        axes.imshow(self.canvas, interpolation="nearest", aspect="auto", extent=(0, width, height, 0))
        return figure, axes

    def _label(self, rows: Sequence[Row], captions: Sequence[str], lead: Sequence[tuple[str, np.ndarray]]) -> None:
        for index, row in enumerate(rows):
            y = self.top + index * (self.cell + _GAP) + self.cell / 2
            self.write(self.left - 12, y, row.label, row.colour or self.theme.ink, "right", bold=True)
        y = self.top + len(rows) * (self.cell + _GAP) + _CAPTION_HEIGHT / 2 - 3
        for column, caption in enumerate(captions):
            self.write(self.left + column * (self.cell + _GAP) + self.cell / 2, y, caption, self.theme.muted, "center")
        for index, (caption, _) in enumerate(lead):
            y = self._lead_top(index) + self.cell + _CAPTION_HEIGHT / 2
            self.write(_MARGIN + self.cell / 2, y, caption, self.theme.ink, "center", bold=True)

    def write(self, x: float, y: float, text: str, colour: str, align: str, bold: bool = False) -> None:
        """Text at a point in px, centred upright; `align` is `left`, `center` or `right`."""
        weight = "bold" if bold else "normal"
        self.axes.text(x, y, text, color=colour, ha=align, va="center", fontsize=8, fontweight=weight, linespacing=1.3)


def fit_cell(image: np.ndarray, cell: int) -> np.ndarray:
    """Scales a square picture to `(cell, cell, 3)` uint8."""
    shrinks = image.shape[0] > cell
    return cv2.resize(image, (cell, cell), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def _painted(masks: np.ndarray, cell: int) -> list[np.ndarray]:
    """Region maps `(T, H, W)` as pictures with hard edges."""
    return [cv2.resize(colourise(mask), (cell, cell), interpolation=cv2.INTER_NEAREST_EXACT) for mask in masks]


def frame_strip(sample: Sample, method: str, fps: int, columns: int, cell: int, theme: Theme) -> Figure:
    """What goes in (source and its mask) and what comes out over time (talking mask, output) beside the truth.

    Args:
        sample: the clip.
        method: whose output.
        fps: frames per second.
        columns: moments shown, evenly spread over the clip.
        cell: px.
        theme: the paper.
    """
    indices = np.linspace(0, sample.length - 1, columns).round().astype(int).tolist()
    masks = sample.masks(method)
    rows = [] if masks is None else [Row(_fold("talking mask"), _painted(masks.read(indices), cell))]
    rows += [
        Row("output", list(sample.frames(method).read(indices))),
        Row("truth", list(sample.clip.frames.read(indices))),
    ]
    first = [sample.reference_frame]
    lead = [("source", sample.clip.frames.read(first)[0]), ("mask", _painted(sample.clip.masks.read(first), cell)[0])]
    captions = [f"{index / fps:.2f} s" for index in indices]
    return Sheet(rows, captions, cell, theme, lead=lead).figure


def mouth_strip(sample: Sample, fps: int, rate_hz: int, columns: int, stride: int, cell: int, theme: Theme) -> Figure:
    """Mouths of the truth and of every method, close up, under the sound they belong to.

    Args:
        sample: the clip.
        fps: frames per second.
        rate_hz: of the sound.
        columns: frames shown, from where the sound is loudest.
        stride: frames from one column to the next.
        cell: px.
        theme: the paper.
    """
    hop = rate_hz // fps
    stride = max(1, min(stride, sample.length // columns))
    audio = np.asarray(sample.clip.audio)[: sample.length * hop]
    first = loudest_window(audio, columns * stride * hop, hop) // hop
    indices = [min(first + column * stride, sample.length - 1) for column in range(columns)]
    squares = mouth_squares(np.asarray(sample.clip.landmarks)[indices])
    rows = [Row(_fold(GROUND_TRUTH.label), _cut(sample.clip.frames.read(indices), squares))]
    rows += [Row(_fold(method.label), _cut(sample.frames(method.name).read(indices), squares), method.colour)
             for method in sample.methods]  # fmt: skip
    captions = [f"{index / fps:.2f} s" for index in indices]
    sheet = Sheet(rows, captions, cell, theme, head=_WAVE_HEIGHT)
    _draw_wave(sheet, audio[first * hop : (first + columns * stride) * hop])
    return sheet.figure


def edit_strip(edits: Sequence[EditRow], folder: Path, cell: int, theme: Theme) -> Figure:
    """The same moments of one talking face, an edit a row, beside the picture the edit took from.

    Args:
        edits: of one clip.
        folder: holds their packs.
        cell: px.
        theme: the paper.
    """
    rows = []
    for edit in edits:
        reference = None if edit.reference is None else ImagePack(folder / edit.reference).read([0])[0]
        rows.append(Row(_fold(edit.label), [reference, *ImagePack(folder / edit.frames).read()]))
    captions = ["taken from", *(f"{time_s:.2f} s" for time_s in edits[0].times_s)]
    return Sheet(rows, captions, cell, theme).figure


def _fold(label: str) -> str:
    return "\n".join(textwrap.wrap(label, _LABEL_CHARACTERS))


def mouth_squares(landmarks: np.ndarray) -> np.ndarray:
    """A square around the mouth of each frame, all of one size, hung on the mouth's corners.

    Args:
        landmarks: `(T, 68, 2)`, pixels.

    Returns:
        Left, top and side in pixels, `(T, 3)`, int.
    """
    mouth = landmarks[:, _MOUTH_POINTS]
    corners = mouth[:, _MOUTH_CORNERS].mean(axis=1)
    reach = np.abs(mouth - corners[:, None]).max()
    corner = np.floor(corners - reach * _MOUTH_ZOOM)
    side = np.full((len(mouth), 1), np.ceil(2 * reach * _MOUTH_ZOOM) + 1)
    return np.concatenate([corner, side], axis=1).astype(int)


def _cut(frames: np.ndarray, squares: np.ndarray) -> list[np.ndarray]:
    """Squares `(T, 3)` of frames `(T, H, W, 3)`; past the edge, the edge is repeated."""
    height, width = frames.shape[1:3]
    pictures = []
    for frame, (left, top, side) in zip(frames, squares, strict=True):
        rows = np.clip(np.arange(top, top + side), 0, height - 1)
        columns = np.clip(np.arange(left, left + side), 0, width - 1)
        pictures.append(frame[rows][:, columns])
    return pictures


def _draw_wave(sheet: Sheet, audio: np.ndarray) -> None:
    """The sound over the columns: each column's picture stands under the sound that starts with it."""
    width = sheet.columns * (sheet.cell + _GAP) - _GAP
    heights = envelope(audio, width // 3)
    xs = sheet.left + np.linspace(0, width, len(heights))
    middle = sheet.top - _WAVE_HEIGHT / 2 - 4
    reach = heights * (_WAVE_HEIGHT / 2 - 8) / max(float(heights.max()), 1e-3)
    sheet.axes.fill_between(xs, middle - reach, middle + reach, color=sheet.theme.secondary, linewidth=0)
    edges = sheet.left + np.arange(sheet.columns) * (sheet.cell + _GAP) - _GAP / 2
    sheet.axes.vlines(edges, sheet.top - _WAVE_HEIGHT, sheet.top, color=sheet.theme.grid, linewidth=0.8)
    sheet.write(sheet.left - 12, middle, "speech", sheet.theme.ink, "right", bold=True)
