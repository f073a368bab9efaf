"""Edits that a picture or video does not show, to be said: of a region that is not seen, or of next to nothing."""

from collections.abc import Collection, Iterator, Sequence

from segtalker.inference.editing import MaskChange
from segtalker.inference.edits import Edits, RegionColour, Swap, region_indices


def without_effect(edits: Edits, change: MaskChange | None, shown: Collection[int]) -> tuple[str, ...]:
    """What was asked for and is not seen, and why, a line each.

    Args:
        edits: as asked for.
        change: of the mask, which knows what it did.
        shown: regions that the result shows.
    """
    return (*_unseen_looks([*edits.swaps, *edits.colours], shown), *_unseen_shapes(edits, change, shown))


def _unseen_looks(looks: Sequence[Swap | RegionColour], shown: Collection[int]) -> Iterator[str]:
    for look in looks:
        if look.strength == 0.0:
            yield f"{look} has no effect: its strength is 0"
        elif not set(region_indices(look.region)) & set(shown):
            yield f"{look} has no effect: {_not_seen(look.region)}"


def _unseen_shapes(edits: Edits, change: MaskChange | None, shown: Collection[int]) -> Iterator[str]:
    painted = None if change is None else change.painted
    if painted is not None and not painted.changed.any():
        yield f"--mask {edits.mask} has no effect: it is the portrait's own mask"
    for shape in edits.shapes:
        if change is not None and shape not in change.done:
            is_seen = set(region_indices(shape.region)) & set(shown)
            reason = "it changes less than a pixel" if is_seen else _not_seen(shape.region)
            yield f"{shape} has no effect: {reason}"


def _not_seen(region: str) -> str:
    return f"{region} {'are' if region.endswith('s') else 'is'} not seen"
