import torch

from segtalker.nets.tensors import best_regions
from segtalker.regions import NUM_REGIONS


def test_the_best_region_is_what_argmax_says_also_of_equal_scores() -> None:
    scores = torch.randint(0, 4, (2, NUM_REGIONS, 9, 7), generator=torch.Generator().manual_seed(0)).float()
    assert torch.equal(best_regions(scores), scores.argmax(dim=1).to(torch.uint8))
    swapped = scores.contiguous(memory_format=torch.channels_last)
    assert torch.equal(best_regions(swapped), scores.argmax(dim=1).to(torch.uint8))
