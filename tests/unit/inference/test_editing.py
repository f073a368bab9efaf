"""Local editing: swapped textures, edited masks, other backgrounds."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from segtalker.clips.store import Clip
from segtalker.faces.mouth_box import face_transforms
from segtalker.inference.background import PictureBackground, cut_clothes, fill, lasting, read_background
from segtalker.inference.edit_strip import draw_fringe
from segtalker.inference.editing import MaskEdit, swap_region
from segtalker.inference.rendering import render_frames
from segtalker.inference.talk_inputs import parse_swaps, read_mask, save_mask
from segtalker.inference.talker import Talker
from segtalker.regions import BACKGROUND, LIP, MOUTH, NUM_REGIONS, PALETTE, REGION_INDEX, REGIONS, colourise
from segtalker.utils.errors import BadInputError

GLASSES = REGION_INDEX["glasses"]


@pytest.mark.parametrize("region", REGIONS)
def test_a_swap_changes_one_row(region: str) -> None:
    own, other = torch.zeros(1, NUM_REGIONS, 5), torch.ones(1, NUM_REGIONS, 5)
    swapped = swap_region(own, other, region)
    assert swapped[0, REGION_INDEX[region]].eq(1).all()
    assert swapped.sum() == 5
    assert own.sum() == 0


def test_a_swap_changes_the_picture_mostly_in_its_region(talker: Talker, clips: list[Clip]) -> None:
    own, other = talker.identify(clips[0]), talker.identify(clips[2])
    masks = clips[0].masks.read([0])

    def paint(codes: torch.Tensor) -> np.ndarray:
        return next(render_frames(talker.generator, masks, codes, None, edge=1, batch_size=1)).astype(int)

    change = np.abs(paint(swap_region(own.codes, other.codes, "hair")) - paint(own.codes)).sum(axis=-1)
    hair = masks[0] == REGION_INDEX["hair"]
    assert change[hair].mean() > 5 * change[~hair].mean()


@pytest.mark.parametrize("value", ["hair", "hair=", "beard=x.png", "=x.png"])
def test_a_malformed_swap_is_refused(value: str) -> None:
    with pytest.raises(BadInputError, match="hair"):
        parse_swaps([value])


def test_swaps_keep_their_order_and_may_hold_an_equals_sign() -> None:
    assert parse_swaps(["hair=a=b.png", "lip=c.png"]) == [("hair", Path("a=b.png")), ("lip", Path("c.png"))]


def _glasses_on(mask: np.ndarray) -> np.ndarray:
    edited = mask.copy()
    edited[22:30, 18:30] = GLASSES
    return edited


def test_an_edit_moves_with_the_face(face: Any, draw: Any) -> None:
    """Carried to a face drawn elsewhere, larger, the change lies where it would have been drawn there."""
    reference = face.mask
    edit = MaskEdit.between(reference, _glasses_on(reference), face.landmarks)
    elsewhere = draw(face.size, 36.0, 30.0, 18.0, 0.0)
    moved = edit.on_pose(elsewhere.mask[None], elsewhere.landmarks[None])[0]
    rows, columns = np.nonzero(moved == GLASSES)
    grown = elsewhere.scale / face.scale
    np.testing.assert_allclose(columns.mean() - elsewhere.x, (23.5 - face.x) * grown, atol=0.7)
    np.testing.assert_allclose(rows.mean() - elsewhere.y, (25.5 - face.y) * grown, atol=0.7)
    np.testing.assert_allclose(len(rows), 96 * grown**2, rtol=0.12)


def test_an_edit_of_the_reference_itself_is_exact(face: Any) -> None:
    reference = face.mask
    edited = _glasses_on(reference)
    edit = MaskEdit.between(reference, edited, face.landmarks)
    np.testing.assert_array_equal(edit.on_pose(reference[None], face.landmarks[None])[0], edited)


def test_an_edit_leaves_no_sliver_to_what_it_continues(face: Any) -> None:
    """Hair painted down to a line meets the hair of a face whose hairline lies a little higher."""
    skin, hair = REGION_INDEX["skin"], REGION_INDEX["hair"]
    reference = np.full((64, 64), skin, np.uint8)
    reference[:20] = hair
    edited = reference.copy()
    edited[:30] = hair
    frame = reference.copy()
    frame[18:20] = skin
    edit = MaskEdit.between(reference, edited, face.landmarks)
    np.testing.assert_array_equal(edit.on_pose(frame[None], face.landmarks[None])[0], edited)


def test_an_edit_never_covers_the_speaking_mouth(face: Any) -> None:
    reference = face.mask
    edited = np.where(np.isin(reference, (LIP, MOUTH)), np.uint8(GLASSES), reference)
    edit = MaskEdit.between(reference, edited, face.landmarks)
    talking = edit.on_talking(reference[None], face.landmarks[None])[0]
    np.testing.assert_array_equal(talking, reference)


def test_an_edit_reaches_every_talking_frame(talker: Talker, clips: list[Clip]) -> None:
    identity = talker.identify(clips[0])
    edit = MaskEdit.between(identity.mask, _glasses_on(identity.mask), identity.landmarks)
    chunks = talker.talking_masks(clips[0], identity, np.asarray(clips[0].mel), 30, edit)
    masks = np.concatenate([masks for _, masks in chunks])
    assert ((masks == GLASSES).sum(axis=(1, 2)) > 60).all()


@pytest.mark.parametrize("scale", [1, 4])
def test_a_saved_mask_reads_back(tmp_path: Path, scale: int, face: Any) -> None:
    mask = face.mask
    save_mask(tmp_path / "mask.png", mask, scale)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png", face.size), mask)
    with Image.open(tmp_path / "mask.png") as image:
        np.testing.assert_array_equal(np.asarray(image.convert("RGB"))[::scale, ::scale], colourise(mask))


def test_masks_as_paint_programs_save_them_are_read(tmp_path: Path, face: Any) -> None:
    mask = face.mask
    Image.fromarray(colourise(mask)).save(tmp_path / "colours.png")
    Image.fromarray(mask).save(tmp_path / "indices.png")
    shuffled = Image.fromarray(colourise(mask)).quantize(16)
    shuffled.save(tmp_path / "another_palette.png")
    for name in ("colours", "indices", "another_palette"):
        np.testing.assert_array_equal(read_mask(tmp_path / f"{name}.png", face.size), mask)


def test_strange_masks_are_refused(tmp_path: Path, face: Any) -> None:
    green = np.full((face.size, face.size, 3), (0, 255, 0), np.uint8)
    Image.fromarray(green).save(tmp_path / "green.png")
    with pytest.raises(BadInputError, match="#00ff00 at \\(0, 0\\)"):
        read_mask(tmp_path / "green.png", face.size)
    Image.fromarray(colourise(np.zeros((20, 30), np.uint8))).save(tmp_path / "wide.png")
    with pytest.raises(BadInputError, match="30x20"):
        read_mask(tmp_path / "wide.png", face.size)
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(BadInputError, match=r"text\.png: cannot be read"):
        read_mask(tmp_path / "text.png", face.size)
    with pytest.raises(BadInputError, match="no such file"):
        read_mask(tmp_path / "absent.png", face.size)


def test_fill_keeps_what_is_known_and_continues_it() -> None:
    ramp = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None] * 3, 48, axis=0).repeat(3, axis=2)
    known = np.ones((48, 64), bool)
    known[10:40, 20:40] = False
    holed = np.where(known[..., None], ramp, np.uint8(255))
    filled = fill(holed, known)
    np.testing.assert_array_equal(filled[known], ramp[known])
    assert np.abs(filled[~known].astype(int) - ramp[~known]).mean() < 12


def test_a_backdrop_replaces_the_wall_and_keeps_the_shirt(face: Any) -> None:
    mask = face.mask
    mask[58:] = BACKGROUND
    wall, shirt = np.array((40, 120, 200)), np.array((200, 30, 40))
    rng = np.random.default_rng(0)
    shoulders = np.zeros_like(mask, bool)
    shoulders[56:, 6:58] = True
    frame = np.where(shoulders[..., None], shirt, wall) + rng.integers(-6, 7, (face.size, face.size, 3))
    frame = np.where((mask != BACKGROUND)[..., None], PALETTE[mask], frame).astype(np.uint8)
    landmarks = face.landmarks[None]
    picture = PictureBackground(np.full((face.size, face.size, 3), (0, 255, 0), np.uint8))
    behind = picture.behind(frame[None], mask[None], landmarks)[0]
    assert (behind[:40, :8] == (0, 255, 0)).all()
    assert np.abs(behind[60:, 20:44].astype(int) - shirt).max() < 40
    clothes = cut_clothes(frame, mask, face_transforms(landmarks, smooth_frames=1)[0])
    assert not clothes[:40].any()


def test_backdrops_are_colours_or_images(tmp_path: Path) -> None:
    assert (read_background("#102030", 8).picture == (16, 32, 48)).all()
    Image.fromarray(np.zeros((40, 90, 3), np.uint8)).save(tmp_path / "wide.png")
    assert read_background(str(tmp_path / "wide.png"), 32).picture.shape == (32, 32, 3)
    for value in ("#12", "#gggggg", str(tmp_path / "absent.png")):
        with pytest.raises(BadInputError):
            read_background(value, 8)


def test_a_fringe_is_drawn_on_the_forehead(face: Any) -> None:
    mask = face.mask
    changed = draw_fringe(mask, face.landmarks) != mask
    assert changed.any()
    assert not changed[int(face.y) :].any()


def test_clothes_of_a_moment_are_none() -> None:
    clothes = np.zeros((4, 50, 50), bool)
    clothes[:, 40:, 10:40] = True
    clothes[1, 30:40, :10] = True
    clothes[2, 39, 10:40] = True
    kept = lasting(clothes)
    assert not kept[1, 30:38, :8].any()
    assert kept[:, 40:, 10:40].all()
    assert kept[2, 39, 10:40].all()
