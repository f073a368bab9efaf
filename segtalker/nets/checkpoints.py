"""Trained networks on disk: weights, the arguments that build the network, and where they come from."""

import pickle
from pathlib import Path
from typing import TypeVar

import torch

from segtalker.nets.network import Network
from segtalker.utils.atomic import atomic_file
from segtalker.utils.errors import BadInputError, MissingWeightsError

Net = TypeVar("Net", bound=Network)
_FORMAT = 1
# what a file that is no checkpoint, or no longer one, makes of unpickling and building
_RUBBISH = (
    OSError, RuntimeError, EOFError, pickle.UnpicklingError, LookupError, TypeError, ValueError, AttributeError,
    AssertionError,
)  # fmt: skip


def save_net(path: Path, net: Network, signature: str) -> None:
    """Writes a network atomically, with its kind and the arguments that build it; its bytes depend on nothing else.

    Args:
        path: the file to write.
        net: the network.
        signature: the experiment it was trained in, 64 hex digits.
    """
    content = {
        "format": _FORMAT,
        "kind": net.kind,
        "config": net.config,
        "signature": signature,
        "state_dict": {name: value.detach().cpu() for name, value in net.state_dict().items()},
    }
    # to a path torch would write the file's name, here a random one, into the archive
    with atomic_file(path) as temporary, temporary.open("wb") as out:
        torch.save(content, out)


def load_net(path: Path, *networks: type[Net]) -> Net:
    """Reads a network written by `save_net`, on the CPU, frozen, in evaluation mode.

    Args:
        path: the file; read with `weights_only=True`.
        networks: its class, or those it may be of.

    Raises:
        MissingWeightsError: there is no such file.
        BadInputError: it is damaged or holds something else.
    """
    kinds = {network.kind: network for network in networks}
    names = " or ".join(kinds)
    if not path.is_file():
        raise MissingWeightsError(f"{path}: not trained yet; run `segtalker reproduce --until {path.parent.name}`")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except _RUBBISH as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise BadInputError(f"{path}: not a readable checkpoint ({reason}); delete it and train again") from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT or content.get("kind") not in kinds:
        raise BadInputError(f"{path}: not a {names} checkpoint of this version; train it again")
    try:
        net = kinds[content["kind"]](**content["config"])
        net.load_state_dict(content["state_dict"])
    except _RUBBISH as error:
        raise BadInputError(f"{path}: a {content['kind']} this version cannot build; train it again") from error
    return net.requires_grad_(False).eval()


def checkpoint_signature(path: Path) -> str:
    """The signature of the experiment a checkpoint was trained in."""
    return torch.load(path, map_location="cpu", weights_only=True, mmap=True)["signature"]
