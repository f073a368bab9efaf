"""Windows of speech become vectors."""

import pytest
import torch

from segtalker.nets.audio_encoder import AudioEncoder


@pytest.mark.parametrize(
    ("levels", "left"), [(1, (40, 16)), (3, (10, 16)), (4, (5, 8)), (5, (3, 4))], ids=lambda value: str(value)
)
def test_time_is_halved_past_the_third_level_alone(levels: int, left: tuple[int, int]) -> None:
    encoder = AudioEncoder(80, 16, [4] * levels, blocks=1, embedding=6).eval()
    mel = torch.randn(2, 80, 16)
    assert encoder.convs(mel[:, None]).shape[2:] == left
    assert encoder(mel).shape == (2, 6)


def test_a_window_of_another_size_is_refused() -> None:
    with pytest.raises(AssertionError):
        AudioEncoder(80, 16, [4], blocks=0, embedding=6)(torch.randn(2, 80, 20))
