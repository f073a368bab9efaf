"""Decorators: what they make of a function, and that they leave it as it is."""

from typing import NamedTuple

import numpy as np
import pytest

from segtalker.metrics import registry
from segtalker.metrics.registry import FrameMeasure, NotMeasurable, finite_mean, frame_metric, metric, set_metric

ABOUT = {"unit": "px", "higher_is_better": False, "protocol": "as it says"}


class Errors(NamedTuple):
    near: np.ndarray
    far: np.ndarray


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> list[registry.Metric]:
    """What these tests register, alone."""
    monkeypatch.setattr(registry, "registered", [])
    return registry.registered


def test_a_frame_metric_is_given_its_inputs_and_meant_over_frames(registered: list[registry.Metric]) -> None:
    @frame_metric(lambda chunk: (chunk["reference"], chunk["video"]), **ABOUT)
    def error(reference: np.ndarray, video: np.ndarray) -> np.ndarray:
        return np.abs(reference - video)

    assert error(np.array([1.0]), np.array([4.0])) == [3.0]
    (made,) = registered
    assert (made.name, made.unit, made.higher_is_better, made.scope, made.module) == (
        "error", "px", False, "clip", __name__,
    )  # fmt: skip
    values = made.measure.of_chunk({"reference": np.array([1.0, 2.0]), "video": np.array([4.0, 2.0])})
    assert made.value(values) == 1.5


def test_metrics_share_what_is_measured_and_take_it_by_name(registered: list[registry.Metric]) -> None:
    measure = FrameMeasure("errors", lambda chunk: Errors(chunk, chunk * 2))

    @metric(measure, **ABOUT)
    def near(errors: Errors) -> float:
        return float(errors.near.sum())

    metric(measure, name="far", **ABOUT)(lambda errors: float(errors.far.sum()))
    values = measure.of_chunk(np.array([1.0, 2.0]))
    assert [(made.name, made.value(values)) for made in registered] == [("near", 3.0), ("far", 6.0)]
    assert {made.measure for made in registered} == {measure}


def test_one_function_makes_a_metric_of_every_area(registered: list[registry.Metric]) -> None:
    areas = {"frame": "", "face": "in the face", "skin": "on the skin"}

    @frame_metric(lambda chunk: (chunk,), areas=areas, **ABOUT)
    def error(chunk: np.ndarray) -> np.ndarray:
        return chunk

    measure = FrameMeasure("errors", lambda chunk: Errors(chunk, chunk * 2), areas=areas)
    metric(measure, name="far", **ABOUT)(lambda errors: float((errors.far - errors.near).sum()))
    about = [(made.name, made.area, made.whole, made.protocol) for made in registered]
    assert about[:3] == [
        ("error", "frame", "error", "as it says"),
        ("error_face", "face", "error", "in the face: as it says"),
        ("error_skin", "skin", "error", "on the skin: as it says"),
    ]
    assert [name for name, *_ in about[3:]] == ["far", "far_face", "far_skin"]
    values = np.array([[1.0, 10.0, 100.0], [3.0, 30.0, 300.0]])
    assert len({made.measure for made in registered}) == 2
    assert [made.value(made.measure.of_chunk(values)) for made in registered] == [2, 20, 200, 4, 40, 400]


def test_a_metric_without_areas_is_of_the_whole_frame(registered: list[registry.Metric]) -> None:
    frame_metric(name="plain", **ABOUT)(lambda chunk: chunk)
    assert [(made.area, made.whole) for made in registered] == [("frame", "plain")]


def test_a_set_metric_compares_two_sets(registered: list[registry.Metric]) -> None:
    @set_metric(FrameMeasure("features", lambda chunk: chunk), is_stand_in=True, source="a paper", **ABOUT)
    def gap(reference: float, video: float) -> float:
        return video - reference

    (made,) = registered
    assert (made.scope, made.is_stand_in, made.source, made.value(1.0, 3.0)) == ("dataset", True, "a paper", 2.0)


def test_a_mean_without_a_finite_value_has_its_reason() -> None:
    mean = finite_mean("all are equal")
    assert mean(np.array([np.inf, 2.0, np.nan, 4.0])) == 3.0
    with pytest.raises(NotMeasurable, match="all are equal"):
        mean(np.array([np.inf, np.nan]))
