"""Intervals over people: against SciPy, by their properties, and by how often they hold the truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from segtalker.reporting.tables.intervals import cluster_intervals, stretch, subject_draws

from .shifted_scores import ERROR, OFFSET, QUALITY, measured

DRAWS = 2000


def test_draws_are_of_so_many_people_and_always_the_same() -> None:
    drawn = subject_draws(5, 300)
    assert drawn.shape == (300, 5)
    assert (drawn.sum(axis=1) == 5).all()
    np.testing.assert_array_equal(drawn, subject_draws.__wrapped__(5, 300))


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_equal_clusters_agree_with_scipy_on_subject_means(confidence: float) -> None:
    rng = np.random.default_rng(3)
    people, clips = 12, 4
    values = rng.normal(size=(people, 1)) + 0.3 * rng.normal(size=(people, clips))
    who = np.repeat(np.arange(people), clips)
    low, high = cluster_intervals(values.reshape(-1, 1), who, 20_000, confidence)[:, 0]
    found = stats.bootstrap(
        (values.mean(axis=1),), np.mean, n_resamples=20_000, confidence_level=confidence, method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    width, mean = found.high - found.low, values.mean()
    wider = mean + stretch(people, confidence) * (np.array([found.low, found.high]) - mean)
    assert [low, high] == pytest.approx(wider, abs=0.03 * width)


def test_ends_of_symmetric_values_come_near_to_students() -> None:
    values = stats.norm.ppf((np.arange(8) + 0.5) / 8).reshape(-1, 1)
    low, high = cluster_intervals(values, np.arange(8), 20_000, 0.95)[:, 0]
    half = stats.t.ppf(0.975, 7) * values.std(ddof=1) / np.sqrt(8)
    assert [low, high] == pytest.approx([-half, half], rel=0.04)


def _coverage(people: int, simulations: int) -> float:
    """How often the interval of a mean holds the true one, 0, where people differ and so do their clips."""
    rng = np.random.default_rng(people)
    who = np.repeat(np.arange(people), 1 + np.arange(people) % 3)
    persons = rng.normal(size=(people, simulations))
    values = persons[who] + 0.5 * rng.normal(size=(len(who), simulations))
    low, high = cluster_intervals(values, who, DRAWS, 0.95)
    return float(np.mean((low <= 0) & (high >= 0)))


@pytest.mark.parametrize("people", [2, 3, 4, 10, 60])
def test_intervals_hold_the_truth_as_often_as_they_say(people: int) -> None:
    assert _coverage(people, 1500) == pytest.approx(0.95, abs=0.025)


def test_ignoring_who_speaks_would_be_too_sure() -> None:
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(20), 10)
    values = (rng.normal(size=20)[who] + 0.1 * rng.normal(size=200)).reshape(-1, 1)
    people = np.ptp(cluster_intervals(values, who, DRAWS, 0.95))
    clips = np.ptp(cluster_intervals(values, np.arange(200), DRAWS, 0.95))
    assert people > 2 * clips


@given(
    st.lists(st.floats(-1e3, 1e3, width=32), min_size=3, max_size=12),
    st.floats(-1e3, 1e3, width=32),
    st.floats(0.125, 8.0, width=32),
)
@settings(max_examples=40, deadline=None)
def test_an_interval_moves_and_stretches_with_the_values(numbers: list[float], shift: float, scale: float) -> None:
    values = np.array(numbers).reshape(-1, 1)
    who = np.arange(len(numbers)) % 3
    low, high = cluster_intervals(values, who, 200, 0.9)[:, 0]
    assert low <= high
    moved = cluster_intervals(scale * values + shift, who, 200, 0.9)[:, 0]
    np.testing.assert_allclose(moved, [scale * low + shift, scale * high + shift], rtol=1e-6, atol=1e-3)


def test_the_order_of_clips_and_the_names_of_people_do_not_count() -> None:
    rng = np.random.default_rng(2)
    values, who = rng.normal(size=(30, 3)), np.arange(30) % 5
    order = rng.permutation(30)
    expected = cluster_intervals(values, who, DRAWS, 0.95)
    names = np.array(["p0", "p1", "p2", "p3", "p4"])
    np.testing.assert_allclose(cluster_intervals(values[order], names[who[order]], DRAWS, 0.95), expected, atol=1e-12)


def test_missing_values_count_for_nothing() -> None:
    rng = np.random.default_rng(4)
    values, who = rng.normal(size=(24, 2)), np.arange(24) // 4
    values[:4, 1] = np.nan  # all of the first person's
    values[5, 1] = np.nan
    kept = np.isfinite(values[:, 1])
    alone = cluster_intervals(values[kept, 1:], who[kept], DRAWS, 0.95)
    np.testing.assert_allclose(cluster_intervals(values, who, DRAWS, 0.95)[:, 1:], alone, atol=1e-12)


def test_one_person_has_no_interval() -> None:
    values = np.array([[1.0, 1.0, np.nan], [2.0, 2.0, np.nan], [3.0, np.nan, np.nan]])
    who = np.array(["a", "a", "b"])
    low, high = cluster_intervals(values, who, 200, 0.95)
    assert np.isfinite([low[0], high[0]]).all()
    assert np.isnan([low[1:], high[1:]]).all()


def test_pairing_sees_what_separate_intervals_hide() -> None:
    _, found = measured({"segtalker": 0.3, "static": 0.0}, 0.02)
    ours, theirs = (found.interval(name, "quality") for name in ("segtalker", "static"))
    assert ours.low < theirs.high  # people differ by far more than methods
    difference = found.difference("segtalker", "static", "quality")
    assert difference.mean == pytest.approx(0.3, abs=0.05)
    assert difference.excludes_zero
    assert difference.high - difference.low < 0.1
    assert found.beats("segtalker", "static", QUALITY)
    assert found.beats("segtalker", "static", ERROR)
    assert not found.beats("static", "segtalker", QUALITY)
    assert not found.beats("segtalker", "static", OFFSET)


def test_every_method_is_held_against_systems_and_controls_only() -> None:
    _, found = measured({"ground_truth": 2.0, "segtalker": 1.0, "sgi_oracle_mask": 1.5, "static": 0.0}, 0.1)
    pairs = set(zip(found.differences["method"], found.differences["against"], strict=True))
    assert {other for _, other in pairs} == {"segtalker", "static"}
    assert {method for method, _ in pairs} == {"ground_truth", "segtalker", "sgi_oracle_mask", "static"}
    assert all(method != other for method, other in pairs)
