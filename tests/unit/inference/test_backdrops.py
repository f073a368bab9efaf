"""What is shown behind: colours, pictures, videos, nothing."""

import tracemalloc
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segtalker.inference.backdrops import cover, open_backdrop
from segtalker.media.video import write_video
from segtalker.utils.errors import BadInputError


def test_a_colour_and_nothing() -> None:
    picture = next(open_backdrop("#102030").pictures(4, 6, 25))
    assert picture is not None
    assert picture.shape == (4, 6, 3)
    assert (picture == (16, 32, 48)).all()
    assert next(open_backdrop("transparent").pictures(4, 6, 25)) is None


def test_a_picture_covers_the_frame_from_its_middle() -> None:
    wide = np.zeros((40, 100, 3), np.uint8)
    wide[:, 50:] = 200
    fitted = cover(wide, 20, 20)
    assert fitted.shape == (20, 20, 3)
    assert (fitted[:, :9] == 0).all()
    assert (fitted[:, 11:] == 200).all()
    assert cover(wide, 80, 31).shape == (80, 31, 3)


@pytest.mark.parametrize("side", [8000, 8001])
def test_no_more_of_a_wide_picture_is_enlarged_than_is_shown(side: int) -> None:
    wide = np.zeros((20, side, 3), np.uint8)
    wide[:, (side - 1) // 2 : side // 2 + 1] = 200
    tracemalloc.start()
    fitted = cover(wide, 200, 201)
    most_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most_bytes < 4 * fitted.size
    assert fitted.shape == (200, 201, 3)
    middle = np.average(np.arange(201), weights=fitted[100, :, 0])
    assert middle == pytest.approx(100, abs=1)


def test_a_video_goes_at_its_own_speed_and_begins_again(tmp_path: Path) -> None:
    levels = [0, 60, 120, 180, 240]
    write_video(tmp_path / "v.mp4", (np.full((32, 32, 3), level, np.uint8) for level in levels), 10, None, 16000, 1)
    frames = islice(open_backdrop(str(tmp_path / "v.mp4")).pictures(16, 24, 20), 25)
    means = [float(frame.mean()) for frame in frames if frame is not None]
    assert len(means) == 25
    # twice the rate: every picture twice; half a second: again after ten
    np.testing.assert_allclose(means[:10:2], levels, atol=4)
    np.testing.assert_allclose(means[10:20], means[:10], atol=1)


def test_a_video_shorter_than_half_a_frame_is_its_first_picture(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", iter([np.full((32, 32, 3), 120, np.uint8)]), 60, None, 16000, 1)
    for frame in islice(open_backdrop(str(tmp_path / "v.mp4")).pictures(16, 24, 25), 3):
        assert frame is not None
        assert frame.shape == (16, 24, 3)
        assert frame.mean() == pytest.approx(120, abs=4)


def test_what_is_none_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((40, 90, 3), np.uint8)).save(tmp_path / "wide.png")
    assert next(open_backdrop(str(tmp_path / "wide.png")).pictures(8, 8, 25)) is not None
    (tmp_path / "text.png").write_text("words")
    for value, reason in (
        ("#12", "not a colour"),
        ("#gggggg", "not a colour"),
        (str(tmp_path / "absent.png"), "no such file"),
        (str(tmp_path / "text.png"), "neither an image nor"),
    ):
        with pytest.raises(BadInputError, match=reason):
            open_backdrop(value)
