"""Splits share neither sentences nor voices."""

import numpy as np
import pytest

from segtalker.synthetic.sentences import LANGUAGES, SENTENCES, VARIANTS, draw_voice
from segtalker.synthetic.speech import Voice, speak

VOICE = Voice("en-us", "f2", 150, 50, 50)


def test_splits_share_neither_sentences_nor_voices() -> None:
    said = {split: {text for texts in languages.values() for text in texts} for split, languages in SENTENCES.items()}
    voices = {split: {name for names in kinds.values() for name in names} for split, kinds in VARIANTS.items()}
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        assert not said[one] & said[other]
        assert not voices[one] & voices[other]


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_every_voice_of_a_split_speaks(split: str) -> None:
    for variant in (name for names in VARIANTS[split].values() for name in names):
        assert np.abs(speak("Good morning.", VOICE._replace(variant=variant)).samples).max() > 0.05
    assert set(SENTENCES[split]) == set(LANGUAGES)
    drawn = draw_voice(split, "it", "male", np.random.default_rng(1))
    assert drawn.variant in VARIANTS[split]["male"]
