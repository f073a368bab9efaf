import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtalker.clips.store import load_clips
from segtalker.config.workspace import Workspace
from segtalker.inference.methods import METHODS as GENERATED
from segtalker.metrics.catalogue import all_metrics
from segtalker.reporting.figures.charts import clip_scores, region_scores, smooth, training_curves
from segtalker.reporting.figures.samples import Sample, choose_samples, envelope, loudest_window, spread_over_subjects
from segtalker.reporting.figures.strips import Row, Sheet, frame_strip, mouth_squares, mouth_strip
from segtalker.reporting.figures.style import DARK, LIGHT, render
from segtalker.reporting.tables.build import region_table
from segtalker.reporting.tables.methods import order_methods
from segtalker.reporting.tables.scores import Metric, read_scores


@pytest.fixture(scope="module")
def sample(experiment: Workspace) -> Sample:
    clips = load_clips(experiment.root / "data", experiment.dataset, "test")
    return choose_samples(clips, experiment.results("generate"), "segtalker", 1, {})[0]


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


def test_no_title_reaches_into_the_next_panel(experiment: Workspace) -> None:
    scores = read_scores(experiment.results("evaluate"), [])
    metrics = [Metric(entry.name, "", entry.unit, entry.higher_is_better) for entry in all_metrics()]
    figure = clip_scores(scores, metrics, LIGHT)
    render(figure, LIGHT)
    titles = [axes.get_title("left") for axes in figure.axes]
    assert [title.split()[0] for title in titles] == [metric.name for metric in metrics]
    boxes = [axes._left_title.get_window_extent() for axes in figure.axes]
    for index, box in enumerate(boxes):
        touching = [other for other, beside in enumerate(boxes) if other != index and box.overlaps(beside)]
        assert not touching, (titles[index], [titles[other] for other in touching])


def test_a_sheet_shows_pictures_pixel_by_pixel() -> None:
    images = [np.full((20, 20, 3), value, np.uint8) for value in (10, 90, 170)]
    images[1][5:9, 5:9] = (255, 0, 0)
    sheet = Sheet([Row("a", images), Row("b", [None, *images[:2]])], ["1", "2", "3"], 20, LIGHT)
    pixels = render(sheet.figure, LIGHT)
    assert pixels.shape == sheet.canvas.shape
    top, left = sheet.top, sheet.left + 26
    assert (pixels[top : top + 20, left : left + 20] == images[1]).all()
    assert (pixels[top + 26 : top + 46, sheet.left : sheet.left + 20] == 255).all()


def test_strips_are_the_same_each_time_and_differ_between_methods(sample: Sample) -> None:
    first, again = (render(frame_strip(sample, "segtalker", 25, 3, 48, LIGHT), LIGHT) for _ in range(2))
    other = render(frame_strip(sample, "shuffled_audio", 25, 3, 48, LIGHT), LIGHT)
    assert (first == again).all()
    assert (first != other).any()


def test_a_method_without_masks_has_a_shorter_strip(sample: Sample) -> None:
    full, short = (frame_strip(sample, name, 25, 3, 48, LIGHT).get_size_inches()[1] for name in ("segtalker", "static"))
    assert short < full


@pytest.mark.parametrize("columns", [4, 40], ids=["few", "more than frames"])
def test_mouth_strip_fits_any_length(sample: Sample, columns: int) -> None:
    assert render(mouth_strip(sample, 25, 16000, columns, 2, 24, LIGHT), LIGHT).std() > 0


def test_mouth_squares_hold_the_mouth_wherever_the_head_goes(sample: Sample) -> None:
    landmarks = np.asarray(sample.clip.landmarks)
    landmarks = landmarks + np.linspace(0, 20, len(landmarks))[:, None, None]
    left, top, side = mouth_squares(landmarks).T
    assert len(set(side)) == 1
    mouth = landmarks[:, 48:]
    assert (mouth >= np.stack([left, top], axis=1)[:, None]).all()
    assert (mouth <= np.stack([left + side, top + side], axis=1)[:, None]).all()
    assert left[-1] - left[0] == pytest.approx(20, abs=1)


def test_samples_show_every_subject_before_one_twice(sample: Sample) -> None:
    clips = [type(sample.clip)(f"{who}_{n}", who, "test", None, None, None) for who in "ab" for n in range(2)]
    assert [clip.clip_id for clip in spread_over_subjects(clips)] == ["a_0", "b_0", "a_1", "b_1"]


def test_the_reference_frame_and_the_sounds_are_those_of_the_table(sample: Sample) -> None:
    assert sample.reference_frame == 3
    assert sample.sounds["segtalker"] == sample.clip.audio_path
    assert sample.sounds["shuffled_audio"] != sample.clip.audio_path


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=60), st.integers(1, 20))
def test_loudest_window_and_envelope(samples: list[float], points: int) -> None:
    audio = np.array(samples, np.float32)
    start = loudest_window(audio, 10, 1)
    energies = [float((audio[i : i + 10].astype(float) ** 2).sum()) for i in range(max(len(audio) - 10, 0) + 1)]
    assert energies[start] == pytest.approx(max(energies), abs=1e-9)
    assert envelope(audio, points).shape == (points,)
    assert envelope(audio, points).max() == np.abs(audio).max()
