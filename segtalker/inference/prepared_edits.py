"""Local edits made ready for one portrait."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from segtalker.inference.backdrops import open_backdrop
from segtalker.inference.composition import SHOWN_SHARE, Layers
from segtalker.inference.editing import MaskChange, MaskEdit, swap_region
from segtalker.inference.edits import Edits, Swap, region_indices
from segtalker.inference.identity import Identity
from segtalker.inference.talk_inputs import read_mask
from segtalker.regions import REGIONS
from segtalker.utils.errors import BadInputError


@dataclass(frozen=True)
class PreparedEdits:
    """What edits come to on one portrait.

    Args:
        identity: who speaks, with the codes of others where they were swapped.
        mask_change: the change of the mask, if any.
        layers: what is done to the whole pictures.
    """

    identity: Identity
    mask_change: MaskChange | None
    layers: Layers


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
    swaps = [swap for swap in edits.swaps if swap.strength > 0.0]
    swapped = [region for swap in swaps for region in region_indices(swap.region)]
    return PreparedEdits(
        identity=_swapped(own, swaps, identify),
        mask_change=mask_change,
        layers=Layers(
            swapped=list(dict.fromkeys(swapped)),
            colours=[colour for colour in edits.colours if colour.strength > 0.0],
            backdrop=None if edits.background is None else open_backdrop(edits.background),
            reshaped=bool(edits.shapes) or (painted is not None and bool(painted.changed.any())),
        ),
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
        regions = [region for region in regions if (own_mask == region).mean() >= SHOWN_SHARE] or regions
    hidden = [REGIONS[region] for region in regions if (lender_mask == region).mean() < SHOWN_SHARE]
    if hidden:
        shown = [REGIONS[region] for region in regions if REGIONS[region] not in hidden]
        hint = f"swap {' and '.join(shown)} alone, or choose" if shown else "choose"
        raise BadInputError(f"{swap.path}: shows no {' and no '.join(hidden)}; {hint} another reference")
    return regions
