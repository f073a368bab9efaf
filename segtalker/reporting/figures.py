"""Every figure of a report: what is drawn from which results, written as PNG and kept for the page."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from segtalker.atomic import atomic_file
from segtalker.params import STAGES
from segtalker.reporting.style import DARK, LIGHT, Theme, png_bytes, render, webp_bytes


@dataclass(frozen=True)
class Drawing:
    """A figure that can be drawn on either paper.

    Args:
        section: of the page it belongs to.
        name: of the file.
        title: short heading.
        alt: what it shows, a sentence, also for who cannot see it.
        draw: draws it.
        is_photo: holds frames, not only lines and text.
    """

    section: str
    name: str
    title: str
    alt: str
    draw: Callable[[Theme], Figure]
    is_photo: bool = False


@dataclass(frozen=True)
class Picture:
    """A drawn figure for the page: WebP on light and on dark paper."""

    drawing: Drawing
    light: bytes
    dark: bytes
    width: int
    height: int


def draw_all(drawings: Iterable[Drawing], folder: Path) -> list[Picture]:
    """Draws figures: PNG on light paper into `folder`, both papers as WebP for the page."""
    return [_draw(drawing, folder) for drawing in drawings]


def _draw(drawing: Drawing, folder: Path) -> Picture:
    light, dark = (render(drawing.draw(theme), theme) for theme in (LIGHT, DARK))
    with atomic_file(folder / f"{drawing.name}.png") as temporary:
        temporary.write_bytes(png_bytes(light))
    height, width = light.shape[:2]
    return Picture(
        drawing, webp_bytes(light, drawing.is_photo), webp_bytes(dark, drawing.is_photo), width, height
    )  # fmt: skip


def read_histories(models: Path) -> dict[str, pd.DataFrame]:
    """What each training stage logged, by stage: `step,name,value`.

    Args:
        models: `models/<experiment>`.
    """
    paths = [models / stage / "history.csv" for stage in STAGES]
    return {path.parent.name: pd.read_csv(path) for path in paths if path.is_file()}
