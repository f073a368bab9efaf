"""What a GPU gives in a quarter of an hour, in one table: `benchmarks/gpu.sh`, or

    python -m benchmarks.gpu --experiment hdtf --pairs DIR --train-seconds 300 --out gpu

- the device: matrix products in bf16 and copies, the roof over everything else;
- the region convolution beside a plain one and one pass a region (`benchmarks.region_convolution`);
- images a second and peak memory of a step of each training of the experiment, in float32 and in bfloat16, on random
  batches; the renderer's both parts, before and with its discriminator;
- a renderer at 256 px that learns from photographs in DIR for so many seconds: PSNR on photographs held out, and a
  sheet of them (`faces.png`: photograph, painted from its own codes).

Needs torch, Lightning, numpy, OpenCV, pandas, SciPy, Pillow, tqdm, pydantic and ruamel.yaml; no DVC, Prefect or MLflow.
"""

import argparse
import math
import time
from collections.abc import Callable, Iterator
from itertools import chain, product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from benchmarks.faces import labelled_faces
from benchmarks.region_convolution import Ways, largest_errors, seconds
from benchmarks.training_batches import BATCHES, Batch, images_in
from datamodules.draws import DrawDataModule
from flows.stages.common import quiet
from flows.stages.train_parser import parser_module
from flows.stages.train_sgi import sgi_data, sgi_module
from flows.stages.train_sync import expert_net, sync_module
from flows.stages.train_tsg import tsg_module
from flows.stages.train_wav2lip import wav2lip_module
from segtalker.config.experiment import compose
from segtalker.config.params import Params
from segtalker.nets.layers import shrink
from segtalker.nets.tensors import one_hot, to_frames

_PRECISIONS: tuple[Any, ...] = ("32-true", "bf16-mixed")
_MATRIX = 8192
_COPY_BYTES = 2**32
_SHEET_FACES = 8
Row = tuple[str, str]


