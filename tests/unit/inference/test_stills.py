"""A picture with edits: what is named changes, every other pixel is the picture's own, and it says what was done."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from segtalker.faces.crop_squares import square_transform
from segtalker.inference.edits import Edits, RegionColour, ShapeEdit, Swap
from segtalker.inference.portrait import read_portrait
from segtalker.inference.talk_inputs import read_mask, save_mask
from segtalker.inference.talk_options import TalkOptions
from segtalker.inference.talker import Talker
from segtalker.media.images import read_image, write_png
from segtalker.media.video import write_video
from segtalker.provenance.inspection import inspect_file
from segtalker.regions import BACKGROUND, REGION_INDEX, colourise
from segtalker.utils.errors import BadInputError

SIDE, UNMARKED = 160, TalkOptions(watermark=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, draw: Any, talker: Talker) -> Path:
    """A portrait, somebody else, and masks: the portrait's own, and one with an earring."""
    folder = tmp_path_factory.mktemp("stills")
    for name, x in (("one.png", 80.0), ("other.png", 84.0)):
        write_png(folder / name, colourise(draw(SIDE, x, 64.0, 24.0, 0.2).mask))
    talker.save_mask(folder / "one.png", folder / "own.png")
    mask = read_mask(folder / "own.png", 64)
    mask[8:16, 4:12] = REGION_INDEX["earrings"]
    save_mask(folder / "painted.png", mask, 4)
    return folder


@pytest.fixture(scope="module")
def regions(talker: Talker, folder: Path) -> np.ndarray:
    """Of the portrait, as they are parsed, `(SIDE, SIDE)`."""
    (folder / "packs").mkdir()
    face = read_portrait(talker.reader, folder / "one.png", 1, folder / "packs")
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(face.masks.read([0])[0], square_transform(face.squares[0], 64), (SIDE, SIDE), flags=flags)


def _edited(talker: Talker, folder: Path, edits: Edits, options: TalkOptions = UNMARKED) -> np.ndarray:
    talker.edit(folder / "one.png", folder / "o.png", edits, options)
    return np.asarray(Image.open(folder / "o.png")).astype(int)


@pytest.mark.parametrize(
    ("kind", "region", "reach"),
    [("swap", "hair", 7), ("swap", "lip", 7), ("colour", "hair", 7), ("colour", "lip", 7), ("shape", "hair", 22)],
)
def test_what_is_named_changes_and_no_other_pixel(
    talker: Talker, folder: Path, regions: np.ndarray, kind: str, region: str, reach: int
) -> None:
    edits = {
        "swap": Edits(swaps=[Swap(region, folder / "other.png")]),
        "colour": Edits(colours=[RegionColour(region, (30, 90, 200), 0.8)]),
        "shape": Edits(shapes=[ShapeEdit(region, "grow", (6.0,))]),
    }[kind]
    change = np.abs(_edited(talker, folder, edits) - read_image(folder / "one.png")).max(axis=2)
    own = (regions == REGION_INDEX[region]).astype(np.uint8)
    near = cv2.dilate(own, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) == 1
    inside = cv2.erode(own, np.ones((3, 3), np.uint8)) == 1
    if kind == "shape":
        ring = cv2.dilate(own, np.ones((5, 5), np.uint8)) == 1
        assert (change[(regions == BACKGROUND) & ring] > 20).mean() > 0.5
    else:
        assert (change[inside] > 0).mean() > 0.9
    assert change[~near].max() == 0


def test_a_painted_mask_reaches_the_picture(talker: Talker, folder: Path) -> None:
    change = np.abs(_edited(talker, folder, Edits(mask=folder / "painted.png")) - read_image(folder / "one.png"))
    assert (change.max(axis=2) > 8).sum() > 60
    assert (change[:, 80:] == 0).all()


def test_the_wall_alone_turns_transparent(talker: Talker, folder: Path, regions: np.ndarray) -> None:
    frame = _edited(talker, folder, Edits(background="transparent"))
    assert frame.shape == (SIDE, SIDE, 4)
    assert (frame[:40, :30, 3] == 0).all()
    skin = regions == REGION_INDEX["skin"]
    assert (frame[skin][:, 3] == 255).mean() > 0.97
    crop = _edited(talker, folder, Edits(background="#00ff00"), replace(UNMARKED, crop_only=True))
    assert crop.shape == (64, 64, 3)
    assert (crop[2, 2] == (0, 255, 0)).all()


def test_edits_that_are_not_seen_are_said(talker: Talker, folder: Path) -> None:
    edits = Edits(
        swaps=[Swap("hair", folder / "other.png", 0.0)],
        shapes=[
            ShapeEdit("glasses", "grow", (5.0,)),
            ShapeEdit("hair", "grow", (0.0,)),
            ShapeEdit("lip", "grow", (6,)),
        ],
        colours=[RegionColour("earrings", (255, 255, 255)), RegionColour("lip", (200, 0, 0))],
        mask=folder / "own.png",
    )
    made = talker.edit(folder / "one.png", folder / "o.png", edits, UNMARKED)
    assert made.without_effect == (
        f"--swap hair={folder / 'other.png'}:0 has no effect: its strength is 0",
        "--colour earrings=#ffffff has no effect: earrings are not seen",
        f"--mask {folder / 'own.png'} has no effect: it is the portrait's own mask",
        "--shape glasses:grow=5 has no effect: glasses are not seen",
        "--shape hair:grow=0 has no effect: it changes less than a pixel",
    )


def test_the_picture_says_that_it_is_generated(talker: Talker, folder: Path) -> None:
    talker.edit(folder / "one.png", folder / "marked.png", Edits(colours=[RegionColour("lip", (200, 0, 0))]))
    inspection = inspect_file(folder / "marked.png")
    assert "experiment demo" in inspection.tags["description"]
    assert inspection.source == "trainedAlgorithmicMedia"
    assert inspection.mark.is_there


def test_of_a_video_the_frame_of_its_mask_is_edited(talker: Talker, folder: Path, draw: Any) -> None:
    poses = [colourise(draw(SIDE, 80.0, 64.0, 24.0, opening).mask) for opening in (0.05, 0.3, 0.05)]
    write_video(folder / "video.mp4", iter(poses), 25, None, 16000, 0)
    edits = Edits(background="#00ff00")
    talker.edit(folder / "video.mp4", folder / "o.png", edits, UNMARKED)
    face = np.s_[50:110, 70:90]
    assert np.abs(read_image(folder / "o.png")[face].astype(int) - poses[1][face]).mean() < 6
    with pytest.raises(BadInputError, match=r"only \.png"):
        talker.edit(folder / "one.png", folder / "o.jpg", edits)
