"""Clips by the weights of their datasets."""

from collections import Counter

import numpy as np
import pytest

from datamodules.clip_draws import ClipChoice
from datamodules.draws import draw_rng
from segtalker.utils.errors import BadInputError

DATASETS = ["synthetic"] * 9 + ["folder"]


def test_without_weights_the_random_numbers_are_those_of_a_plain_draw() -> None:
    choice = ClipChoice(DATASETS, {})
    for draw in range(20):
        ours, plain = draw_rng(7, draw), draw_rng(7, draw)
        assert choice.draw(ours) == plain.integers(10)
        assert ours.bit_generator.state == plain.bit_generator.state


def test_a_dataset_is_drawn_as_often_as_its_weight_says() -> None:
    choice, rng = ClipChoice(DATASETS, {"folder": 3.0, "synthetic": 1.0}), np.random.default_rng(0)
    counts = Counter(choice.draw(rng) for _ in range(4000))
    assert counts[9] / 4000 == pytest.approx(0.75, abs=0.03)
    rendered = np.array([counts[clip] for clip in range(9)])
    assert rendered / rendered.sum() == pytest.approx(1 / 9, abs=0.04)


def test_datasets_without_a_weight_are_never_drawn() -> None:
    choice, rng = ClipChoice([*DATASETS, "mead"], {"synthetic": 1e-3, "mead": 2.0}), np.random.default_rng(1)
    assert {choice.draw(rng) for _ in range(500)} <= {*range(9), 10}


def test_a_dataset_that_no_clip_is_from_is_named() -> None:
    with pytest.raises(BadInputError, match=r"datasets\.hdtf: no clip of it .* clips of folder, synthetic"):
        ClipChoice(DATASETS, {"folder": 1.0, "hdtf": 1.0})


def test_nothing_to_draw_from_is_said() -> None:
    with pytest.raises(BadInputError, match="no clip is trained on"):
        ClipChoice([], {})
