"""The look of every figure: two papers (light and dark), one type scale, one way to write the bytes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from segtalker.atomic import atomic_file

DPI = 144
_WEBP_QUALITY = 86


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


def save_png(figure: Figure, theme: Theme, path: Path) -> None:
    """Writes a figure as PNG, atomically; the same figure gives the same bytes."""
    with styled(theme), atomic_file(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})


def webp_bytes(figure: Figure, theme: Theme, is_photo: bool) -> bytes:
    """A figure as WebP, smaller than PNG: for the page.

    Args:
        figure: drawn.
        theme: its paper.
        is_photo: holds frames; lines and text alone are kept without loss.
    """
    out = BytesIO()
    options = {"quality": _WEBP_QUALITY, "method": 2} if is_photo else {"lossless": True, "method": 2}
    with styled(theme):
        figure.savefig(out, format="webp", pil_kwargs=options)
    return out.getvalue()
