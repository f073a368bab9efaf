"""Optimisers of the training stages."""

import pytest
import torch

from flows.stages.training import optimizer_factory


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW])
def test_an_optimiser_steps_to_where_one_does_that_takes_tensors_one_by_one(kind: type[torch.optim.Optimizer]) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = [(8, 3, 3, 3), (8,), (5, 8), (1,)]
    together, apart = ([torch.ones(shape) for shape in shapes] for _ in range(2))
    settings = {"lr": 1e-2, "betas": (0.5, 0.99), "weight_decay": 0.01}
    optimizers = optimizer_factory(kind, **settings)(together), kind(apart, foreach=False, fused=False, **settings)
    for _ in range(20):
        for first, second in zip(together, apart, strict=True):
            first.grad = second.grad = torch.randn(first.shape, generator=generator)
        for optimizer in optimizers:
            optimizer.step()
    torch.testing.assert_close(together, apart)
