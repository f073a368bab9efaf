"""Which clip a draw takes."""

import numpy as np
import pytest

from datamodules.clip_draws import ClipChoice
from segtalker.utils.errors import BadInputError

DATASETS = ["folder", "synthetic", "synthetic", "pairs", "synthetic"]


def test_without_weights_every_clip_is_as_likely_and_the_draws_are_those_of_a_plain_number() -> None:
    choice = ClipChoice(DATASETS, {})
    one, other = np.random.default_rng(3), np.random.default_rng(3)
    assert [choice.draw(one) for _ in range(50)] == [int(other.integers(5)) for _ in range(50)]


def test_datasets_come_by_weight_whatever_their_number_of_clips() -> None:
    choice, rng = ClipChoice(DATASETS, {"folder": 3.0, "synthetic": 1.0}), np.random.default_rng(0)
    counts = np.bincount([choice.draw(rng) for _ in range(4000)], minlength=5) / 4000
    np.testing.assert_allclose(counts, [0.75, 1 / 12, 1 / 12, 0.0, 1 / 12], atol=0.03)


def test_a_dataset_without_clips_is_named() -> None:
    with pytest.raises(BadInputError, match="'mead' has a weight but nothing to train on; there are: folder, pairs"):
        ClipChoice(DATASETS, {"folder": 1.0, "mead": 1.0})
