"""From frames to region masks with a frozen parser."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from segtalker.checkpoints import load_net
from segtalker.clips import ImagePack, write_images
from segtalker.nets.external.bisenet import load_bisenet
from segtalker.nets.parser import PARSER_KIND, FaceParser


@dataclass(frozen=True)
class ParserChoice:
    """Which parser to use.

    Args:
        backend: `trained` (by this project) or `bisenet` (published).
        path: its weights.
        device: where it runs.
    """

    backend: Literal["trained", "bisenet"]
    path: Path
    device: str


@functools.cache
def load_parser(choice: ParserChoice) -> nn.Module:
    """Reads a parser once in each process; on the CPU it runs on one thread, for clips run in parallel.

    Returns:
        A frozen network: RGB `(B, 3, H, W)` in [-1, 1] -> logits `(B, K, H, W)`.
    """
    if choice.device == "cpu":
        torch.set_num_threads(1)
    if choice.backend == "bisenet":
        return load_bisenet(choice.path).to(choice.device)
    return load_net(choice.path, PARSER_KIND, FaceParser).to(choice.device)


def parse_frames(parser: nn.Module, frames: np.ndarray, batch_size: int) -> np.ndarray:
    """Names the region of every pixel.

    Args:
        parser: RGB `(B, 3, H, W)` in [-1, 1] -> logits `(B, K, H, W)`.
        frames: `(T, H, W, 3)`, uint8.
        batch_size: frames at once.

    Returns:
        Region indices, `(T, H, W)`, uint8 in 0-11.
    """
    assert frames.ndim == 4, frames.shape
    assert frames.shape[3] == 3, frames.shape
    device = next(parser.parameters()).device
    parts = []
    with torch.inference_mode():
        for start in range(0, len(frames), batch_size):
            batch = torch.from_numpy(frames[start : start + batch_size]).to(device).permute(0, 3, 1, 2)
            parts.append(parser(batch.float().div_(127.5).sub_(1.0)).argmax(dim=1).to(torch.uint8).cpu())
    return torch.cat(parts).numpy()


def parse_clip(choice: ParserChoice, crops: Path, batch_size: int, row: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Parses one clip into `masks.zip`; see `segtalker.clip_runner.run_clips`.

    Args:
        choice: the parser.
        crops: folder of the cropped clips.
        batch_size: frames at once.
        row: of `data/crop/<dataset>/clips.csv`.
        folder: empty folder of the clip.

    Returns:
        No new columns.
    """
    frames = iter(ImagePack(crops / row["clip_id"] / "frames.zip"))
    write_images(folder / "masks.zip", _masks(load_parser(choice), frames, batch_size), ".pgm")
    return {}


def _masks(parser: nn.Module, frames: Iterator[np.ndarray], batch_size: int) -> Iterator[np.ndarray]:
    while batch := list(islice(frames, batch_size)):
        yield from parse_frames(parser, np.stack(batch), batch_size)
