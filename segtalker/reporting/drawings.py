"""Which figures a report has: one function a section of the page."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from segtalker.edit_strip import EditRow
from segtalker.params import Params
from segtalker.reporting.charts import clip_scores, region_scores, training_curves
from segtalker.reporting.dag import dag_figure, read_graph
from segtalker.reporting.figures import Drawing
from segtalker.reporting.samples import Sample
from segtalker.reporting.scores import Scores
from segtalker.reporting.strips import edit_strip, frame_strip, mouth_strip
from segtalker.reporting.style import Theme
from segtalker.reporting.tables import region_table


def score_drawings(scores: Scores) -> list[Drawing]:
    """Scores clip by clip, and the IoU of each region."""
    measured = set(scores.values.loc[scores.values["value"].notna() & (scores.values["clip_id"] != ""), "metric"])
    metrics = [metric for metric in scores.summary_metrics if metric.name in measured]
    drawings = []
    if metrics:
        drawings.append(
            Drawing("scores", "clips", "Clip by clip", "Each dot is a test clip, each bar the mean of a method.",
                    partial(clip_scores, scores, metrics))
        )  # fmt: skip
    regions = region_table(scores)
    if len(regions.columns) > 1:
        drawings.append(
            Drawing("regions", "regions", "Region by region", "Overlap of each region with the reference mask, a dot "
                    "for each method.", partial(region_scores, regions, scores.methods))
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
    look, base = params.tables, params.base
    drawings = []
    for sample in samples:
        clip_id = sample.clip.clip_id
        frames: Callable[[Theme], Figure] = partial(
            frame_strip, sample, system, base.fps, look.strip_columns, look.strip_cell
        )
        mouths: Callable[[Theme], Figure] = partial(
            mouth_strip, sample, base.fps, base.sample_rate_hz, look.mouth_columns, look.mouth_stride, look.mouth_cell
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
