"""How long a run is expected to take: as it took here, else as it was measured."""

from pathlib import Path

import pytest

from flows.expected_time import expected_seconds, in_words, keep_seconds, scaled
from segtalker.config.params import Params, load_params
from segtalker.config.stages import STAGES

PROJECT = Path(__file__).parents[3]


def params(dataset: str) -> Params:
    loaded = load_params(PROJECT)
    active = loaded.active.model_copy(update={"experiment": "mine", "dataset": dataset})
    return loaded.model_copy(update={"active": active})


def test_of_the_embedded_data_every_stage_is_measured(tmp_path: Path) -> None:
    assert set(expected_seconds(tmp_path, params("synthetic"))) == set(STAGES)


def test_of_other_data_nothing_is_known_before_it_ran(tmp_path: Path) -> None:
    assert expected_seconds(tmp_path, params("hdtf")) == {}
    keep_seconds(tmp_path, "mine", {"crop": 12.34})
    keep_seconds(tmp_path, "mine", {"cut": 5.0})
    assert expected_seconds(tmp_path, params("hdtf")) == {"crop": 12.3, "cut": 5.0}
    assert expected_seconds(tmp_path, params("synthetic"))["crop"] == 12.3


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"mine": 3}', '{"mine": {"crop": "long"}}'])
def test_a_torn_file_is_no_reason_to_stop(tmp_path: Path, text: str) -> None:
    keep_seconds(tmp_path, "mine", {"crop": 1.0})
    next((tmp_path / ".dvc" / "tmp").iterdir()).write_text(text)
    assert expected_seconds(tmp_path, params("hdtf")) == {}


def test_a_slow_machine_is_expected_to_stay_slow() -> None:
    assert scaled({"cut": 10, "crop": 20, "gate": 5}, {"cut": 30, "crop": 60}) == {"cut": 30, "crop": 60, "gate": 15}
    assert scaled({"gate": 5}, {"cut": 30}) == {"gate": 5}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "about 10 s left"), (47, "about 50 s left"), (640, "about 11 min left"), (9000, "about 2 h left")],
)
def test_nobody_needs_it_to_the_second(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
