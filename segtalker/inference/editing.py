"""Local editing: the texture of one region from another person, and a mask changed by hand and carried to every frame.

SegTalker (arXiv 2409.03605, section 4) edits by exchanging a region's code or by editing the mask. Its code is not
public; decided here: an edit is drawn on one frame, and what it changed moves with the eyes and the nose of the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from torch import Tensor

from segtalker.faces.mouth_box import face_transforms
from segtalker.inference.edits import ShapeEdit
from segtalker.inference.shapes import reshape
from segtalker.regions import LIP, MOUTH

_UNCHANGED = 255
_SLIVER = 0.016  # of the mask's side: half the widest gap that is closed between an edit and what it continues


def swap_region(codes: Tensor, reference: Tensor, region: int, strength: float = 1.0) -> Tensor:
    """Takes the texture of one region from another person.

    Args:
        codes: who speaks, in each reference pose, `(R, K, D)`, float32.
        reference: who lends the texture, likewise; the first pose does.
        region: its index.
        strength: how much of the texture is the other's, 0 to 1.

    Returns:
        New codes, `(R, K, D)`; the arguments are not changed.
    """
    assert codes.shape[1:] == reference.shape[1:], (codes.shape, reference.shape)
    new_codes = codes.clone()
    new_codes[:, region] = torch.lerp(codes[:, region], reference[0, region].to(codes), strength)
    return new_codes


@dataclass(frozen=True)
class MaskEdit:
    """What was changed in the mask of a reference frame.

    Args:
        source_mask: the mask as it was, `(H, W)`, uint8 regions.
        edited_mask: the mask as edited, likewise.
        changes: new regions where it was changed and 255 elsewhere, `(H, W)`, uint8.
        place: `face_transforms` of the reference frame, `(1, 2, 3)`.
    """

    source_mask: np.ndarray
    edited_mask: np.ndarray
    changes: np.ndarray
    place: np.ndarray

    @classmethod
    def between(cls, source_mask: np.ndarray, edited_mask: np.ndarray, landmarks: np.ndarray) -> "MaskEdit":
        """The difference of two masks of one frame, `(H, W)` uint8, with its landmarks, `(68, 2)`."""
        assert source_mask.shape == edited_mask.shape, (source_mask.shape, edited_mask.shape)
        changes = np.where(source_mask == edited_mask, np.uint8(_UNCHANGED), edited_mask)
        return cls(source_mask, edited_mask, changes, _place(landmarks[None]))

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
        changes = self._carried(landmarks)
        speaking = np.isin(changes, (LIP, MOUTH)) | np.isin(masks, (LIP, MOUTH))
        return self._laid(masks, np.where(speaking, np.uint8(_UNCHANGED), changes))

    def _laid(self, masks: np.ndarray, changes: np.ndarray) -> np.ndarray:
        """Masks with changes laid over them, `(T, H, W)`, uint8.

        A frame's outlines never fit the carried ones exactly. Slivers left between a change and its own region, of
        what the change replaced, are closed.
        """
        new_masks = np.where(changes == _UNCHANGED, masks, changes)
        reach = max(1, round(_SLIVER * masks.shape[2]))
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
        for region in np.setdiff1d(self.changes, _UNCHANGED):
            old_regions = np.setdiff1d(self.source_mask[self.changes == region], (LIP, MOUTH))
            for mask, change in zip(new_masks, changes, strict=True):
                closing = cv2.morphologyEx((mask == region).astype(np.uint8), cv2.MORPH_CLOSE, kernel)
                near = cv2.dilate((change == region).astype(np.uint8), kernel, iterations=2)
                mask[(closing == 1) & (near == 1) & np.isin(mask, old_regions)] = region
        return new_masks


@dataclass(frozen=True)
class MaskChange:
    """How the mask of a talking face is changed: by hand on the reference frame, by words in each frame.

    Args:
        painted: the change by hand, if any.
        shapes: regions reshaped, on top of it.
        done: of these, the ones that changed a mask so far.
    """

    painted: MaskEdit | None
    shapes: Sequence[ShapeEdit] = ()
    done: set[ShapeEdit] = field(default_factory=set)

    def on_reference(self, mask: np.ndarray) -> np.ndarray:
        """The mask that says who speaks, `(H, W)`, uint8: the edited one, if there is one."""
        return mask if self.painted is None else self.painted.edited_mask

    def on_pose(self, masks: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """See `MaskEdit.on_pose`. Words change nothing here: speech moves the face as it is."""
        return masks if self.painted is None else self.painted.on_pose(masks, landmarks)

    def on_talking(self, masks: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """See `MaskEdit.on_talking`; then regions are reshaped, the speaking mouth too where it is named."""
        laid_masks = masks if self.painted is None else self.painted.on_talking(masks, landmarks)
        return reshape(laid_masks, landmarks, self.shapes, self.done)

    def on_still(self, masks: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """Masks of faces that do not speak, changed as they are painted, lips and mouth too: `(T, H, W)`, uint8."""
        return reshape(self.on_pose(masks, landmarks), landmarks, self.shapes, self.done)


def _place(landmarks: np.ndarray) -> np.ndarray:
    return face_transforms(landmarks, smooth_frames=1)


def _square(affine: np.ndarray) -> np.ndarray:
    """`(T, 2, 3)` to `(T, 3, 3)`."""
    return np.concatenate([affine, np.broadcast_to([[[0.0, 0.0, 1.0]]], (len(affine), 1, 3))], axis=1)
