"""Edits of somebody who moves: what was named changes, the rest stays, and it holds about as still as without."""

from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from segtalker.faces.crop_squares import square_transform, warp_image, warp_regions
from segtalker.faces.mouth_box import face_transforms
from segtalker.inference.backdrops import open_backdrop
from segtalker.inference.composition import Composer, Layers
from segtalker.inference.editing import MaskChange, MaskEdit
from segtalker.inference.edits import RegionColour, ShapeEdit
from segtalker.inference.pasting import EditedArea
from segtalker.inference.talk_model import TalkingChunk
from segtalker.regions import BACKGROUND, PALETTE, REGION_INDEX

HAIR, EARRINGS = (REGION_INDEX[name] for name in ("hair", "earrings"))
SIDE, SIZE, COUNT, STEP = 152, 64, 8, 1  # px, px of the crop, frames, px to the right from frame to frame
SQUARE = np.array([19.5, 9.5, 112.0])
BLOND = np.array((210, 180, 90))
# warped difference from frame to frame, edited over unedited: a mask's edge trembles a little on the grid of the crop
MOST = {"swap": 1.1, "colour": 1.4, "shape": 1.85, "mask": 1.4, "background": 1.3}
KINDS = tuple(MOST)
PATCH = np.zeros((SIZE, SIZE), bool)  # of the first crop, which is painted on
PATCH[8:20, 26:36] = True


@pytest.fixture(scope="module")
def walk(draw: Any) -> Any:
    """Frames of somebody who moves to the right before a wall that does not, seen by a camera with some noise."""
    drawn = draw(SIDE, 72.0, 56.0, 24.0, 0.2)
    rng = np.random.default_rng(0)
    texture, wall = rng.integers(-8, 9, (2, SIDE, SIDE, 3))
    wall = wall + np.array((90, 130, 170))
    masks = [np.roll(drawn.mask, STEP * number, 1) for number in range(COUNT)]
    pictures = []
    for number, mask in enumerate(masks):
        person = PALETTE[mask] + np.roll(texture, STEP * number, 1)
        image = np.where((mask != BACKGROUND)[..., None], person, wall).astype(np.float32)
        noisy = cv2.GaussianBlur(image, (0, 0), 0.7) + rng.normal(0.0, 1.5, image.shape)
        pictures.append(noisy.round().clip(0, 255).astype(np.uint8))
    to_crop = square_transform(SQUARE, SIZE)
    points = np.stack([drawn.landmarks + np.float32((STEP * number, 0)) for number in range(COUNT)])
    landmarks = points @ to_crop[:, :2].T + to_crop[:, 2]
    crops = np.stack([warp_image(picture, SQUARE, SIZE) for picture in pictures])
    regions = np.stack([warp_regions(mask, SQUARE, SIZE) for mask in masks])
    face = SimpleNamespace(
        frames=SimpleNamespace(read=lambda indices: crops[list(indices)]),
        masks=SimpleNamespace(read=lambda indices: regions[list(indices)]),
        squares=np.stack([SQUARE] * COUNT),
        walk=lambda count: iter(pictures[:count]),
    )
    return SimpleNamespace(
        face=face, landmarks=landmarks, crops=crops, regions=regions, pictures=np.stack(pictures), masks=np.stack(masks)
    )


def _change(walk: Any, kind: str) -> MaskChange | None:
    if kind == "shape":
        return MaskChange(None, [ShapeEdit("hair", "grow", (6.0,))])
    if kind == "mask":
        painted = np.where(PATCH & (walk.regions[0] == HAIR), np.uint8(EARRINGS), walk.regions[0])
        return MaskChange(MaskEdit.between(walk.regions[0], painted, walk.landmarks[0]))
    return None


def _edited(walk: Any, kind: str) -> np.ndarray:
    """Frames with an edit, painted as networks would that know each region by one colour, `(T, H, W, 3)`, int."""
    change, masks = _change(walk, kind), walk.regions
    if change is not None:
        masks = change.on_talking(change.on_pose(masks, walk.landmarks), walk.landmarks)
    colours = PALETTE.astype(int).copy()
    colours[HAIR] = BLOND if kind == "swap" else colours[HAIR]
    repainted = (masks != walk.regions) | ((masks == HAIR) & (kind == "swap"))
    crops = np.where(repainted[..., None], colours[masks], walk.crops).astype(np.uint8)
    layers = Layers(
        swapped=[HAIR] if kind == "swap" else (),
        colours=[RegionColour("hair", (140, 50, 30))] if kind == "colour" else (),
        backdrop=open_backdrop("#20a040") if kind == "background" else None,
        reshaped=change is not None,
    )
    places = face_transforms(walk.landmarks, smooth_frames=1)
    composer = Composer(walk.face, places, EditedArea([], layers.reshaped), layers, walk.face)
    return np.stack(
        list(composer.frames(iter([TalkingChunk(np.arange(COUNT), masks, iter(crops))]), COUNT, 25))
    ).astype(int)


def _named(walk: Any, kind: str) -> np.ndarray:
    """What an edit names, in each picture, `(T, H, W)`, bool: of a painted mask the patch."""
    if kind == "background":
        return walk.masks == BACKGROUND
    hair = walk.masks == HAIR
    if kind != "mask":
        return hair
    to_crop, flags = square_transform(SQUARE, SIZE), cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    patch = cv2.warpAffine(PATCH.astype(np.uint8), to_crop, (SIDE, SIDE), flags=flags) == 1
    return hair & np.stack([np.roll(patch, STEP * number, 1) for number in range(COUNT)])


def _warped_difference(frames: np.ndarray, moving: np.ndarray) -> float:
    """How much pixels of what moves change but for their moving, in grey levels.

    Args:
        frames: `(T, H, W, 3)`, int.
        moving: where, in each frame, `(T, H, W)`, bool.
    """
    difference = np.abs(frames[1:] - np.roll(frames[:-1], STEP, 2)).mean(axis=3)
    return float(difference[moving[1:]].mean())


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_named_changes_and_the_rest_stays(walk: Any, kind: str) -> None:
    change = np.abs(_edited(walk, kind) - walk.pictures).max(axis=3)
    named = _named(walk, kind)
    near = _dilated(named, {"shape": 41, "mask": 21}.get(kind, 13))
    ring = (walk.masks == BACKGROUND) & _dilated(named, 5)
    assert (change[ring if kind == "shape" else named] > 20).mean() > (0.5 if kind == "shape" else 0.8)
    assert change[~near].max() <= 3


@pytest.mark.parametrize(("kind", "most"), MOST.items())
def test_the_edited_region_holds_nearly_as_still_as_the_unedited_one(walk: Any, kind: str, most: float) -> None:
    named = (walk.masks != BACKGROUND) if kind == "background" else _named(walk, kind)
    # of a painted patch the inside: its outline, of which the unedited frames have none, goes by pixels of the crop
    near = ~_dilated(~named, 3) if kind == "mask" else _dilated(named, 3)
    unedited = _warped_difference(walk.pictures.astype(int), near)
    edited = _warped_difference(_edited(walk, kind), _dilated(named, 15) if kind == "shape" else near)
    assert edited <= most * unedited


def _dilated(pixels: np.ndarray, side: int) -> np.ndarray:
    """Each `(H, W)` of `(T, H, W)`, bool, with what lies within half of `side` px of it."""
    return np.stack([cv2.dilate(own.astype(np.uint8), np.ones((side, side))) for own in pixels]) == 1
