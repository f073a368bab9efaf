"""Pictures of a source, each once, at its own rate, in any order."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from segtalker.inference.pictures import Pictures, open_pictures
from segtalker.inference.timeline import back_and_forth
from segtalker.media.images import write_png
from segtalker.media.video import write_video
from segtalker.utils.errors import BadInputError

RATE = Fraction(30000, 1001)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 frames that tell their number, at 29.97 a second."""
    path = tmp_path_factory.mktemp("pictures") / "video.mp4"
    write_video(path, (_striped(number) for number in range(150)), RATE, None, 0, 20)
    return path


def _striped(number: int) -> np.ndarray:
    """A small picture that carries a number as black and white stripes."""
    bits = np.array([number >> bit & 1 for bit in range(8)], np.uint8) * 200 + 20
    return np.broadcast_to(bits.repeat(4)[None, :, None], (16, 32, 3)).copy()


def _numbers(pictures: Pictures, order: np.ndarray | None = None) -> list[int]:
    frames = iter(pictures) if order is None else pictures.walk(order)
    stripes = (frame.reshape(16, 8, 4, 3).mean(axis=(0, 2, 3)) > 128 for frame in frames)
    return [int((stripe << np.arange(8)).sum()) for stripe in stripes]


def test_every_frame_is_there_once_and_in_its_place(video: Path) -> None:
    pictures = open_pictures(video, "pyav", 25)
    assert (pictures.rate, pictures.expected) == (RATE, 150)
    assert _numbers(pictures) == list(range(150))


@pytest.mark.parametrize("kept_frames", [3, 40, 1000])
def test_a_video_is_walked_in_any_order(video: Path, monkeypatch: pytest.MonkeyPatch, kept_frames: int) -> None:
    monkeypatch.setattr("segtalker.inference.pictures._KEPT_BYTES", kept_frames * 32 * 16 * 3 // 2)
    pictures = open_pictures(video, "pyav", 25)
    for order in (back_and_forth(150, 400), np.repeat([7, 8, 140, 3], 3), np.arange(160).clip(max=149)):
        assert _numbers(pictures, order) == order.tolist()


def test_a_part_is_cut_at_its_frames(video: Path) -> None:
    part = open_pictures(video, "pyav", 25, 1.0, 2.0)
    assert part.expected == 30
    assert _numbers(part) == list(range(30, 60))
    assert _numbers(part, np.array([29, 28, 0, 1])) == [59, 58, 30, 31]
    assert _numbers(open_pictures(video, "pyav", 25, 4.9)) == [147, 148, 149]
    for from_s, to_s, reason in ((5.5, None, "lies behind its end, at 5.0"), (2.0, 1.0, "does not lie after")):
        with pytest.raises(BadInputError, match=reason):
            open_pictures(video, "pyav", 25, from_s, to_s)


def test_a_picture_of_a_video_is_held(video: Path) -> None:
    still = open_pictures(video, "pyav", 25, 2.0).still()
    assert _numbers(still, np.zeros(3, int)) == [60] * 3
    assert still.rate == RATE


def test_a_still_has_the_rate_of_training_and_no_parts(tmp_path: Path) -> None:
    write_png(tmp_path / "still.png", np.zeros((8, 8, 3), np.uint8))
    assert open_pictures(tmp_path / "still.png", "pyav", 25).rate == 25
    with pytest.raises(BadInputError, match="a still has no parts"):
        open_pictures(tmp_path / "still.png", "pyav", 25, from_s=1.0)


def test_a_slow_video_gets_a_multiple_of_its_rate(tmp_path: Path) -> None:
    write_video(tmp_path / "slow.mp4", map(_striped, range(5)), 5, None, 0, 20)
    pictures = open_pictures(tmp_path / "slow.mp4", "pyav", 25)
    assert pictures.rate == 15
    assert _numbers(pictures) == np.repeat(range(5), 3).tolist()
