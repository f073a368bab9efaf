"""A person cut out of the whole picture, of which a parser names only the square around the face.

Clothes and hats are background to the parser too (`segtalker.regions`), and outside the square nothing is named. So
GrabCut (Rother et al. 2004) goes on from what the face says of the body: what follows below the neck is the person,
shoulders slope down from there, and what the parser calls background above them is behind. It is a guess by colour: a
wall of the shirt's colour fools it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from segtalker.inference.picture_views import NOT_SEEN, PictureView
from segtalker.regions import BACKGROUND, REGION_INDEX

_NECK = REGION_INDEX["neck"]
# the body in face coordinates, see `segtalker.faces.mouth_box`
_COLLAR = 0.3  # share of the neck's columns that end above where the shoulders are taken to begin
_RISE = 0.3  # how far clothes reach above the end of the neck
_SLOPE = 0.3  # of the shoulders
_HIDDEN_NECK_END = 1.9  # where no neck is seen
_HIDDEN_NECK_HALF_WIDTH = 0.7
_MIN_NECK = 0.01  # of the crop, for the neck to count as seen
_CHEST = 2.5  # how far below the neck a body is sure to be seen
_BODY = 3.5  # half width of a body
_FAR = 6.0  # from the middle of the face nothing of a person is looked for to its sides
_CUT_ROUNDS = 3
_MODEL = (1, 65)  # OpenCV's: five Gaussians


@dataclass
class ColourModels:
    """How GrabCut tells two sides apart; learnt from the first picture of a source, kept for the others.

    Args:
        behind: OpenCV's model of one side.
        front: of the other.
    """

    behind: np.ndarray
    front: np.ndarray

    @classmethod
    def unlearnt(cls) -> "ColourModels":
        """Models of nothing yet."""
        return cls(np.zeros(_MODEL), np.zeros(_MODEL))

    def cut(self, picture: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Cuts a picture in two.

        Args:
            picture: RGB, `(h, w, 3)`, uint8.
            labels: OpenCV's four, `(h, w)`, uint8.

        Returns:
            The front, `(h, w)`, bool.
        """
        labels = labels.copy()
        if not ((labels & 1) == 1).any() or not ((labels & 1) == 0).any():
            return (labels & 1).astype(bool)
        learns = not self.front.any()
        mode, rounds = (cv2.GC_INIT_WITH_MASK, _CUT_ROUNDS) if learns else (cv2.GC_EVAL_FREEZE_MODEL, 1)
        cv2.setRNGSeed(0)
        cv2.grabCut(picture, labels, (0, 0, 0, 0), self.behind, self.front, rounds, mode)
        return (labels & 1).astype(bool)


def cut_person(view: PictureView, mask: np.ndarray, place: np.ndarray, models: ColourModels) -> np.ndarray:
    """Tells a person, clothes included, from what is behind.

    Args:
        view: the picture.
        mask: regions of its crop, `(H, W)`, uint8.
        place: face coordinates to pixels of the crop, `(2, 3)`.
        models: of the source, learnt where they are not yet.

    Returns:
        `(h, w)` of the small picture, bool.
    """
    regions = view.regions(mask)
    is_face = (regions != BACKGROUND) & (regions != NOT_SEEN)
    x, y = _face_coordinates(view, place)
    neck_end, half_width, surely = _body(regions, x, y)
    shoulders = y - (neck_end - _RISE) - _SLOPE * np.maximum(0.0, np.abs(x) - half_width)
    labels = np.where((shoulders > 0) & (np.abs(x) < _BODY), cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[(regions == BACKGROUND) & (y < neck_end - 2 * _RISE)] = cv2.GC_BGD
    labels[np.abs(x) > _FAR] = cv2.GC_BGD
    labels[surely & ~is_face] = cv2.GC_FGD
    labels[is_face] = cv2.GC_FGD
    return _with_face(models.cut(view.small, labels), is_face)


def _body(regions: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Where the neck ends, half the width between the shoulders' beginnings, and what is surely below them."""
    neck = regions == _NECK
    under_neck = _below(neck)
    if neck.sum() >= _MIN_NECK * (regions != NOT_SEEN).sum() and under_neck.any():
        first = under_neck & ~np.roll(under_neck, 1, axis=0)
        neck_end = float(np.quantile(y[first], _COLLAR))
        half_width = float(np.quantile(np.abs(x[first]), 1 - _COLLAR / 2))
    else:
        neck_end, half_width = _HIDDEN_NECK_END, _HIDDEN_NECK_HALF_WIDTH
        under_neck = (y > neck_end) & (np.abs(x) < half_width)
    return neck_end, half_width, under_neck & (y < neck_end + _CHEST)


def _with_face(person: np.ndarray, is_face: np.ndarray) -> np.ndarray:
    """A person without islands: what hangs together with the face."""
    person = person | is_face
    count, parts = cv2.connectedComponents(person.astype(np.uint8), connectivity=4)
    keeps = np.zeros(count, bool)
    keeps[np.unique(parts[is_face])] = True
    keeps[0] = False
    return keeps[parts]


def cut_region(
    view: PictureView, mask: np.ndarray, chosen: Sequence[int], person: np.ndarray, models: ColourModels
) -> np.ndarray:
    """Where a region of the crop that reaches its border goes on outside of it.

    Args:
        view: the picture.
        mask: regions of its crop, `(H, W)`, uint8.
        chosen: the regions wanted.
        person: see `cut_person`.
        models: of the source and these regions.

    Returns:
        `(h, w)` of the small picture, bool; in the crop as the mask says.
    """
    regions = view.regions(mask)
    own, is_seen = np.isin(regions, chosen), regions != NOT_SEEN
    labels = np.full(regions.shape, cv2.GC_PR_BGD, np.uint8)
    labels[is_seen] = np.where(own[is_seen], cv2.GC_FGD, cv2.GC_BGD)
    labels[~is_seen & (person < 0.5)] = cv2.GC_BGD
    found = models.cut(view.small, labels) & (is_seen | (person >= 0.5))
    return _with_face(found, own)


def touches_border(mask: np.ndarray, chosen: Sequence[int]) -> bool:
    """Whether some regions reach the border of a crop, so that they may go on outside."""
    border = np.concatenate([mask[:2].ravel(), mask[-2:].ravel(), mask[:, :2].ravel(), mask[:, -2:].ravel()])
    return bool(np.isin(border, chosen).any())


def _face_coordinates(view: PictureView, place: np.ndarray) -> np.ndarray:
    """Face coordinates (x, y) of every pixel of the small picture, `(2, h, w)`."""
    rows, columns = np.mgrid[: view.small.shape[0], : view.small.shape[1]].astype(np.float64)
    bottom = [0.0, 0.0, 1.0]
    to_face = np.linalg.inv(np.vstack([view.to_small, bottom]) @ np.vstack([place, bottom]))[:2]
    return np.einsum("ij,jhw->ihw", to_face, np.stack([columns, rows, np.ones_like(rows)]))


def _below(region: np.ndarray) -> np.ndarray:
    """Pixels below the lowest of a region in their column, `(h, w)`, bool."""
    at_or_above = np.cumsum(region[::-1], axis=0)[::-1] > 0
    return region.any(axis=0) & ~at_or_above
