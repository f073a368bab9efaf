"""A network knows the arguments it was built with, whatever is done to it afterwards."""

import copy
import pickle

import pytest
import torch
from torch import nn

from segtalker.nets.network import Network


class Line(Network):
    kind = "line"

    def __init__(self, *, width: int, taps: tuple[int, ...]) -> None:
        super().__init__()
        self.layer = nn.Linear(width, len(taps))


def test_it_keeps_its_arguments_and_no_weight_of_them() -> None:
    net = Line(width=2, taps=(1, 3))
    assert net.config == {"width": 2, "taps": (1, 3)}
    assert set(net.state_dict()) == {"layer.weight", "layer.bias"}
    assert Line(width=5, taps=(2,)).config == {"width": 5, "taps": (2,)}
    assert net.config["width"] == 2


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copy_keeps_them_too(duplicate) -> None:
    net = Line(width=2, taps=(1, 3))
    twin = duplicate(net)
    assert twin.config == net.config
    assert torch.equal(twin.layer.weight, net.layer.weight)


def test_an_argument_without_its_name_is_refused() -> None:
    with pytest.raises(TypeError):
        Line(2, (1, 3))  # type: ignore[misc]
