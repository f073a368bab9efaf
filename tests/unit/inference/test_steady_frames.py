"""Where textures lie, held steady over time."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from segtalker.inference.steady_frames import steady_frames
from segtalker.nets.region_texture import region_frames
from segtalker.nets.tensors import one_hot
from segtalker.regions import REGION_INDEX

SKIN, LIP, EYES = (REGION_INDEX[name] for name in ("skin", "lip", "eyes"))
CPU = torch.device("cpu")


def _faces(lefts: Sequence[int], with_lip: Sequence[bool] | None = None) -> np.ndarray:
    """A face that stands at `lefts`, one frame each, and its lip: `(T, 64, 64)`."""
    masks = np.zeros((len(lefts), 64, 64), np.uint8)
    for index, (mask, left) in enumerate(zip(masks, lefts, strict=True)):
        mask[10:50, left : left + 30] = SKIN
        if with_lip is None or with_lip[index]:
            mask[40:44, left + 8 : left + 22] = LIP
    return masks


def _own(masks: np.ndarray) -> torch.Tensor:
    return torch.cat(region_frames(one_hot(torch.from_numpy(masks)), hung_mouth=True), 2)


def test_without_a_window_each_frame_has_its_own() -> None:
    masks = _faces([10, 11, 13, 12])
    torch.testing.assert_close(steady_frames([masks[:3], masks[3:]], 1, CPU, hung_mouth=True), _own(masks))


def test_what_trembles_is_held_and_what_moves_evenly_goes_on() -> None:
    trembling = _faces([12, 14] * 8)
    centre_x = steady_frames([trembling], 9, CPU, hung_mouth=True)[4:-4, SKIN, 0]
    assert centre_x.std() < 0.15 * _own(trembling)[4:-4, SKIN, 0].std()
    moving = _faces(range(4, 24))
    torch.testing.assert_close(
        steady_frames([moving], 9, CPU, hung_mouth=True)[:, SKIN], _own(moving)[:, SKIN], atol=1e-4, rtol=0
    )


def test_frames_without_a_region_do_not_draw_it_to_the_middle() -> None:
    seen = [True, False, True, True, True, False, True]
    masks = _faces([20] * 7, seen)
    steady = steady_frames([masks], 5, CPU, hung_mouth=True)[np.array(seen)]
    torch.testing.assert_close(steady[:, LIP], _own(masks)[np.array(seen)][:, LIP])
    # a region that is never there has the frame it has alone
    assert torch.equal(steady[:, EYES], _own(masks)[np.array(seen)][:, EYES])


@pytest.mark.parametrize("size", [1, 3, 16])
def test_it_does_not_matter_how_many_masks_come_at_a_time(size: int) -> None:
    masks = _faces([10, 12, 11, 14, 13, 10, 9, 12, 15, 14, 12, 11])
    parts = [masks[first : first + size] for first in range(0, len(masks), size)]
    torch.testing.assert_close(
        steady_frames(parts, 5, CPU, hung_mouth=True), steady_frames([masks], 5, CPU, hung_mouth=True)
    )


def test_axes_stay_of_length_one() -> None:
    masks = _faces([12] * 6)
    for index in range(6):  # eyes that lean more and more, so the head rolls
        for column in range(16, 36):
            row = 20 + round((column - 26) * 0.12 * (index - 2.5))
            masks[index, row : row + 2, column] = EYES
    axes = steady_frames([masks], 5, CPU, hung_mouth=True)[:, SKIN, 2:4]
    assert axes[:, 1].abs().max() > 0.05
    torch.testing.assert_close(axes.norm(dim=1), torch.ones(6))
