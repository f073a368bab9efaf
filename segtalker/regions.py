"""The 12 face regions, their colours, and the two 19-label orders they are merged from.

Region order and grouping follow E4S (arXiv 2211.14068), the nearest public relative of SegTalker. The same 19
label names come in two orders: face-parsing.PyTorch (BiSeNet) and CelebAMask-HQ.
"""

import numpy as np

REGIONS = (
    "background",
    "lip",
    "eyebrows",
    "eyes",
    "hair",
    "nose",
    "skin",
    "ears",
    "neck",
    "mouth",
    "glasses",
    "earrings",
)
NUM_REGIONS = len(REGIONS)
NO_REGION = NUM_REGIONS  # a label that is no region: its pixels count for none
REGION_INDEX = {name: index for index, name in enumerate(REGIONS)}

BACKGROUND = REGION_INDEX["background"]
LIP = REGION_INDEX["lip"]
MOUTH = REGION_INDEX["mouth"]

PALETTE = np.array(
    [
        (28, 32, 44),
        (214, 64, 92),
        (98, 62, 38),
        (70, 150, 214),
        (140, 88, 48),
        (246, 190, 140),
        (232, 168, 124),
        (222, 138, 112),
        (196, 142, 110),
        (120, 24, 44),
        (60, 60, 110),
        (244, 208, 88),
    ],
    dtype=np.uint8,
)

BISENET_LABELS = (
    "background", "skin", "l_brow", "r_brow", "l_eye", "r_eye", "eye_g", "l_ear", "r_ear", "ear_r",
    "nose", "mouth", "u_lip", "l_lip", "neck", "neck_l", "cloth", "hair", "hat",
)  # fmt: skip
CELEBAMASK_HQ_LABELS = (
    "background", "skin", "nose", "eye_g", "l_eye", "r_eye", "l_brow", "r_brow", "l_ear", "r_ear",
    "mouth", "u_lip", "l_lip", "hair", "hat", "ear_r", "neck_l", "neck", "cloth",
)  # fmt: skip

_LABEL_TO_REGION = {
    "background": "background", "neck_l": "background", "cloth": "background", "hat": "background",
    "u_lip": "lip", "l_lip": "lip",
    "l_brow": "eyebrows", "r_brow": "eyebrows",
    "l_eye": "eyes", "r_eye": "eyes",
    "hair": "hair", "nose": "nose", "skin": "skin",
    "l_ear": "ears", "r_ear": "ears",
    "neck": "neck", "mouth": "mouth", "eye_g": "glasses", "ear_r": "earrings",
}  # fmt: skip

LABEL_ORDERS = {"bisenet": BISENET_LABELS, "celebamask_hq": CELEBAMASK_HQ_LABELS, "regions": REGIONS}


def region_table(order: str) -> np.ndarray:
    """The lookup from a label order to regions.

    Args:
        order: `bisenet`, `celebamask_hq` (19 labels each) or `regions` (already merged).

    Returns:
        Region index of each label, `(256,)`, uint8; indices past the last label hold 255.
    """
    table = np.full(256, 255, dtype=np.uint8)
    for label, name in enumerate(LABEL_ORDERS[order]):
        region = name if order == "regions" else _LABEL_TO_REGION[name]
        table[label] = REGION_INDEX[region]
    return table


def merge_labels(labels: np.ndarray, order: str) -> np.ndarray:
    """Merges a 19-label map to regions.

    Args:
        labels: label indices, any shape, uint8.
        order: see `region_table`.

    Returns:
        Region indices, same shape, uint8 in 0-11.

    Raises:
        ValueError: a label lies outside the order.
    """
    regions = region_table(order)[labels]
    if regions.size and regions.max() >= NUM_REGIONS:
        raise ValueError(f"label {int(labels[regions == 255].max())} is outside the {order} order")
    return regions


def colourise(regions: np.ndarray) -> np.ndarray:
    """Paints region indices, `(..., H, W)` uint8, with the palette: `(..., H, W, 3)` uint8 RGB."""
    return PALETTE[regions]
