"""Two processes learn what one does from twice the batch, and go on after one of them was killed."""

import multiprocessing
import os
import signal
import socket
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import Dataset

from datamodules.draws import DrawDataModule
from lightning_modules.sgi import Smoothing
from lightning_modules.training import FitSettings, fit

from .drawn_talks import Talks
from .test_sgi import Faces
from .test_sgi import _module as sgi_module
from .test_sync import _held_out_sync, _sync_module, _sync_sample
from .training_runs import PLAIN

EPOCH_STEPS, EPOCHS = 4, 3
STEP_SAMPLES = 4  # of a step, however many processes share them
LIMIT_S = 300
Kind = Literal["sgi", "game", "paths", "sync"]


class Deadly(Dataset):
    """Samples of another one; one of them is not survived."""

    def __init__(self, samples: Dataset, deadly_draw: int) -> None:
        self.samples, self.deadly_draw = samples, deadly_draw

    def __getitem__(self, draw: int):
        if draw == self.deadly_draw:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.samples[draw]


def _without_norm(net: nn.Module) -> None:
    """Takes batch normalisation out: its mean is that of one process's batch."""
    for parent in list(net.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, nn.Identity())


def _sgi() -> tuple[pl.LightningModule, Dataset, list]:
    """Of its steps the last seven are adversarial."""
    module = sgi_module(adversarial_steps=7)
    # no Adam: it makes steps of the rounding of gradients that are nearly nothing
    module.make_optimizer = module.make_discriminator_optimizer = partial(torch.optim.SGD, lr=0.05)
    return module, Faces(), [Faces()[1000]]


def _game(path_weight: float) -> tuple[pl.LightningModule, Dataset, list]:
    """The same with StyleGAN2's game, R1 in every second of its steps, and perhaps lengths of paths."""
    module, samples, held_out = _sgi()
    module.game, module.smoothing = "softplus", Smoothing(1.0, r1_every=2, path_every=2, path_shrink=2, path_decay=0.1)
    module.loss_weights["path_length"] = path_weight
    return module, samples, held_out


def _sync() -> tuple[pl.LightningModule, Dataset, list]:
    module = _sync_module("contrast", EPOCHS * EPOCH_STEPS)
    _without_norm(module.expert)
    module.make_optimizer = partial(torch.optim.SGD, lr=0.05)
    return module, Talks(_sync_sample), _held_out_sync()


def _train_here(kind: Kind, folder: Path, processes: int, deadly_draw: int, variables: dict[str, str]) -> None:
    """One of the processes."""
    os.environ.update(variables)
    torch.set_num_threads(1)
    make = {"sgi": _sgi, "game": partial(_game, 0.0), "paths": partial(_game, 0.01), "sync": _sync}[kind]
    module, samples, held_out = make()
    data = DrawDataModule(
        train=Deadly(samples, deadly_draw),
        held_out=held_out,  # type: ignore[arg-type]
        epoch_steps=EPOCH_STEPS,
        accumulate=1,
        batch_size=STEP_SAMPLES // processes,
        eval_batch_size=None if kind == "sync" else 1,
        workers=0,
    )
    settings = FitSettings(**PLAIN | {"seed": 5, "processes": processes})
    export = partial(torch.save, module.state_dict(), folder / "weights.pt")
    fit(module, data, settings, folder=folder, label=kind, epochs=EPOCHS, export=export)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _train(kind: Kind, folder: Path, processes: int, deadly_draw: int = -1) -> list[int | None]:
    """Trains in processes of their own, which Lightning takes as started from outside; their exit codes."""
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port()), "GLOO_SOCKET_IFNAME": "lo"}
    # forked: to import everything again takes longer than to train
    context, running = multiprocessing.get_context("fork"), []
    for rank in range(processes):
        variables = address | {"LOCAL_RANK": str(rank), "NODE_RANK": "0"} if processes > 1 else {}
        running.append(context.Process(target=_train_here, args=(kind, folder, processes, deadly_draw, variables)))
    for process in running:
        process.start()
    for process in running:
        process.join(LIMIT_S)
        process.kill()
    return [process.exitcode for process in running]


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "weights.pt", weights_only=True)


def _assert_alike(one: Path, two: Path) -> None:
    weights, others = _weights(one), _weights(two)
    assert weights.keys() == others.keys()
    for name, values in weights.items():
        torch.testing.assert_close(others[name], values, rtol=1e-4, atol=1e-5, msg=name)
    history, other_history = (pd.read_csv(folder / "history.csv") for folder in (one, two))
    assert list(history["name"]) == list(other_history["name"])
    np.testing.assert_allclose(other_history["value"], history["value"], rtol=2e-3)


def test_sgi_learns_alike_and_resumes_exactly(tmp_path: Path) -> None:
    one, two, broken = (tmp_path / name for name in ("one", "two", "broken"))
    assert _train("sgi", one, 1) == [0]
    assert _train("sgi", two, 2) == [0, 0]
    _assert_alike(one, two)
    # rank 1's first sample of the seventh step, in the adversarial part, after the first epoch was saved
    deadly_draw = (EPOCH_STEPS + 2) * STEP_SAMPLES + STEP_SAMPLES // 2
    codes = _train("sgi", broken, 2, deadly_draw)
    assert codes[1] == -signal.SIGKILL
    assert codes[0] != 0
    assert (broken / "last.ckpt").is_file()
    assert not (broken / "weights.pt").exists()
    assert _train("sgi", broken, 2) == [0, 0]
    assert all(torch.equal(values, _weights(broken)[name]) for name, values in _weights(two).items())
    assert (broken / "history.csv").read_bytes() == (two / "history.csv").read_bytes()


def test_style_gans_game_is_played_alike(tmp_path: Path) -> None:
    one, two, paths = (tmp_path / name for name in ("one", "two", "paths"))
    assert _train("game", one, 1) == [0]
    assert _train("game", two, 2) == [0, 0]
    _assert_alike(one, two)
    assert "train/r1" in set(pd.read_csv(two / "history.csv")["name"])
    # each process draws its own images to measure paths by, so one and two differ
    assert _train("paths", paths, 2) == [0, 0]
    weights = _weights(paths)
    assert weights["mean_path_length"] > 0
    assert not torch.equal(
        weights["generator.generator.start.weight"], _weights(two)["generator.generator.start.weight"]
    )


def test_a_sync_expert_learns_from_negatives_of_both_processes(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert _train("sync", one, 1) == [0]
    assert _train("sync", two, 2) == [0, 0]
    _assert_alike(one, two)
