"""A convolution with a style for each region, side by side with a plain one and with one pass a region.

Forward and backward of one 3x3 layer, on masks of photographs where SEGTALKER_REAL_DATA is set, else of rendered ones.
Ways take turns; times are medians, as ratios to the plain convolution. Memory is what one forward and backward adds to
the process (to the device, on a GPU), each way in a process of its own. The error is the largest difference from one
pass a region, as a share of its largest value.

    python -m benchmarks.region_convolution --sizes 64 128 256 --channels 64 128 256
"""

import argparse
import gc
import multiprocessing
import statistics
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.faces import labelled_faces
from segtalker.nets.layers import shrink
from segtalker.nets.region_convolution import RegionGrid, RegionModulatedConv, exact_grid
from segtalker.nets.tensors import one_hot
from segtalker.regions import NUM_REGIONS

_SIDE = 512  # px, of the masks before they shrink
_STYLE = 64
_KIB_A_MIB = 1024


class Ways:
    """The same layer computed in several ways.

    Args:
        shares: of each region in each pixel, `(B, K, H, W)`.
        channels: in and out.
    """

    def __init__(self, shares: Tensor, channels: int) -> None:
        torch.manual_seed(0)
        device = shares.device
        self.shares, self.masks = shares, exact_grid(shares).masks
        self.layer = RegionModulatedConv(channels, channels, _STYLE, kernel=3, demodulate=True).to(device)
        batch, regions, height, width = shares.shape
        self.features = torch.randn(batch, channels, height, width, device=device, requires_grad=True)
        self.styles = torch.randn(batch, regions, _STYLE, device=device, requires_grad=True)
        self.named: dict[str, Callable[[], Tensor]] = {
            "plain": lambda: F.conv2d(self.features, self.layer.weight, padding=1),
            "blended": lambda: self.layer(self.features, self.styles, RegionGrid(self.masks)),
            "exact": lambda: self.layer(self.features, self.styles, exact_grid(self.shares)),
            "a pass a region": self.by_region,
        }

    def by_region(self) -> Tensor:
        """E4S: convolve with each region's style, mask and sum."""
        one_style = RegionGrid(torch.ones(1, 1, 1, 1, device=self.features.device))
        total = torch.zeros_like(self.features)
        for region in range(NUM_REGIONS):
            here = slice(region, region + 1)
            total = total + self.masks[:, here] * self.layer(self.features, self.styles[:, here], one_style)
        return total

    def step(self, name: str) -> None:
        """Forward and backward."""
        inputs: list[Tensor] = [self.features]
        inputs += [self.layer.weight] if name == "plain" else [self.styles, *self.layer.parameters()]
        torch.autograd.grad(self.named[name]().square().mean(), inputs)
        if self.features.is_cuda:
            torch.cuda.synchronize()


def seconds(ways: Ways, turns: int) -> dict[str, float]:
    """Median seconds of a step of each way, taking turns after one to warm up."""
    taken: dict[str, list[float]] = {name: [] for name in ways.named}
    for turn in range(turns + 1):
        for name, values in taken.items():
            started = time.perf_counter()
            ways.step(name)
            if turn:
                values.append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in taken.items()}


def _status_mebibytes(field: str) -> float:
    """A value of this process from Linux's `/proc/self/status`."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / _KIB_A_MIB


def added_mebibytes(shares: np.ndarray, channels: int, name: str, device: str) -> float:
    """Peak memory a step adds; to be called in a process of its own."""
    torch.set_num_threads(1)
    ways = Ways(torch.from_numpy(shares).to(device), channels)
    gc.collect()
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        allocated = torch.cuda.memory_allocated()
        ways.step(name)
        return (torch.cuda.max_memory_allocated() - allocated) / 2**20
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak starts anew
    before = _status_mebibytes("VmRSS")
    ways.step(name)
    return _status_mebibytes("VmHWM") - before


def largest_errors(ways: Ways) -> dict[str, float]:
    """Largest difference of each way from one pass a region, as a share of the largest value."""
    with torch.no_grad():
        truth = ways.by_region()
        names = ("blended", "exact")
        return {name: float((ways.named[name]() - truth).abs().max() / truth.abs().max()) for name in names}


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description="what exact borders cost")
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 256], help="sides, px, powers of two")
    parser.add_argument("--channels", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    labels = torch.from_numpy(labelled_faces(wanted.batch, _SIDE)[1])
    print("| px | channels | taps over borders | way | x plain | MiB | error |\n|--:|--:|--:|---|--:|--:|--:|")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__spec__.name if __spec__ else __name__])  # torch is imported once
    with context.Pool(1, maxtasksperchild=1) as pool:
        for size, channels in product(wanted.sizes, wanted.channels):
            ways = Ways(shrink(one_hot(labels.to(wanted.device)), size), channels)
            times, errors = seconds(ways, wanted.turns), largest_errors(ways)
            crossings = exact_grid(ways.shares).crossings
            taps = sum(crossings.counts if crossings else ()) / (9 * wanted.batch * size**2)
            for name, value in times.items():
                task = (ways.shares.cpu().numpy(), channels, name, wanted.device)
                memory, error = pool.apply(added_mebibytes, task), errors.get(name)
                cells = f"{value / times['plain']:.2f} | {memory:.0f} | {'' if error is None else f'{error:.1e}'}"
                print(f"| {size} | {channels} | {taps:.1%} | {name} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
