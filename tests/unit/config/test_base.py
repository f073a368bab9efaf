"""What every stage shares."""

from fractions import Fraction
from pathlib import Path

import pytest
from pydantic import ValidationError

from segtalker.config.base import Base, Clock
from segtalker.config.params import load_params


def test_the_clock_counts_mel_columns_exactly() -> None:
    assert Clock(25, 16000, 200, smooth_frames=1).mel_rate == 80
    assert Clock(25, 22050, 256, smooth_frames=1).mel_rate == Fraction(11025, 128)


@pytest.mark.parametrize(("rate", "is_enough"), [(16000, True), (15200, True), (15199, False)])
def test_no_filter_lies_above_half_of_the_rate(rate: int, is_enough: bool) -> None:
    content = load_params(Path(__file__).parents[3]).base.model_dump()
    content |= {"sample_rate_hz": rate, "mel": content["mel"] | {"f_max_hz": 7600.0}}
    if is_enough:
        assert Base.model_validate(content).clock.sample_rate_hz == rate
    else:
        with pytest.raises(ValidationError, match=r"f_max_hz 7600\.0 lies above half of sample_rate_hz 15199"):
            Base.model_validate(content)
