"""Better, worse or not told apart: a system against the baseline, in every area."""

import numpy as np
import pandas as pd
import pytest

from segtalker.evaluation.clip import TRUTH_HALVES, TRUTH_MOMENTS
from segtalker.metrics.registry import AREAS, REFERENCE_RATIO, WHOLE_FRAME
from segtalker.reporting.tables import scores as read_back
from segtalker.reporting.tables.formats import markdown
from segtalker.reporting.tables.methods import HALVES, MOMENTS, order_methods
from segtalker.reporting.tables.scores import Metric, Scores
from segtalker.reporting.tables.verdicts import has_target, verdict_heading, verdict_rows, verdict_table

from .shifted_scores import BOOTSTRAP, make_scores

PSNR = Metric("psnr", "", "dB", True, "frame", "psnr")
PSNR_FACE = Metric("psnr_face", "", "dB", True, "face", "psnr")
KEPT = Metric("kept", "", REFERENCE_RATIO, None, WHOLE_FRAME, "kept")


def by_metric(table: pd.DataFrame) -> dict[str, str]:
    return dict(zip(table["metric"], table["verdict"], strict=True))


@pytest.mark.parametrize(
    ("shift", "noise", "word"), [(1.0, 0.01, "better"), (-1.0, 0.01, "worse"), (0.0, 0.3, "not told apart")]
)
def test_a_verdict_follows_the_direction_of_the_metric(shift: float, noise: float, word: str) -> None:
    scores = make_scores({"segtalker": shift, "wav2lip": 0.0, "static": -9.0}, noise)
    table = verdict_table(scores, BOOTSTRAP)
    assert by_metric(table) == {"quality": word, "error": word}  # an offset has no better, a set no clips
    assert set(table["method"]) == {"segtalker"}
    assert set(table["subjects"]) == {6}
    wide = scores.values.pivot(index="clip_id", columns=["method", "metric"], values="value")
    expected = (wide["segtalker"]["quality"] - wide["wav2lip"]["quality"]).mean()
    assert table.set_index("metric").loc["quality", "difference"] == pytest.approx(expected)


def test_a_single_person_gets_no_verdict() -> None:
    assert set(verdict_table(make_scores({"segtalker": 1, "wav2lip": 0}, 0.1, people=1), BOOTSTRAP)["verdict"]) == {""}


def test_without_a_baseline_there_are_none() -> None:
    assert len(verdict_table(make_scores({"segtalker": 1, "static": 0}, 0.1), BOOTSTRAP)) == 0


def scores_of(values: dict[tuple[str, Metric], float]) -> Scores:
    """Eight people whose values differ by a little from these."""
    rng = np.random.default_rng(1)
    rows = [
        {"clip_id": f"c{who}", "subject": f"s{who}", "method": method, "metric": metric.name, "reason": "",
         "value": value + 0.01 * rng.normal()}
        for (method, metric), value in values.items()
        for who in range(8)
    ]  # fmt: skip
    metrics = tuple(dict.fromkeys(metric for _, metric in values))
    return Scores(pd.DataFrame(rows), metrics, tuple(order_methods({method for method, _ in values})))


def test_areas_are_judged_apart_and_stand_below_the_whole() -> None:
    scores = scores_of({
        ("segtalker", PSNR): 25.0, ("wav2lip", PSNR): 27.0, ("segtalker", KEPT): 1.1, ("wav2lip", KEPT): 0.5,
        ("segtalker", PSNR_FACE): 24.0, ("wav2lip", PSNR_FACE): 22.0,
    })  # fmt: skip
    table = verdict_table(scores, BOOTSTRAP)
    assert table[["metric", "area", "verdict"]].to_numpy().tolist() == [
        ["psnr", "frame", "worse"], ["psnr", "face", "better"], ["kept", "frame", "better"]
    ]  # fmt: skip
    text = markdown(verdict_rows(table, scores, verdict_heading, str), {})
    whole, face, kept = text.splitlines()[2:]
    assert whole.startswith("| `psnr` (dB) ↑ | -")
    assert whole.endswith("worse |")
    assert face.startswith("| `psnr_face` (dB) ↑ | +")
    assert kept.startswith("| distance from 1 of `kept`")


@pytest.mark.parametrize(("own", "word"), [(1.1, "better"), (1.6, "worse"), (0.4, "worse"), (1.5, "not told apart")])
def test_a_ratio_is_best_at_one(own: float, word: str) -> None:
    scores = scores_of({("segtalker", KEPT): own, ("wav2lip", KEPT): 0.5})
    table = verdict_table(scores, BOOTSTRAP)
    assert table["verdict"].tolist() == [word]
    assert table["difference"][0] == pytest.approx(abs(own - 1) - 0.5, abs=0.02)


def test_tables_use_the_words_of_what_measured_them() -> None:
    """They are read back without the metrics, which would import networks."""
    assert read_back.WHOLE_FRAME == WHOLE_FRAME
    assert {HALVES.name, MOMENTS.name} == {TRUTH_HALVES, TRUTH_MOMENTS}
    assert {"frame", "face", "mouth_area"} == set(AREAS)
    assert has_target(KEPT)
