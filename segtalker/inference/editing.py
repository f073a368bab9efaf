"""Local editing: the texture of one region from another person, and a mask changed by hand and carried to every frame.

SegTalker (arXiv 2409.03605, section 4) edits by exchanging a region's code or by editing the mask. Its code is not
public; decided here: an edit is drawn on one frame, and what it changed moves with the eyes and the nose of the others.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from segtalker.faces.mouth_box import face_transforms
from segtalker.regions import LIP, MOUTH, NUM_REGIONS, PALETTE, REGION_INDEX, REGIONS
from segtalker.utils.atomic import atomic_file
from segtalker.utils.errors import BadInputError

_UNCHANGED = 255
_SLIVER = 0.016  # of the mask's side: half the widest gap that is closed between an edit and what it continues
_MAX_COLOUR_DISTANCE = 24.0  # RGB distance within which a colour counts as one of the palette
_MAX_STRANGE_SHARE = 0.03  # share of pixels that may lie between colours, as a soft brush leaves them


def region_index(name: str) -> int:
    """The index of a region by name.

    Raises:
        BadInputError: there is no such region.
    """
    if name not in REGION_INDEX:
        raise BadInputError(f"{name!r}: no such region; choose one of {', '.join(REGIONS)}")
    return REGION_INDEX[name]


def parse_swaps(values: Iterable[str]) -> list[tuple[str, Path]]:
    """Reads `REGION=FILE` pairs as given on a command line.

    Raises:
        BadInputError: one is not of that form or names no region.
    """
    swaps = []
    for value in values:
        region, equals, file = value.partition("=")
        if not equals or not file:
            raise BadInputError(f"{value!r}: expected REGION=FILE, for example hair=reference.png")
        region_index(region)
        swaps.append((region, Path(file)))
    return swaps


def swap_region(codes: Tensor, reference: Tensor, region: str) -> Tensor:
    """Takes the texture of one region from another person.

    Args:
        codes: who speaks, `(1, K, D)`, float32.
        reference: who lends the texture, `(1, K, D)`, float32.
        region: its name.

    Returns:
        New codes, `(1, K, D)`; the arguments are not changed.
    """
    assert codes.shape == reference.shape, (codes.shape, reference.shape)
    swapped = codes.clone()
    swapped[:, region_index(region)] = reference[:, region_index(region)]
    return swapped


@dataclass(frozen=True)
class MaskEdit:
    """What was changed in the mask of a reference frame.

    Args:
        parsed: the mask as it was, `(H, W)`, uint8 regions.
        edited: the mask as edited, likewise.
        changes: new regions where it was changed and 255 elsewhere, `(H, W)`, uint8.
        place: `face_transforms` of the reference frame, `(1, 2, 3)`.
    """

    parsed: np.ndarray
    edited: np.ndarray
    changes: np.ndarray
    place: np.ndarray

    @classmethod
    def between(cls, parsed: np.ndarray, edited: np.ndarray, landmarks: np.ndarray) -> "MaskEdit":
        """The difference of two masks of one frame, `(H, W)` uint8, with its landmarks, `(68, 2)`."""
        assert parsed.shape == edited.shape, (parsed.shape, edited.shape)
        changes = np.where(parsed == edited, np.uint8(_UNCHANGED), edited)
        return cls(parsed, edited, changes, _place(landmarks[None]))

    @property
    def changed(self) -> np.ndarray:
        """Where the mask was changed, `(H, W)`, bool."""
        return self.changes != _UNCHANGED

    def _carried(self, landmarks: np.ndarray) -> np.ndarray:
        """The changes at each frame's place, `(T, H, W)`, uint8."""
        maps = _square(self.place) @ np.linalg.inv(_square(_place(landmarks)))
        height, width = self.changes.shape
        flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        return np.stack(
            [
                cv2.warpAffine(
                    self.changes, to_reference[:2], (width, height), flags=flags, borderValue=(_UNCHANGED,) * 4
                )
                for to_reference in maps
            ]
        )

    def on_pose(self, masks: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """Carries every change to the masks that give the pose, before speech moves the mouth.

        Args:
            masks: regions, `(T, H, W)`, uint8.
            landmarks: of the same frames, `(T, 68, 2)`, pixels.

        Returns:
            `(T, H, W)`, uint8.
        """
        return self._laid(masks, self._carried(landmarks))

    def on_talking(self, masks: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """Carries the changes around the mouth to talking masks; the speaking mouth itself is never covered.

        A change of the lips reaches the talking masks through the network instead, which sees the edited
        reference mask.

        Args:
            masks: regions as predicted from edited poses, `(T, H, W)`, uint8.
            landmarks: of the same frames, `(T, 68, 2)`, pixels.

        Returns:
            `(T, H, W)`, uint8.
        """
        carried = self._carried(landmarks)
        speaking = np.isin(carried, (LIP, MOUTH)) | np.isin(masks, (LIP, MOUTH))
        return self._laid(masks, np.where(speaking, np.uint8(_UNCHANGED), carried))

    def _laid(self, masks: np.ndarray, carried: np.ndarray) -> np.ndarray:
        """Masks with changes laid over them, `(T, H, W)`, uint8.

        A frame's outlines never fit the carried ones exactly. Slivers left between a change and its own region, of
        what the change replaced, are closed.
        """
        laid = np.where(carried == _UNCHANGED, masks, carried)
        reach = max(1, round(_SLIVER * masks.shape[2]))
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
        for region in np.setdiff1d(self.changes, _UNCHANGED):
            replaced = np.setdiff1d(self.parsed[self.changes == region], (LIP, MOUTH))
            for mask, change in zip(laid, carried, strict=True):
                closed = cv2.morphologyEx((mask == region).astype(np.uint8), cv2.MORPH_CLOSE, kernel)
                near = cv2.dilate((change == region).astype(np.uint8), kernel, iterations=2)
                mask[(closed == 1) & (near == 1) & np.isin(mask, replaced)] = region
        return laid


def _place(landmarks: np.ndarray) -> np.ndarray:
    return face_transforms(landmarks, smooth_frames=1)


def _square(affine: np.ndarray) -> np.ndarray:
    """`(T, 2, 3)` to `(T, 3, 3)`."""
    return np.concatenate([affine, np.broadcast_to([[[0.0, 0.0, 1.0]]], (len(affine), 1, 3))], axis=1)


def save_mask(path: Path, mask: np.ndarray, scale: int) -> None:
    """Writes a mask for a paint program: a palette PNG, so that it opens in colour and keeps its indices.

    Args:
        path: the `.png` to write.
        mask: regions, `(H, W)`, uint8.
        scale: every pixel becomes a block of this side, which is easier to paint on.
    """
    image = Image.fromarray(np.kron(mask, np.ones((scale, scale), np.uint8)), mode="P")
    image.putpalette(PALETTE.tobytes())
    with atomic_file(path) as temporary:
        image.save(temporary, format="PNG")


def read_mask(path: Path, size: int) -> np.ndarray:
    """Reads an edited mask: region indices (grey or palette) or the palette's colours.

    Args:
        path: an image, square, of any size; it is sampled nearest.
        size: side of the mask wanted, pixels.

    Returns:
        Regions, `(size, size)`, uint8.

    Raises:
        BadInputError: missing, not an image, not square, or with colours that are no region's.
    """
    try:
        with Image.open(path) as image:
            regions = _indices(path, image)
    except FileNotFoundError as error:
        raise BadInputError(f"{path}: no such file") from error
    except (UnidentifiedImageError, OSError) as error:
        raise BadInputError(f"{path}: cannot be read as an image; save the mask as PNG") from error
    if regions.shape[0] != regions.shape[1]:
        raise BadInputError(f"{path}: {regions.shape[1]}x{regions.shape[0]} px; a mask is square, as saved")
    return cv2.resize(regions, (size, size), interpolation=cv2.INTER_NEAREST_EXACT)


def _indices(path: Path, image: Image.Image) -> np.ndarray:
    """Regions of an image in any of the accepted forms."""
    if image.mode in ("L", "P") and np.asarray(image).max() < NUM_REGIONS and _is_plain(image):
        return np.asarray(image, dtype=np.uint8)
    colours = np.asarray(image.convert("RGB"), dtype=np.int32)
    distances = np.stack([((colours - colour) ** 2).sum(axis=-1) for colour in PALETTE.astype(np.int32)])
    strange = distances.min(axis=0) > _MAX_COLOUR_DISTANCE**2
    if strange.mean() > _MAX_STRANGE_SHARE:
        row, column = np.argwhere(strange)[0]
        colour = "#" + bytes(colours[row, column].astype(np.uint8)).hex()
        raise BadInputError(
            f"{path}: colour {colour} at ({column}, {row}) is no region's; paint with the colours of the saved mask"
        )
    return distances.argmin(axis=0).astype(np.uint8)


def _is_plain(image: Image.Image) -> bool:
    """Whether the numbers of an image are region indices: grey values, or a palette in the regions' order."""
    if image.mode == "L":
        return True
    used = np.unique(np.asarray(image))
    palette = np.array(image.getpalette("RGB")).reshape(-1, 3)
    return bool((palette[used] == PALETTE[used]).all())
