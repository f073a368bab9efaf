"""A small encoder: what a test does not name is as here, so that a new argument is named once."""

from typing import Any, TypeVar

from segtalker.nets.encoder import MaskGuidedEncoder
from segtalker.regions import NUM_REGIONS

Encoder = TypeVar("Encoder", bound=MaskGuidedEncoder)


def make_encoder(kind: type[Encoder], **changes: Any) -> Encoder:
    """An untrained encoder.

    Args:
        kind: which encoder.
        changes: arguments of it; sizes have no values here.
    """
    plain = {"hung_mouth": False, "present_share": 2e-4, "mask_guided": True, "lent_mouths": 0, "shut_below": 6e-3}
    return kind(regions=NUM_REGIONS, **plain | changes)
