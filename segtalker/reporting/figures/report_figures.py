"""Every figure of a report: what is drawn from which results, written as PNG and kept for the page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from segtalker.clips.worker_pools import Pool
from segtalker.config.params import Params
from segtalker.config.stages import STAGES
from segtalker.inference.edit_strip import EditRow
from segtalker.reporting.figures.charts import clip_scores, region_scores, training_curves
from segtalker.reporting.figures.dag import dag_figure, read_graph
from segtalker.reporting.figures.samples import Sample
from segtalker.reporting.figures.strips import edit_strip, frame_strip, mouth_strip
from segtalker.reporting.figures.style import DARK, LIGHT, Theme, png_bytes, render, webp_bytes
from segtalker.reporting.tables.build import region_table
from segtalker.reporting.tables.formats import sample_text
from segtalker.reporting.tables.scores import Scores
from segtalker.utils.atomic import atomic_file


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


def draw_all(drawings: Sequence[Drawing], folder: Path, pool: Pool) -> list[Picture]:
    """Draws figures: PNG on light paper into `folder`, both papers as WebP for the page.

    Args:
        drawings: what to draw.
        folder: an existing one.
        pool: whose processes draw.
    """
    return pool.map(partial(_draw, folder), drawings, __name__)


def _draw(folder: Path, drawing: Drawing) -> Picture:
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


def score_drawings(scores: Scores) -> list[Drawing]:
    """Scores clip by clip, and the IoU of each region."""
    metric_names = set(scores.values.loc[scores.values["value"].notna() & (scores.values["clip_id"] != ""), "metric"])
    metrics = [metric for metric in scores.summary_metrics if metric.name in metric_names]
    drawings = []
    if metrics:
        drawings.append(
            Drawing("scores", "clips", "Clip by clip", f"Each dot is one of {sample_text(scores)}, each bar the "
                    "mean of a method.", partial(clip_scores, scores, metrics))
        )  # fmt: skip
    regions = region_table(scores)
    if len(regions.columns) > 1:
        drawings.append(
            Drawing("regions", "regions", "Region by region", "Overlap of each region with the reference mask, a line "
                    f"for each method, in the order of the legend: the mean of {sample_text(scores)}.",
                    partial(region_scores, regions, scores.methods))
        )  # fmt: skip
    return drawings


def training_drawings(histories: dict[str, pd.DataFrame]) -> list[Drawing]:
    """The curves of each training stage."""
    alt = "Training and validation values of {} over its steps."
    return [
        Drawing("training", f"training_{stage.removeprefix('train_')}", stage, alt.format(stage),
                partial(training_curves, history))
        for stage, history in histories.items()
    ]  # fmt: skip


def sample_drawings(samples: Sequence[Sample], params: Params, system: str) -> list[Drawing]:
    """A frame strip and a mouth strip of each sample clip."""
    settings, base = params.tables, params.base
    drawings = []
    for sample in samples:
        clip_id = sample.clip.clip_id
        frames: Callable[[Theme], Figure] = partial(
            frame_strip, sample, system, base.fps, settings.strip_columns, settings.strip_cell
        )
        mouths: Callable[[Theme], Figure] = partial(
            mouth_strip,
            sample,
            base.fps,
            base.sample_rate_hz,
            settings.mouth_columns,
            settings.mouth_stride,
            settings.mouth_cell,
        )
        drawings += [
            Drawing("strips", f"strip_{clip_id}", clip_id, "Source and mask; then over time the talking mask, the "
                    "output and the recording.", frames, is_photo=True),
            Drawing("strips", f"mouth_{clip_id}", f"{clip_id}: the mouth and the sound", "Mouths of the recording and "
                    "of every method under the speech of the clip.", mouths, is_photo=True),
        ]  # fmt: skip
    return drawings


def edit_drawings(edits: Sequence[EditRow], folder: Path, cell: int) -> list[Drawing]:
    """A sheet of edits for each clip that has some.

    Args:
        edits: of all clips.
        folder: holds their packs.
        cell: px.
    """
    clips = dict.fromkeys(edit.clip_id for edit in edits)
    alt = "The same moments of a talking face, one edit a row, beside the picture the edit took from."
    return [
        Drawing("edits", f"edits_{clip_id}", clip_id, alt,
                partial(edit_strip, [edit for edit in edits if edit.clip_id == clip_id], folder, cell), is_photo=True)
        for clip_id in clips
    ]  # fmt: skip


def pipeline_drawings(dvc_file: Path) -> list[Drawing]:
    """The DAG of the stages."""
    alt = "Stages of the pipeline; those in red train a network. Arrows that a longer way implies are left out."
    return [Drawing("pipeline", "dag", "Pipeline", alt, partial(dag_figure, read_graph(dvc_file)))]
