"""Charts of trainings and scores."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtalker.config.workspace import Workspace
from segtalker.inference.methods import METHODS as GENERATED
from segtalker.metrics.catalogue import all_metrics
from segtalker.reporting.figures.charts import clip_scores, region_scores, smooth, training_curves
from segtalker.reporting.figures.style import DARK, LIGHT, render
from segtalker.reporting.tables.build import region_table
from segtalker.reporting.tables.methods import order_methods
from segtalker.reporting.tables.scores import Metric, read_scores


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=40), st.integers(1, 9))
def test_smooth_is_a_mean_of_neighbours(values: list[float], window: int) -> None:
    smoothed = smooth(np.array(values), window)
    half = window // 2
    expected = [np.mean(values[max(0, i - half) : i + half + 1]) for i in range(len(values))]
    assert smoothed == pytest.approx(np.array(expected), abs=1e-9)


@pytest.mark.parametrize(
    "values",
    [
        {"train/loss": [1.0]},
        {"val/iou": [0.5, 0.5]},
        {"train/a": [1e-4, 100.0], "val/b": [-1.0, 2.0]},
        {"train/a": [1.0, 0.5], "val/iou_hair": [0.1, 0.9], "val/iou_lip": [0.1, 0.5]},
    ],
    ids=["one point", "flat, no training", "wide range", "regions"],
)
def test_any_history_can_be_drawn(values: dict[str, list[float]]) -> None:
    rows = [(step, name, value) for name, series in values.items() for step, value in enumerate(series)]
    history = pd.DataFrame(rows, columns=["step", "name", "value"])
    assert render(training_curves(history, LIGHT), LIGHT).std() > 0


def test_scores_with_infinite_values_can_be_drawn(experiment: Workspace) -> None:
    scores = read_scores(experiment.results("evaluate"), [])
    scores.values.loc[(scores.values["method"] == "ground_truth"), "value"] = np.inf
    shown = [metric for metric in scores.summary_metrics if metric.name != "lpips_alex"]
    assert render(clip_scores(scores, shown, DARK), DARK).std() > 0
    assert render(region_scores(region_table(scores), scores.methods, DARK), DARK).std() > 0


def test_every_method_is_named_beside_the_regions() -> None:
    methods = order_methods({*GENERATED, "ground_truth"})
    table = pd.DataFrame([{"method": method.name, "lip": 0.5, "hair": 0.7} for method in methods])
    figure = region_scores(table, methods, LIGHT)
    render(figure, LIGHT)
    legend = figure.legends[0]
    assert [text.get_text() for text in legend.get_texts()] == [method.label for method in methods]
    box, paper = legend.get_window_extent(), figure.bbox
    assert paper.x0 <= box.x0
    assert box.x1 <= paper.x1
    assert len({method.colour for method in methods}) == len(methods)
    # equal values of all methods: no dot may cover another
    dots = figure.axes[0].collections
    centres = np.concatenate(
        [figure.axes[0].transData.transform(one.get_offsets()) for one in dots if len(one.get_offsets()) == 2]
    )
    heights = np.sort(centres[:, 1])
    diameter_px = np.sqrt(15) / 72 * figure.dpi
    assert len(heights) == 2 * len(methods)
    assert np.diff(heights).min() > diameter_px


def test_no_title_reaches_into_the_next_panel(experiment: Workspace) -> None:
    scores = read_scores(experiment.results("evaluate"), [])
    metrics = [
        Metric(entry.name, "", entry.unit, entry.higher_is_better, "frame", entry.name) for entry in all_metrics()
    ]
    figure = clip_scores(scores, metrics, LIGHT)
    render(figure, LIGHT)
    titles = [axes.get_title("left") for axes in figure.axes]
    assert [title.split()[0] for title in titles] == [metric.name for metric in metrics]
    boxes = [axes._left_title.get_window_extent() for axes in figure.axes]
    for index, box in enumerate(boxes):
        touching = [other for other, beside in enumerate(boxes) if other != index and box.overlaps(beside)]
        assert not touching, (titles[index], [titles[other] for other in touching])
