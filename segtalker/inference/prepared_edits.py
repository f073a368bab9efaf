"""Local edits made ready for one portrait."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from segtalker.inference.background import Background, SourceBackground, read_background
from segtalker.inference.editing import MaskChange, MaskEdit, swap_region
from segtalker.inference.edits import Edits, Swap, region_indices
from segtalker.inference.identity import Identity
from segtalker.inference.talk_inputs import read_mask
from segtalker.regions import BACKGROUND, REGIONS
from segtalker.utils.errors import BadInputError

_SHOWN = 5e-4  # of a crop: what is smaller lends no texture


@dataclass(frozen=True)
class PreparedEdits:
    """What edits come to on one portrait.

    Args:
        identity: who speaks, with the codes of others where they were swapped.
        mask_change: the change of the mask, if any.
        background: what shows behind.
        regions: whose look is changed.
        crop_reason: why the result cannot be put back into the whole picture, or empty.
    """

    identity: Identity
    mask_change: MaskChange | None
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
        BadInputError: a file cannot be used, or a reference does not show what it is to lend.
    """
    size = own.mask.shape[0]
    painted = None
    if edits.mask is not None:
        painted = MaskEdit.between(own.mask, read_mask(edits.mask, size), own.landmarks)
    mask_change = MaskChange(painted, tuple(edits.shapes)) if painted is not None or edits.shapes else None
    swapped = [region for swap in edits.swaps for region in region_indices(swap.region)]
    return PreparedEdits(
        identity=_swapped(own, edits.swaps, identify),
        mask_change=mask_change,
        background=SourceBackground() if edits.background is None else read_background(edits.background, size),
        regions=[*swapped, *([BACKGROUND] if edits.background is not None else [])],
        crop_reason=_reaches_out(own.mask, edits, painted),
    )


def _swapped(own: Identity, swaps: Sequence[Swap], identify: Callable[[Path], Identity]) -> Identity:
    """Who speaks, with the textures of others; each reference is looked at once."""
    lenders = {path: identify(path) for path in dict.fromkeys(swap.path for swap in swaps)}
    identity = own
    for swap in swaps:
        lender = lenders[swap.path]
        for region in _lent_regions(swap, own.mask, lender.mask):
            codes = swap_region(identity.codes, lender.codes, region, swap.strength)
            identity = replace(identity, codes=codes)
    return identity


def _lent_regions(swap: Swap, own_mask: np.ndarray, lender_mask: np.ndarray) -> list[int]:
    """Which regions a reference lends: the one that is named, or those of a group that the portrait shows.

    Raises:
        BadInputError: it does not show one of them.
    """
    regions = list(region_indices(swap.region))
    if len(regions) > 1:
        regions = [region for region in regions if (own_mask == region).mean() >= _SHOWN] or regions
    hidden = [REGIONS[region] for region in regions if (lender_mask == region).mean() < _SHOWN]
    if hidden:
        shown = [REGIONS[region] for region in regions if REGIONS[region] not in hidden]
        hint = f"swap {' and '.join(shown)} alone, or choose" if shown else "choose"
        raise BadInputError(f"{swap.path}: shows no {' and no '.join(hidden)}; {hint} another reference")
    return regions


def _reaches_out(mask: np.ndarray, edits: Edits, painted: MaskEdit | None) -> str:
    """Why edits cannot be put back into the whole picture: what they change goes on outside the square.

    Args:
        mask: of the reference frame, `(H, W)`, uint8.
        edits: as asked for.
        painted: the change of the mask by hand.
    """
    if edits.background is not None:
        return "what is background is known only there"
    border = np.ones(mask.shape, bool)
    border[1:-1, 1:-1] = False
    names = dict.fromkeys(region for swap in edits.swaps for region in region_indices(swap.region))
    cut = [REGIONS[region] for region in names if (mask[border] == region).any()]
    if cut:
        return f"{' and '.join(cut)} goes on outside"
    return "the mask was edited at its border" if painted is not None and painted.changed[border].any() else ""
