"""Applying a parser to frames and clips."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from segtalker.checkpoints import save_net
from segtalker.clips import ImagePack, write_images
from segtalker.errors import MissingWeightsError
from segtalker.faces.parsing import ParserChoice, load_parser, parse_clip, parse_frames
from segtalker.nets.parser import PARSER_KIND, FaceParser


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


def test_a_clip_is_parsed_like_its_frames(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = {"channels": 4, "multipliers": [1, 2], "regions": 12}
    net = FaceParser(**config).eval()
    save_net(tmp_path / "parser.ckpt", net, PARSER_KIND, config, "0" * 64)
    frames = np.random.default_rng(0).integers(0, 255, (5, 64, 64, 3), dtype=np.uint8)
    write_images(tmp_path / "crop" / "a" / "frames.zip", frames, ".png")
    choice = ParserChoice("trained", tmp_path / "parser.ckpt", "cpu")
    threads = torch.get_num_threads()
    assert parse_clip(choice, tmp_path / "crop", 2, {"clip_id": "a"}, tmp_path) == {}
    torch.set_num_threads(threads)
    np.testing.assert_array_equal(ImagePack(tmp_path / "masks.zip").read(), parse_frames(net, frames, 5))


def test_an_untrained_parser_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError, match="not trained yet"):
        load_parser(ParserChoice("trained", tmp_path / "train_parser" / "parser.ckpt", "cpu"))
