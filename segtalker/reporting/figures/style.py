"""The look of every figure: two papers (light and dark), one type scale, one way to write the bytes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DPI = 144
_WEBP_PHOTO = 88
_WEBP_LOSSLESS = 101


@dataclass(frozen=True)
class Theme:
    """Colours of paper and ink, `#rrggbb`.

    Args:
        name: `light` or `dark`.
        paper: background.
        raised: boxes on the paper.
        ink: text.
        muted: labels, axes and raw data behind a trend.
        grid: hairlines.
        primary: the series that matters.
        secondary: the series it is compared with.
    """

    name: str
    paper: str
    raised: str
    ink: str
    muted: str
    grid: str
    primary: str
    secondary: str


LIGHT = Theme("light", "#ffffff", "#f4f5f8", "#1b1f2a", "#6a7282", "#e3e6ec", "#d6405c", "#2f7cc4")
DARK = Theme("dark", "#161922", "#20242f", "#e8eaf0", "#98a1b3", "#2d3340", "#f0718a", "#69aef0")


def _settings(theme: Theme) -> dict:
    return {
        "font.family": "DejaVu Sans",
        "font.size": 8.5,
        "text.color": theme.ink,
        "figure.facecolor": theme.paper,
        "figure.dpi": DPI,
        "savefig.facecolor": theme.paper,
        "axes.facecolor": theme.paper,
        "axes.edgecolor": theme.grid,
        "axes.labelcolor": theme.muted,
        "axes.titlesize": 9,
        "axes.titlelocation": "left",
        "axes.titleweight": "bold",
        "axes.titlepad": 7,
        "axes.titlecolor": theme.ink,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": theme.grid,
        "grid.linewidth": 0.7,
        "xtick.color": theme.grid,
        "ytick.color": theme.grid,
        "xtick.labelcolor": theme.muted,
        "ytick.labelcolor": theme.muted,
        "xtick.labelsize": 7.5,
        "ytick.labelsize": 7.5,
        "legend.frameon": False,
        "legend.fontsize": 8,
        "lines.solid_capstyle": "round",
    }


@contextmanager
def styled(theme: Theme) -> Iterator[None]:
    """Within the block, new figures look like the theme."""
    with matplotlib.rc_context(_settings(theme)):
        yield


def new_figure(width: float, height: float) -> Figure:
    """A figure of so many inches, drawn without a screen; call it within `styled`."""
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained")


def bare(axes: Axes) -> Axes:
    """Axes that only hold a picture."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes


def render(figure: Figure, theme: Theme) -> np.ndarray:
    """The pixels of a figure, `(H, W, 3)` uint8 RGB; the same figure gives the same pixels."""
    canvas = FigureCanvasAgg(figure)
    with styled(theme):
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def png_bytes(image: np.ndarray) -> bytes:
    """A picture `(H, W, 3)` uint8 RGB as PNG."""
    return _encode(image, ".png", (cv2.IMWRITE_PNG_COMPRESSION, 6))


def webp_bytes(image: np.ndarray, is_photo: bool) -> bytes:
    """A picture as WebP, smaller than PNG: for the page.

    Args:
        image: `(H, W, 3)` uint8 RGB.
        is_photo: holds frames; lines and text alone are kept without loss.
    """
    return _encode(image, ".webp", (cv2.IMWRITE_WEBP_QUALITY, _WEBP_PHOTO if is_photo else _WEBP_LOSSLESS))


def _encode(image: np.ndarray, suffix: str, options: tuple[int, int]) -> bytes:
    return cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), list(options))[1].tobytes()
