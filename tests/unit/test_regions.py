"""Both 19-label orders merge to the same 12 regions."""

import numpy as np
import pytest

from segtalker.regions import (
    BISENET_LABELS,
    CELEBAMASK_HQ_LABELS,
    LABEL_ORDERS,
    NUM_REGIONS,
    PALETTE,
    REGION_INDEX,
    merge_labels,
    region_table,
)

# E4S's merge of BiSeNet labels, as published: region -> label numbers
E4S_MERGE = {
    "background": (0, 15, 16, 18),
    "lip": (12, 13),
    "eyebrows": (2, 3),
    "eyes": (4, 5),
    "hair": (17,),
    "nose": (10,),
    "skin": (1,),
    "ears": (7, 8),
    "neck": (14,),
    "mouth": (11,),
    "glasses": (6,),
    "earrings": (9,),
}


def test_bisenet_merge_is_the_published_one() -> None:
    table = region_table("bisenet")
    for region, labels in E4S_MERGE.items():
        assert {int(table[label]) for label in labels} == {REGION_INDEX[region]}
    assert sorted(label for labels in E4S_MERGE.values() for label in labels) == list(range(19))


def test_both_orders_agree_by_name() -> None:
    bisenet, celeb = region_table("bisenet"), region_table("celebamask_hq")
    assert sorted(BISENET_LABELS) == sorted(CELEBAMASK_HQ_LABELS)
    for name in BISENET_LABELS:
        assert bisenet[BISENET_LABELS.index(name)] == celeb[CELEBAMASK_HQ_LABELS.index(name)]


@pytest.mark.parametrize("order", sorted(LABEL_ORDERS))
def test_merge_rejects_labels_outside_the_order(order: str) -> None:
    labels = np.array([[0, len(LABEL_ORDERS[order])]], dtype=np.uint8)
    with pytest.raises(ValueError, match=f"outside the {order} order"):
        merge_labels(labels, order)


def test_colours_tell_regions_apart() -> None:
    assert PALETTE.shape == (NUM_REGIONS, 3)
    assert len({tuple(colour) for colour in PALETTE.tolist()}) == NUM_REGIONS
