"""From frames to region masks with a frozen parser."""

import functools
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import nn

from segtalker.config.data import Parse
from segtalker.faces.mask_smoothing import Scored, Smoothing, smooth
from segtalker.nets.checkpoints import load_net
from segtalker.nets.external.bisenet import load_bisenet
from segtalker.nets.parser import FaceParser
from segtalker.nets.pretrained import resolve_weights
from segtalker.nets.tensors import best_regions
from segtalker.utils.errors import MissingWeightsError


@dataclass(frozen=True)
class ParserChoice:
    """Which parser to use.

    Args:
        backend: `trained` (by this project) or `bisenet` (published).
        path: its weights.
        device: where it runs.
        precision: of its numbers: `32-true` or `bf16-true`.
    """

    backend: Literal["trained", "bisenet"]
    path: Path
    device: str
    precision: Literal["32-true", "bf16-true"]


class ParsedFrame(NamedTuple):
    """Region indices of a frame, `(H, W)`, uint8 in 0-11.

    Args:
        mask: averaged with its neighbours.
        alone: as the parser names the frame for itself.
    """

    mask: np.ndarray
    alone: np.ndarray


def choose_parser(settings: Parse, models: Path) -> ParserChoice:
    """The parser that params name, on the best device there is.

    Args:
        settings: of `parse`.
        models: `models/<experiment>`, which holds the trained one.

    Raises:
        MissingWeightsError: its weights are not there.
    """
    if settings.backend == "bisenet":
        path = resolve_weights("bisenet_face_parsing", settings.weights, "parse.weights")
    else:
        path = models / "train_parser" / "parser.ckpt"
    if not path.is_file():
        raise MissingWeightsError(f"{path}: not trained yet; run `segtalker reproduce --until train_parser`")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return ParserChoice(settings.backend, path, device, settings.precision)


@functools.cache
def load_parser(choice: ParserChoice) -> nn.Module:
    """Reads a parser once in each process; on the CPU it runs on one thread, for clips run in parallel.

    Returns:
        A frozen network: RGB `(B, 3, H, W)` in [-1, 1] -> logits `(B, K, H, W)`, both of its precision.
    """
    if choice.device == "cpu":
        torch.set_num_threads(1)
    kind = torch.bfloat16 if choice.precision == "bf16-true" else torch.float32
    bisenet = choice.backend == "bisenet"
    parser: nn.Module = load_bisenet(choice.path) if bisenet else load_net(choice.path, FaceParser).folded()
    return parser.to(choice.device, kind).to(memory_format=torch.channels_last)


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
    # a frame that is shown again is parsed once, as in a video that stands still
    firsts = np.flatnonzero([True, *(frames[1:] != frames[:-1]).any(axis=(1, 2, 3))])
    batches = (frames[firsts[start : start + batch_size]] for start in range(0, len(firsts), batch_size))
    with torch.inference_mode():
        regions = torch.cat([best_regions(_scores(parser, batch)[1]).cpu() for batch in batches]).numpy()
    return np.repeat(regions, np.diff(firsts, append=len(frames)), axis=0)


def _scores(parser: nn.Module, frames: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Colours in 0-255 and logits of frames, `(B, 3, H, W)` and `(B, K, H, W)`, float32, where the parser is."""
    weight = next(parser.parameters())
    colours = torch.from_numpy(frames).to(weight.device).permute(0, 3, 1, 2).float()
    logits = parser((colours / 127.5 - 1.0).to(weight.dtype)).float()
    return colours.contiguous(), logits.contiguous()  # plane by plane, as they are averaged fastest


def score_frames(parser: nn.Module, frames: Iterable[np.ndarray], batch_size: int) -> Iterator[Scored]:
    """Scores of every region at every pixel, frame by frame.

    Args:
        parser: see `parse_frames`.
        frames: RGB, each `(H, W, 3)`, uint8, all of one size.
        batch_size: frames at once.
    """
    frames = iter(frames)
    while batch := list(islice(frames, batch_size)):
        with torch.inference_mode():
            colours, logits = _scores(parser, np.stack(batch))
            regions = best_regions(logits)
        yield from map(Scored, colours, logits, regions)


def parse_video(
    parser: nn.Module, frames: Iterable[np.ndarray], batch_size: int, smoothing: Smoothing
) -> Iterator[ParsedFrame]:
    """Names the region of every pixel of neighbouring frames, averaged over time against flicker.

    Args:
        parser: see `parse_frames`.
        frames: RGB in order of time, each `(H, W, 3)`, uint8, all of one size.
        batch_size: frames at once.
        smoothing: how they are averaged; memory holds `batch_size` + `smoothing.frames` frames.
    """
    alone: deque[np.ndarray] = deque()

    def noted() -> Iterator[Scored]:
        for frame_scores in score_frames(parser, frames, batch_size):
            alone.append(frame_scores.regions.cpu().numpy())
            yield frame_scores

    for regions in smooth(noted(), smoothing):
        yield ParsedFrame(regions.cpu().numpy(), alone.popleft())