def _synchronise(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def _mean_seconds(work: Callable[[], Any], device: str, repeats: int = 10) -> float:
    """Seconds of one call, after three to warm up."""
    for _ in range(3):
        work()
    _synchronise(device)
    started = time.perf_counter()
    for _ in range(repeats):
        work()
    _synchronise(device)
    return (time.perf_counter() - started) / repeats


def device_rows(device: str) -> Iterator[Row]:
    """What the device can do at best; on a CPU its name alone."""
    if device == "cpu":
        yield "device", f"CPU, {torch.get_num_threads()} threads, torch {torch.__version__}"
        return
    yield "device", f"{torch.cuda.get_device_name()}, torch {torch.__version__}, CUDA {torch.version.cuda}"
    left, right = (torch.randn(_MATRIX, _MATRIX, device=device, dtype=torch.bfloat16) for _ in range(2))
    rate = 2 * _MATRIX**3 / _mean_seconds(lambda: left @ right, device)
    yield f"bf16 matrix product, {_MATRIX} a side", f"{rate / 1e12:.0f} TFLOP/s"
    source = torch.empty(_COPY_BYTES // 2, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    speed = _COPY_BYTES / _mean_seconds(lambda: target.copy_(source), device)
    yield "copy, read and written", f"{speed / 1e12:.2f} TB/s"


def convolution_rows(device: str, sizes: list[int], channels: list[int]) -> Iterator[Row]:
    """Forward and backward of one layer, as ratios to a plain convolution."""
    labels = torch.from_numpy(labelled_faces(2, max(sizes))[1]).to(device)
    for size, width in product(sizes, channels):
        ways = Ways(shrink(one_hot(labels), size), width)
        times, errors = seconds(ways, turns=5), largest_errors(ways)
        ratios = ", ".join(f"{name} {value / times['plain']:.2f}" for name, value in times.items() if name != "plain")
        yield f"convolution, {size} px, {width} channels, x plain", f"{ratios}; error exact {errors['exact']:.0e}"


class _OneBatch(Dataset):
    """The same batch at every step."""

    def __init__(self, batch: Batch, steps: int) -> None:
        self.batch, self.steps = batch, steps

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> Batch:
        return self.batch


class _StepSeconds(pl.Callback):
    """Seconds of a step, without the first ones."""

    def __init__(self, device: str, first: int) -> None:
        self.device, self.first = device, first

    def on_train_start(self, *_: Any) -> None:
        self.steps = 0

    def on_train_batch_end(self, *_: Any) -> None:
        self.steps += 1
        if self.steps == self.first:
            _synchronise(self.device)
            self.started = time.perf_counter()

    def on_train_end(self, *_: Any) -> None:
        _synchronise(self.device)
        self.seconds = (time.perf_counter() - self.started) / (self.steps - self.first)


def _trainer(device: str, precision: Any, **settings: Any) -> pl.Trainer:
    return pl.Trainer(
        accelerator="gpu" if device == "cuda" else "cpu",
        devices=1,
        precision=precision,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        **settings,
    )


def _modules(params: Params) -> dict[str, Callable[[], pl.LightningModule]]:
    """The trainings of an experiment, by the names of `BATCHES`."""
    return {
        "train_parser": lambda: parser_module(params),
        "train_sync, masks": lambda: sync_module("mask", params),
        "train_sync, images": lambda: sync_module("image", params),
        "train_tsg": lambda: tsg_module(params, expert_net("mask", params)),
        "train_sgi": lambda: sgi_module(params, None),
        "train_wav2lip": lambda: wav2lip_module(params, expert_net("image", params)),
    }


def _with(params: Params, **changes: dict[str, Any]) -> Params:
    """The params with some values of some sections changed."""
    sections = {name: getattr(params, name).model_copy(update=values) for name, values in changes.items()}
    return params.model_copy(update=sections)


def training_rows(params: Params, device: str, steps: int) -> Iterator[Row]:
    """Images a second and memory of every training, in both precisions."""
    gan = _with(params, train_sgi={"reconstruction_steps": 0})
    trainings = [(name, name, params) for name in BATCHES] + [("train_sgi", "train_sgi with discriminator", gan)]
    for (name, title, settings), precision in product(trainings, _PRECISIONS):
        if device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        timer = _StepSeconds(device, first=max(1, steps // 4))
        module = _modules(settings)[name]()
        loader = DataLoader(_OneBatch(BATCHES[name](settings), steps), batch_size=None)
        try:
            _trainer(device, precision, max_epochs=1, callbacks=[timer]).fit(module, loader)
        except RuntimeError as error:  # out of memory, or an operation a precision lacks: the others are still measured
            yield f"{title}, {precision}", f"failed: {' '.join(str(error).split())[:100]}"
            continue
        finite = all(bool(weight.isfinite().all()) for weight in module.parameters())
        memory = f", {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB" if device == "cuda" else ""
        rate = images_in(settings)[name] / timer.seconds
        yield f"{title}, {precision}", f"{rate:.0f} images/s{memory}{'' if finite else ', weights not finite'}"


class _Deadline(pl.Callback):
    """Ends a training in time."""

    def __init__(self, seconds: float) -> None:
        self.ends = time.monotonic() + seconds

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        trainer.should_stop = trainer.should_stop or time.monotonic() > self.ends


def _fit_pairs(params: Params, data: DrawDataModule, device: str, seconds: float) -> tuple[Any, dict[str, float], int]:
    """Trains the renderer until its time is over; the module, its scores and its steps."""
    module = sgi_module(params, None)
    trainer = _trainer(
        device, "bf16-mixed" if device == "cuda" else "32-true", max_epochs=-1, limit_val_batches=0, min_epochs=0,
        callbacks=[_Deadline(seconds)],
    )  # fmt: skip
    trainer.fit(module, data)
    scores = _trainer(device, "32-true").validate(module, data, verbose=False)[0]
    return module, {name: float(value) for name, value in scores.items()}, int(module.step)


def _step_seconds(params: Params, data: DrawDataModule, device: str, seconds: float) -> float:
    """How long a step with the discriminator takes, data and validation included."""
    started = time.monotonic()
    _, _, steps = _fit_pairs(_with(params, train_sgi={"reconstruction_steps": 0}), data, device, seconds)
    return (time.monotonic() - started) / max(1, steps)


def learning_rows(params: Params, device: str, seconds: float, out: Path) -> Iterator[Row]:
    """A renderer that learns from photographs for so long, two thirds of it without a discriminator."""
    data = sgi_data(params, Path(), "")
    steps = max(2, int(seconds / _step_seconds(params, data, device, seconds / 20)))
    counts = {"reconstruction_steps": math.ceil(steps * 2 / 3), "adversarial_steps": steps // 3}
    module, scores, done = _fit_pairs(_with(params, train_sgi=counts), data, device, seconds)
    yield (
        f"renderer, {params.base.image_size} px, {done} steps of {params.train_sgi.batch_size}",
        ", ".join(f"{name.removeprefix('val/')} {value:.2f} dB" for name, value in scores.items()),
    )
    _write_sheet(module.to(device), data, device, out / "faces.png")
    yield "sheet", str(out / "faces.png")


@torch.no_grad()
def _write_sheet(module: Any, data: DrawDataModule, device: str, path: Path) -> None:
    """Held-out photographs above, painted from their own codes below."""
    batch = next(iter(DataLoader(data.held_out_set, batch_size=_SHEET_FACES)))
    on_device: dict[str, Tensor] = {name: values.to(device) for name, values in batch.items()}
    painted, _ = module.render(module.average, on_device)
    sheet = np.concatenate([np.concatenate(list(to_frames(images)), 1) for images in (on_device["target"], painted)], 0)
    cv2.imwrite(str(path), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))


def _parsed_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="what a GPU gives")
    parser.add_argument("--experiment", default="hdtf", help="whose networks' steps are measured")
    parser.add_argument("--pairs", type=Path, help="folder with images/ and labels/ to learn from; none: not measured")
    parser.add_argument("--train-seconds", type=float, default=300.0)
    parser.add_argument("--steps", type=int, default=24, help="measured of each training")
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 256], help="of the convolution, px")
    parser.add_argument("--channels", type=int, nargs="+", default=[64, 256], help="of the convolution")
    parser.add_argument(
        "--set", action="append", default=[], dest="settings", metavar="KEY=VALUE", help="of the renderer"
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, default=Path("gpu"), help="folder of table.md and faces.png")
    return parser.parse_args()


def main() -> None:
    """Measures, prints row by row, and keeps the table."""
    wanted = _parsed_arguments()
    quiet()
    wanted.out.mkdir(parents=True, exist_ok=True)
    _, params = compose(Path(), wanted.experiment, [])
    parts = [
        device_rows(wanted.device),
        convolution_rows(wanted.device, wanted.sizes, wanted.channels),
        training_rows(params, wanted.device, wanted.steps),
    ]
    if wanted.pairs:
        _, faces = compose(Path(), "real-faces", [f"training.pairs.root={wanted.pairs}", *wanted.settings])
        faces = _with(faces, train_sgi={"data": "pairs", "datasets": {}})
        parts.append(learning_rows(faces, wanted.device, wanted.train_seconds, wanted.out))
    with (wanted.out / "table.md").open("w", encoding="utf-8") as table:
        for what, value in chain([("what", "measured"), ("---", "---")], *parts):
            line = f"| {what} | {value} |"
            print(line, flush=True)
            print(line, file=table, flush=True)


if __name__ == "__main__":
    main()
