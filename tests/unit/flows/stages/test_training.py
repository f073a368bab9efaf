"""Optimisers of the training stages, and trainings that start from trained networks."""

from pathlib import Path

import pytest
import torch

from flows.stages.common import StageRun
from flows.stages.training import optimizer_factory, start_from_experiment
from segtalker.config.params import Params
from segtalker.config.workspace import Workspace
from segtalker.nets.checkpoints import save_net
from segtalker.nets.parser import FaceParser
from segtalker.utils.errors import BadInputError, MissingWeightsError


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


def _parser(channels: int, seed: int) -> FaceParser:
    torch.manual_seed(seed)
    return FaceParser(channels=channels, multipliers=(1, 2), regions=12)


def _run(params: Params, root: Path, earlier: str) -> StageRun:
    training = params.training.model_copy(update={"start_from": earlier})
    changed = params.model_copy(update={"training": training})
    return StageRun("train_parser", changed, Workspace(root, "d", "e"), "0" * 64, None)


def test_training_starts_from_the_networks_of_another_experiment(params: Params, tmp_path: Path) -> None:
    trained_net, net = _parser(4, seed=1), _parser(4, seed=2)
    save_net(tmp_path / "models/other/train_parser/parser.ckpt", trained_net, "0" * 64)
    start_from_experiment(_run(params, tmp_path, ""), {"parser": net})
    assert not torch.equal(net.head.weight, trained_net.head.weight)
    start_from_experiment(_run(params, tmp_path, "other"), {"parser": net})
    for name, value in trained_net.state_dict().items():
        assert torch.equal(net.state_dict()[name], value), name
    assert net.head.weight.requires_grad


def test_networks_of_another_shape_are_refused(params: Params, tmp_path: Path) -> None:
    save_net(tmp_path / "models/other/train_parser/parser.ckpt", _parser(4, seed=1), "0" * 64)
    with pytest.raises(BadInputError, match=r"parser\.ckpt: its network has channels 4, this experiment's 8"):
        start_from_experiment(_run(params, tmp_path, "other"), {"parser": _parser(8, seed=1)})
    with pytest.raises(MissingWeightsError, match=r"other/train_parser/tsg\.ckpt"):
        start_from_experiment(_run(params, tmp_path, "other"), {"tsg": _parser(4, seed=1)})
