"""What a GPU gives in a quarter of an hour, in one table: `benchmarks/gpu.sh`, or

    python -m benchmarks.gpu --experiment hdtf --pairs DIR --train-seconds 300 --out gpu

- the tests of networks on a GPU;
- the device: matrix products in bf16 and copies, the roof over everything else;
- the region convolution beside a plain one and one pass a region (`benchmarks.region_convolution`);
- images a second and peak memory of a step of each training of the experiment, in float32 and in bfloat16, on random
  batches; the renderer's both parts, before and with its discriminator;
- a renderer at 256 px that learns from photographs in DIR for so many seconds: PSNR on photographs held out, and a
  sheet of them (`faces.png`: photograph, painted from its own codes).

Trainings do what the stages do (`training.deterministic` and the like of the experiment); times leave out the first
steps. The exit code is 1 where a test failed. Needs torch, Lightning, numpy, OpenCV, pandas, SciPy, Pillow, tqdm,
pydantic and ruamel.yaml; no DVC, Prefect or MLflow.
"""

import argparse
import gc
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
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
_LEAST_STEPS = 3
_LOADER_WORKERS = 8
_ROOT = Path(__file__).parents[1]
_TESTS = "tests/unit/nets/test_cuda.py"
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


def tests_row() -> tuple[Row, bool]:
    """What the tests of networks on a GPU say, and whether none failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--noconftest", "-o", "addopts=", _TESTS]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return ("tests on a GPU", lines[-1] if lines else "no answer"), done.returncode == 0


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


def _trainer(params: Params, device: str, precision: Any, **settings: Any) -> pl.Trainer:
    return pl.Trainer(
        deterministic=params.training.deterministic,
        benchmark=params.training.cudnn_benchmark,
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
            _trainer(settings, device, precision, max_epochs=1, callbacks=[timer]).fit(module, loader)
        except RuntimeError as error:  # out of memory, or an operation a precision lacks: the others are still measured
            yield f"{title}, {precision}", f"failed: {' '.join(str(error).split())[:100]}"
            del module
            gc.collect()
            continue
        finite = all(bool(weight.isfinite().all()) for weight in module.parameters())
        memory = f", {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB" if device == "cuda" else ""
        rate = images_in(settings)[name] / timer.seconds
        yield f"{title}, {precision}", f"{rate:.0f} images/s{memory}{'' if finite else ', weights not finite'}"


class _Deadline(pl.Callback):
    """Ends a training in time, but not before its third step."""

    def __init__(self, seconds: float) -> None:
        self.ends = time.monotonic() + seconds

    def on_train_batch_end(self, trainer: pl.Trainer, module: Any, *_: Any) -> None:
        trainer.should_stop = trainer.should_stop or (module.step >= _LEAST_STEPS and time.monotonic() > self.ends)


def _fit_pairs(params: Params, data: DrawDataModule, device: str, seconds: float) -> tuple[Any, float]:
    """Trains the renderer until its time is over; the module, and seconds of a step."""
    module, timer = sgi_module(params, None), _StepSeconds(device, first=1)
    precision = "bf16-mixed" if device == "cuda" else "32-true"
    callbacks = [_Deadline(seconds), timer]
    trainer = _trainer(params, device, precision, max_epochs=-1, limit_val_batches=0, min_epochs=0, callbacks=callbacks)
    trainer.fit(module, data)
    return module, timer.seconds


def learning_rows(params: Params, device: str, seconds: float, out: Path) -> Iterator[Row]:
    """A renderer that learns from photographs for so long, two thirds of it without a discriminator."""
    data = sgi_data(params, Path(), "")
    _, step_seconds = _fit_pairs(_with(params, train_sgi={"reconstruction_steps": 0}), data, device, seconds / 20)
    steps = max(_LEAST_STEPS, int(seconds / step_seconds))
    counts = {"reconstruction_steps": steps - steps // 3, "adversarial_steps": steps // 3}
    module, _ = _fit_pairs(_with(params, train_sgi=counts), data, device, seconds)
    scores = _trainer(params, device, "32-true").validate(module, data, verbose=False)[0]
    done = f"{int(module.step)} of {steps} steps of {params.train_sgi.batch_size}"
    psnr = ", ".join(f"{name.removeprefix('val/')} {float(value):.2f} dB" for name, value in scores.items())
    yield f"renderer, {params.base.image_size} px, {done}", psnr
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


def _parts(wanted: argparse.Namespace) -> Iterator[Iterable[Row]]:
    """What is measured, part after part."""
    yield device_rows(wanted.device)
    yield convolution_rows(wanted.device, wanted.sizes, wanted.channels)
    yield training_rows(compose(_ROOT, wanted.experiment, [])[1], wanted.device, wanted.steps)
    if wanted.pairs:
        _, faces = compose(_ROOT, "real-faces", [f"training.pairs.root={wanted.pairs.resolve()}", *wanted.settings])
        faces = _with(faces, train_sgi={"data": "pairs", "datasets": {}})
        if wanted.device == "cuda":
            faces = _with(faces, machine={"loader_workers": _LOADER_WORKERS})
        yield learning_rows(faces, wanted.device, wanted.train_seconds, wanted.out)


def main() -> int:
    """Measures, prints row by row, and keeps the table."""
    wanted = _parsed_arguments()
    quiet()
    wanted.out.mkdir(parents=True, exist_ok=True)
    tests, passed = tests_row()
    with (wanted.out / "table.md").open("w", encoding="utf-8") as table:
        for what, value in chain([("what", "measured"), ("---", "---"), tests], chain.from_iterable(_parts(wanted))):
            line = f"| {what} | {value} |"
            print(line, flush=True)
            print(line, file=table, flush=True)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
