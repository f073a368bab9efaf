"""A small generator, and quilts of regions for it."""

import torch
import torch.nn.functional as F
from torch import Tensor

from segtalker.nets.generator import MaskGuidedGenerator
from segtalker.regions import NUM_REGIONS, REGION_INDEX

SIZE, STYLE, TEXTURE = 64, 8, 4
HAIR = REGION_INDEX["hair"]


def make_generator(
    masked_up_to: int = 32,
    texture: int = TEXTURE,
    kind: type[MaskGuidedGenerator] = MaskGuidedGenerator,
    **switches: bool,
) -> MaskGuidedGenerator:
    torch.manual_seed(0)
    generator = kind(
        regions=NUM_REGIONS,
        image_size=SIZE,
        channels={8: 10, 16: 8, 32: 6},
        masked_up_to=masked_up_to,
        detailed=("hair",),
        style=STYLE,
        texture=texture,
        hung_mouth=False,
        mapping_layers=1,
        **{"exact_borders": False, "soft_edges": False, **switches},
    )
    for level in generator.levels:  # they start at zero, which would hide the network
        torch.nn.init.normal_(level.to_rgb.weight)
        torch.nn.init.normal_(level.first.noise_strength)
    return generator


def quilts(seed: int, batch: int = 2, without: int | None = None) -> Tensor:
    """Quilts of 8 px patches."""
    patches = torch.randint(
        0, NUM_REGIONS, (batch, SIZE // 8, SIZE // 8), generator=torch.Generator().manual_seed(seed)
    )
    if without is not None:
        patches[patches == without] = 0
    labels = patches.repeat_interleave(8, 1).repeat_interleave(8, 2)
    return F.one_hot(labels, NUM_REGIONS).movedim(-1, 1).float()
