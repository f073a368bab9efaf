"""Applying a parser to frames."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from segtalker.faces.mask_smoothing import Smoothing
from segtalker.faces.parsing import ParserChoice, load_parser, parse_frames, parse_video
from segtalker.utils.errors import MissingWeightsError


class BrightnessParser(nn.Module):
    """Names the region whose number is nearest to a pixel's red level over 20."""

    def __init__(self) -> None:
        super().__init__()
        self.levels = nn.Parameter(torch.arange(12) * 20.0)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Closeness to each level."""
        assert image.min() >= -1
        assert image.max() <= 1
        red = (image[:, :1] + 1) * 127.5
        return -(red - self.levels.view(1, -1, 1, 1)).abs()


@pytest.mark.parametrize("batch_size", [1, 3, 16])
def test_every_pixel_of_every_frame_is_named(batch_size: int) -> None:
    regions = np.random.default_rng(0).integers(0, 12, (7, 32, 48), dtype=np.uint8)
    frames = np.stack([regions * 20, regions, regions], axis=-1)
    parsed = parse_frames(BrightnessParser(), frames, batch_size)
    assert parsed.dtype == np.uint8
    np.testing.assert_array_equal(parsed, regions)


def test_a_frame_that_is_shown_again_is_parsed_once() -> None:
    levels, shown = np.array([40, 80, 40], np.uint8), np.array([0, 0, 0, 1, 1, 2])
    frames = np.broadcast_to(levels[shown, None, None, None], (6, 32, 32, 3))
    parser, counts = BrightnessParser(), list[int]()
    parser.register_forward_pre_hook(lambda _, inputs: counts.append(len(inputs[0])))
    np.testing.assert_array_equal(parse_frames(parser, frames, 2)[:, 0, 0], levels[shown] // 20)
    assert counts == [2, 1]


def test_frames_are_parsed_as_they_come() -> None:
    taken = []

    def frames() -> Iterator[np.ndarray]:
        for index in range(40):
            taken.append(index)
            yield np.full((8, 8, 3), 20 * (index % 12), np.uint8)

    parsed = parse_video(BrightnessParser(), frames(), 4, Smoothing(5, 4.0))
    assert next(parsed).alone[0, 0] == 0
    assert len(taken) <= 8
    assert [frame.alone[0, 0] for frame in parsed] == [index % 12 for index in range(1, 40)]


def test_an_untrained_parser_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError, match="not trained yet"):
        load_parser(ParserChoice("trained", tmp_path / "train_parser" / "parser.ckpt", "cpu", "32-true"))
