"""Published weights by their key names."""

import argparse
import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from segtalker.utils.errors import BadInputError, MissingWeightsError

_COUNTER = ".num_batches_tracked"


def load_published(path: Path, net_tensors: Mapping[str, Tensor], what: str, absent: str = "") -> dict[str, Tensor]:
    """Reads the tensors a network needs out of a published file; others in it are left alone.

    Args:
        path: a state dict, bare or under `state_dict`, `net_state_dict` or `g_ema`; read with `weights_only=True`.
        net_tensors: the network's tensors by their published names; only shapes matter, but for the counters of batch
            normalisation, which old files lack and inference does not use: those are passed through.
        what: names the weights in errors.
        absent: the name of a tensor that only a larger network has.

    Returns:
        The tensors, in the order of `net_tensors`.

    Raises:
        MissingWeightsError: there is no such file.
        BadInputError: it is damaged, of a larger network, or a tensor is missing or of another shape.
    """
    if not path.is_file():
        raise MissingWeightsError(f"{path}: no such file; it should hold {what}")
    try:
        # training checkpoints of StyleGAN2's PyTorch versions hold the command line beside the weights
        with torch.serialization.safe_globals([argparse.Namespace]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise BadInputError(f"{path}: not a readable file of weights ({reason})") from error
    for name in ("state_dict", "net_state_dict", "g_ema"):
        content = content.get(name, content) if isinstance(content, dict) else {}
    content = {name: value for name, value in net_tensors.items() if name.endswith(_COUNTER)} | content
    if absent in content:
        raise BadInputError(f"{path}: not {what}: it holds {absent}, so it is of a larger one")
    for name, value in net_tensors.items():
        if (shape := getattr(content.get(name), "shape", None)) != value.shape:
            shape = "missing" if shape is None else tuple(shape)
            raise BadInputError(f"{path}: not {what}: {name} is {shape}, expected {tuple(value.shape)}")
    return {name: content[name] for name in net_tensors}
