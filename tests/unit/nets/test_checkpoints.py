"""Checkpoints build the network they hold and run no code of a stranger."""

import pickle
from pathlib import Path

import pytest
import torch
from torch import nn

from flows.stages.train_parser import parser_net
from flows.stages.train_sgi import sgi_module
from flows.stages.train_sync import DOMAINS, expert_net
from flows.stages.train_tsg import tsg_net
from flows.stages.train_wav2lip import wav2lip_net
from segtalker.config.params import Params, load_params
from segtalker.nets.checkpoints import checkpoint_signature, load_net, save_net
from segtalker.nets.network import Network
from segtalker.utils.errors import BadInputError, MissingWeightsError

ROOT = Path(__file__).parents[3]


class Scale(Network):
    kind = "scale"

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width))


class Shift(Scale):
    kind = "shift"


class Bomb:
    def __reduce__(self):
        return (Path("/tmp/segtalker-bomb").touch, ())


def test_round_trip(tmp_path: Path) -> None:
    net = Scale(width=5)
    save_net(tmp_path / "net.ckpt", net, "f" * 64)
    loaded = load_net(tmp_path / "net.ckpt", Scale)
    assert torch.equal(loaded.weight, net.weight)
    assert loaded.config == {"width": 5}
    assert not loaded.training
    assert not loaded.weight.requires_grad
    assert checkpoint_signature(tmp_path / "net.ckpt") == "f" * 64


def test_equal_networks_are_equal_bytes_in_any_folder(tmp_path: Path) -> None:
    nets = [Scale(width=5), Scale(width=5)]
    nets[1].load_state_dict(nets[0].state_dict())
    places = [tmp_path / "first" / "net.ckpt", tmp_path / "second" / "other.ckpt", tmp_path / "first" / "net.ckpt"]
    written = set()
    for place, net in zip(places, [*nets, nets[0]], strict=True):
        save_net(place, net, "f" * 64)
        written.add(place.read_bytes())
    assert len(written) == 1
    save_net(places[0], Scale(width=5), "f" * 64)
    assert places[0].read_bytes() not in written


def test_missing_file_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError, match="reproduce --until train_tsg"):
        load_net(tmp_path / "train_tsg" / "tsg.ckpt", Scale)


def test_another_kind_is_refused(tmp_path: Path) -> None:
    save_net(tmp_path / "net.ckpt", Scale(width=2), "f" * 64)
    with pytest.raises(BadInputError, match="not a shift checkpoint"):
        load_net(tmp_path / "net.ckpt", Shift)


@pytest.mark.parametrize("content", [b"", b"garbage", b"hello\nworld\n", b"\x80\x02.", pickle.dumps({"a": 1})])
def test_damaged_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "net.ckpt").write_bytes(content)
    with pytest.raises(BadInputError, match="not a readable checkpoint"):
        load_net(tmp_path / "net.ckpt", Scale)


@pytest.mark.parametrize("config", [{"width": 3}, {"height": 2}])
def test_arguments_that_do_not_build_it_are_refused(tmp_path: Path, config: dict[str, int]) -> None:
    net = Scale(width=2)
    net.config = config
    save_net(tmp_path / "net.ckpt", net, "f" * 64)
    with pytest.raises(BadInputError, match="this version cannot build"):
        load_net(tmp_path / "net.ckpt", Scale)


def test_code_in_a_checkpoint_does_not_run(tmp_path: Path) -> None:
    torch.save({"format": 1, "kind": "scale", "bomb": Bomb()}, tmp_path / "net.ckpt")
    with pytest.raises(BadInputError, match="not a readable checkpoint"):
        load_net(tmp_path / "net.ckpt", Scale)
    assert not Path("/tmp/segtalker-bomb").exists()


@pytest.fixture
def params() -> Params:
    return load_params(ROOT)


def test_checkpoints_rebuild_the_networks(params: Params, tmp_path: Path) -> None:
    experts = [expert_net(domain, params) for domain in DOMAINS]
    averages = sgi_module(params, parser=None).average.values()
    for net in (parser_net(params), tsg_net(params), wav2lip_net(params), *experts, *averages):
        save_net(tmp_path / "net.ckpt", net, "0" * 64)
        loaded = load_net(tmp_path / "net.ckpt", type(net))
        assert loaded.config == net.config
        assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in net.state_dict().items())
