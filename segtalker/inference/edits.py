"""Local edits as a person asks for them, made ready for one portrait."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from segtalker.inference.background import Background, SourceBackground, read_background
from segtalker.inference.editing import MaskEdit, swap_region
from segtalker.inference.identity import Identity
from segtalker.inference.talk_inputs import read_mask, region_index
from segtalker.regions import BACKGROUND


@dataclass(frozen=True)
class Edits:
    """Local edits of a portrait, as asked for.

    Args:
        swaps: region names with the portrait that lends each.
        mask: an edited mask, or None.
        background: `#rrggbb` or an image file, or None for the portrait's own.
    """

    swaps: Sequence[tuple[str, Path]] = ()
    mask: Path | None = None
    background: str | None = None


@dataclass(frozen=True)
class PreparedEdits:
    """What edits come to on one portrait.

    Args:
        identity: who speaks, with the codes of others where they were swapped.
        mask_edit: the change of the mask, if any.
        background: what shows behind.
        regions: whose look is changed.
        crop_reason: why the result cannot be put back into the whole picture, or empty.
    """

    identity: Identity
    mask_edit: MaskEdit | None
    background: Background
    regions: list[int]
    crop_reason: str


def prepare_edits(edits: Edits, own: Identity, identify: Callable[[Path], Identity]) -> PreparedEdits:
    """Makes edits ready for a portrait.

    Args:
        edits: as asked for.
        own: who is seen in the portrait.
        identify: finds who is seen in a reference.

    Raises:
        BadInputError: a file cannot be used.
    """
    size = own.mask.shape[0]
    mask_edit = None
    if edits.mask is not None:
        mask_edit = MaskEdit.between(own.mask, read_mask(edits.mask, size), own.landmarks)
    identity = own
    for region, path in edits.swaps:
        identity = replace(identity, codes=swap_region(identity.codes, identify(path).codes, region))
    swapped = [region_index(region) for region, _ in edits.swaps]
    return PreparedEdits(
        identity=identity,
        mask_edit=mask_edit,
        background=SourceBackground() if edits.background is None else read_background(edits.background, size),
        regions=[*swapped, *([BACKGROUND] if edits.background is not None else [])],
        crop_reason=_reaches_out(own.mask, edits, mask_edit),
    )


def _reaches_out(mask: np.ndarray, edits: Edits, edit: MaskEdit | None) -> str:
    """Why edits cannot be put back into the whole picture: what they change goes on outside the square.

    Args:
        mask: of the reference frame, `(H, W)`, uint8.
        edits: as asked for.
        edit: the change of the mask.
    """
    if edits.background is not None:
        return "what is background is known only there"
    border = np.ones(mask.shape, bool)
    border[1:-1, 1:-1] = False
    cut = [region for region, _ in edits.swaps if (mask[border] == region_index(region)).any()]
    if cut:
        return f"{' and '.join(cut)} goes on outside"
    return "the mask was edited at its border" if edit is not None and edit.changed[border].any() else ""
