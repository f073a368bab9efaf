"""Clips are parsed like their frames."""

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
from segtalker.faces.parsing import ParserChoice, load_parser, parse_frames, score_frames
from segtalker.nets.checkpoints import save_net
from segtalker.nets.parser import FaceParser
from segtalker.preprocessing.parse import parse_clip


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
