"""HDTF's lists."""

from pathlib import Path

import pytest

from segtalker.datasets.hdtf_lists import KINDS, SUBSETS, read_lists
from segtalker.utils.errors import BadInputError


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("RD_annotion_time", "Radio1.mp4 00:30-00:10", "no stretch of time"),
        ("RD_annotion_time", "Radio1.mp4 soon", "no stretch of time"),
        ("RD_crop_wh", "Radio1_0.mp4 1 2 x 4", r"RD_crop_wh\.txt:1: expected 4 number"),
        ("RD_crop_ratio", "Radio1_0.mp4", "expected 1 number"),
        ("RD_video_url", "Radio1", "a name and an address"),
        ("RD_resolution", "Radio1.mp4 large", "a name and a resolution"),
    ],
)
def test_a_row_that_is_not_as_it_should_be_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    for subset in SUBSETS:
        for kind in KINDS:
            (tmp_path / f"{subset}_{kind}.txt").touch()
    (tmp_path / "RD_video_url.txt").write_text("Radio1 https://example.org/x\n")
    (tmp_path / "RD_annotion_time.txt").write_text("Radio1.mp4 00:00-00:10\n")
    (tmp_path / f"{name}.txt").write_text(text)
    with pytest.raises(BadInputError, match=message):
        read_lists(tmp_path)
