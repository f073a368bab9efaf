"""Local editing: swapped textures, edited masks, other backgrounds."""

from typing import Any

import numpy as np
import pytest
import torch

from segtalker.clips.store import Clip
from segtalker.inference.editing import MaskChange, MaskEdit, swap_region
from segtalker.inference.rendering import render_frames
from segtalker.inference.talk_model import TalkModel
from segtalker.regions import LIP, MOUTH, NUM_REGIONS, REGION_INDEX, REGIONS

GLASSES = REGION_INDEX["glasses"]


@pytest.mark.parametrize("region", REGIONS)
def test_a_swap_changes_one_row(region: str) -> None:
    own, other = torch.zeros(1, NUM_REGIONS, 5), torch.ones(1, NUM_REGIONS, 5)
    swapped = swap_region(own, other, REGION_INDEX[region])
    assert swapped[0, REGION_INDEX[region]].eq(1).all()
    assert swapped.sum() == 5
    assert own.sum() == 0
    half = swap_region(own, other, REGION_INDEX[region], 0.25)
    assert half[0, REGION_INDEX[region]].eq(0.25).all()
    assert half.sum() == 5 * 0.25


def test_a_swap_changes_the_picture_mostly_in_its_region(talk_model: TalkModel, clips: list[Clip]) -> None:
    own, other = talk_model.identify(clips[0]), talk_model.identify(clips[2])
    masks = clips[0].masks.read([0])

    def paint(codes: torch.Tensor) -> np.ndarray:
        return next(render_frames(talk_model.generator, masks, codes, None, edge=1, batch_size=1)).astype(int)

    change = np.abs(paint(swap_region(own.codes, other.codes, REGION_INDEX["hair"])) - paint(own.codes)).sum(axis=-1)
    hair = masks[0] == REGION_INDEX["hair"]
    assert change[hair].mean() > 5 * change[~hair].mean()


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


def test_an_edit_reaches_every_talking_frame(talk_model: TalkModel, clips: list[Clip]) -> None:
    identity = talk_model.identify(clips[0])
    edit = MaskEdit.between(identity.mask, _glasses_on(identity.mask), identity.landmarks)
    timeline = talk_model.trained_timeline(clips[0], 30)
    chunks = talk_model.talking_masks(clips[0], identity, np.asarray(clips[0].mel), timeline, MaskChange(edit))
    masks = np.concatenate([masks for _, masks in chunks])
    assert ((masks == GLASSES).sum(axis=(1, 2)) > 60).all()
