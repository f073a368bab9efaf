"""Applying a parser to frames and clips."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from segtalker.clips.image_pack import ImagePack, write_images
from segtalker.clips.record import ClipRecord
from segtalker.faces.mask_smoothing import Smoothing, flicker, smooth
from segtalker.faces.parsing import ParserChoice, load_parser, parse_frames, parse_video, score_frames
from segtalker.nets.checkpoints import save_net
from segtalker.nets.parser import FaceParser
from segtalker.preprocessing.parse import parse_clip
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


@pytest.fixture
def parsed_clip(tmp_path: Path) -> tuple[Path, FaceParser, np.ndarray]:
    """A folder with the crop of clip `a` and a parser's checkpoint, that parser, and the frames as stored."""
    torch.manual_seed(0)
    net = FaceParser(channels=4, multipliers=(1, 2), regions=12).eval()
    nn.init.normal_(net.head.weight)  # else every pixel is of one region
    save_net(tmp_path / "parser.ckpt", net, "0" * 64)
    frames = np.random.default_rng(0).integers(0, 255, (7, 64, 64, 3), dtype=np.uint8)
    write_images(tmp_path / "crop" / "a" / "frames.zip", frames, ".png")
    return tmp_path, net, frames


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    """Parsing clips on the CPU keeps to one thread; other tests need not."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_a_clip_is_parsed_like_its_frames(parsed_clip: tuple[Path, FaceParser, np.ndarray]) -> None:
    folder, net, frames = parsed_clip
    choice = ParserChoice("trained", folder / "parser.ckpt", "cpu", "32-true")
    facts = parse_clip(choice, folder / "crop", 2, Smoothing(1, 4.0), ClipRecord(clip_id="a", source=folder), folder)
    masks = parse_frames(net, frames, 5)
    np.testing.assert_array_equal(ImagePack(folder / "masks.zip").read(), masks)
    assert facts["flicker"] == facts["flicker_raw"] == pytest.approx(flicker(masks), abs=1e-4)


@pytest.mark.parametrize("batch_size", [1, 3, 16])
def test_a_clip_is_averaged_across_batches(parsed_clip: tuple[Path, FaceParser, np.ndarray], batch_size: int) -> None:
    folder, net, frames = parsed_clip
    choice, smoothing = ParserChoice("trained", folder / "parser.ckpt", "cpu", "32-true"), Smoothing(5, 90.0)
    facts = parse_clip(choice, folder / "crop", batch_size, smoothing, ClipRecord(clip_id="a", source=folder), folder)
    scored = list(score_frames(net, frames, len(frames)))
    whole = [regions.numpy() for regions in smooth(scored, smoothing)]
    np.testing.assert_array_equal(ImagePack(folder / "masks.zip").read(), whole)
    assert facts["flicker"] == pytest.approx(flicker(np.array(whole, np.uint8)), abs=1e-4)
    assert facts["flicker_raw"] == pytest.approx(flicker(parse_frames(net, frames, 16)), abs=1e-4)
    assert facts["flicker"] < facts["flicker_raw"]


def test_half_the_precision_names_nearly_the_same_regions(parsed_clip: tuple[Path, FaceParser, np.ndarray]) -> None:
    folder, net, frames = parsed_clip
    exact = ParserChoice("trained", folder / "parser.ckpt", "cpu", "32-true")
    rounded = load_parser(replace(exact, precision="bf16-true"))
    assert {weight.dtype for weight in rounded.parameters()} == {torch.bfloat16}
    differ = (parse_frames(rounded, frames, 4) != parse_frames(net, frames, 4)).mean()
    assert 0 < differ < 0.03
    facts = parse_clip(
        replace(exact, precision="bf16-true"),
        folder / "crop",
        2,
        Smoothing(1, 4.0),
        ClipRecord(clip_id="a", source=folder),
        folder,
    )
    np.testing.assert_array_equal(ImagePack(folder / "masks.zip").read(), parse_frames(rounded, frames, 2))
    assert facts["flicker"] > 0


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
