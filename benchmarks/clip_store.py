"""How clips are best kept: samples a second, size and fidelity of every candidate, side by side.

A sample is what training reads: 5 neighbouring frames and 1 reference frame from anywhere in the clip, the region
masks of both, and the window of the mel spectrogram. One process, one thread, files in the page cache; clips and
places are drawn at random, the candidates take turns, so that a busy moment of the machine falls on all alike, and
the median of the turns counts.

Real material where `SEGTALKER_REAL_DATA` names a folder of it (frames of an HDTF clip; label maps of people, moved a
little from frame to frame), else frames and masks of the embedded dataset. Candidates whose package is not installed
(blosc2, zarr) are left out.

    python -m benchmarks.clip_store
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from benchmarks.clip_store_candidates import Reader, Store, candidates
from benchmarks.faces import rendered_person
from benchmarks.mask_codings import MASK_CODINGS
from segtalker.media.video import open_video
from segtalker.regions import merge_labels

WINDOW_FRAMES, FPS, MEL_BINS, MEL_COLUMNS = 5, 25, 80, 16
BASELINE = "PNG folder"


class Content(NamedTuple):
    """One clip: frames `(T, H, W, 3)` and masks `(T, H, W)`, uint8."""

    frames: np.ndarray
    masks: np.ndarray


class Line(NamedTuple):
    """What is printed of a candidate."""

    name: str
    samples_per_s: float
    mib: float
    psnr_min: float
    psnr_mean: float
    lossless_masks: bool
    encode_fps: float
    opening_ms: float


def real_clips(root: Path, size: int, clips: int, frames: int) -> Iterator[Content]:
    """Pieces of an HDTF clip, each with the label map of a person who sways a little."""
    video = open_video(next((root / "videos" / "hdtf").glob("*.mp4")), "pyav")
    decoded = (cv2.resize(frame.image, (size, size), interpolation=cv2.INTER_AREA) for frame in video)
    for _, path in zip(range(clips), sorted((root / "masks" / "labels").glob("*.png")), strict=False):
        piece = np.stack(list(islice(decoded, frames)))
        labels = merge_labels(np.asarray(Image.open(path)), "celebamask_hq")
        yield Content(piece, np.stack([_swayed(labels, size, frame) for frame in range(len(piece))]))


def _swayed(labels: np.ndarray, size: int, frame: int) -> np.ndarray:
    scale = size / labels.shape[0] * (1 + 0.02 * np.sin(frame / 17))
    shift = size * 0.02 * np.sin([frame / 11, frame / 7])
    matrix = np.array([[scale, 0.02 * np.sin(frame / 13), shift[0]], [-0.02 * np.sin(frame / 13), scale, shift[1]]])
    return cv2.warpAffine(labels, matrix, (size, size), flags=cv2.INTER_NEAREST)


def synthetic_clips(size: int, clips: int, frames: int) -> Iterator[Content]:
    """Rendered people who open and close their mouth."""
    for clip in range(clips):
        yield Content(*rendered_person(clip, size, frames))


def _size_mib(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def _psnr(stored: np.ndarray, frames: np.ndarray) -> np.ndarray:
    return np.array([min(cv2.PSNR(one, other), 99.0) for one, other in zip(stored, frames, strict=True)])


def _written(store: Store, folder: Path, contents: list[Content]) -> tuple[float, list[Path]]:
    """Writes every clip; returns frames a second and the folders."""
    folders = [folder / f"{number:03d}" for number in range(len(contents))]
    for path in folders:
        path.mkdir(parents=True)
    started = time.perf_counter()
    for path, content in zip(folders, contents, strict=True):
        store.write(path, content.frames, content.masks)
    return sum(len(content.frames) for content in contents) / (time.perf_counter() - started), folders


def _draws(contents: list[Content], samples: int, seed: int) -> list[tuple[int, list[int]]]:
    """Which clip and which frames each sample is made of."""
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(samples):
        clip = int(rng.integers(len(contents)))
        length = len(contents[clip].frames)
        first = int(rng.integers(length - WINDOW_FRAMES + 1))
        drawn.append((clip, [*range(first, first + WINDOW_FRAMES), int(rng.integers(length))]))
    return drawn


def _mel_window(folder: Path, first: int) -> np.ndarray:
    mel = np.load(folder / "mel.npy", mmap_mode="r")
    start = min(int(80 * first / FPS), mel.shape[1] - MEL_COLUMNS)
    return np.array(mel[:, start : start + MEL_COLUMNS])


def _turn(readers: list[Reader], folders: list[Path], draws: list[tuple[int, list[int]]]) -> float:
    """Samples a second of one candidate in one turn."""
    started = time.perf_counter()
    for clip, indices in draws:
        frames, masks = readers[clip](indices)
        mel = _mel_window(folders[clip], indices[0])
        assert len(frames) == len(masks) == len(indices), mel.shape
    return len(draws) / (time.perf_counter() - started)


def _opening_ms(open_clip: Callable[[Path], Reader], folders: list[Path]) -> float:
    """How much longer the first sample of a clip takes than the second."""
    waits = []
    for folder in folders:
        reader, times = open_clip(folder), [time.perf_counter()]
        for _ in range(2):
            reader([0, 1, 2, 3, 4, 0])
            times.append(time.perf_counter())
        waits.append((times[1] - times[0]) - (times[2] - times[1]))
    return max(statistics.median(waits) * 1e3, 0.0)


def measure(contents: list[Content], samples: int, turns: int) -> list[Line]:
    """Every candidate on the same clips and draws."""
    with tempfile.TemporaryDirectory() as name:
        stores = {store.name: store for store in candidates(contents[0].frames[::5], Path(name))}
        written = {key: _written(store, Path(name) / key, contents) for key, store in stores.items()}
        sizes = {key: sum(map(_size_mib, folders)) for key, (_, folders) in written.items()}
        for _, folders in written.values():
            for folder, content in zip(folders, contents, strict=True):
                mel = np.zeros((MEL_BINS, round(80 * len(content.frames) / FPS)), np.float32)
                np.save(folder / "mel.npy", mel)
        openings = {key: _opening_ms(stores[key].open, folders) for key, (_, folders) in written.items()}
        readers = {key: [stores[key].open(folder) for folder in folders] for key, (_, folders) in written.items()}
        rates: dict[str, list[float]] = {key: [] for key in stores}
        for turn in range(turns + 1):  # the first one fills the page cache
            draws = _draws(contents, samples, turn)
            for key in stores:
                rates[key].append(_turn(readers[key], written[key][1], draws))
        lines = []
        for key in stores:
            stored = [reader(range(len(clip.frames))) for reader, clip in zip(readers[key], contents, strict=True)]
            pairs = list(zip(stored, contents, strict=True))
            psnr = np.concatenate([_psnr(frames, clip.frames) for (frames, _), clip in pairs])
            same = all(np.array_equal(masks, clip.masks) for (_, masks), clip in pairs)
            speed = statistics.median(rates[key][1:])
            lines.append(Line(key, speed, sizes[key], psnr.min(), psnr.mean(), same, written[key][0], openings[key]))
        return lines


def print_stores(lines: list[Line]) -> None:
    """The table of stores, in Markdown."""
    base = next(line for line in lines if line.name == BASELINE)
    print("| store | samples/s | x PNG | MiB | of PNG | PSNR dB min | mean | masks | written fps | opening ms |")
    print("|---|--:|--:|--:|--:|--:|--:|---|--:|--:|")
    for line in lines:
        ratio, share = line.samples_per_s / base.samples_per_s, line.mib / base.mib
        print(
            f"| {line.name} | {line.samples_per_s:.0f} | {ratio:.2f} | {line.mib:.1f} | {share:.2f}"
            f" | {line.psnr_min:.1f} | {line.psnr_mean:.1f} | {'lossless' if line.lossless_masks else 'CHANGED'}"
            f" | {line.encode_fps:.0f} | {line.opening_ms:.1f} |"
        )


def print_masks(masks: np.ndarray, turns: int) -> None:
    """The table of mask codings, in Markdown: a sample is a window and a reference, as above."""
    print("\n| masks alone | samples/s | KiB a mask | lossless | written fps |\n|---|--:|--:|---|--:|")
    draws = _draws([Content(masks, masks)], 40, 0)
    coded, speeds, rates = {}, {}, {coding.name: [] for coding in MASK_CODINGS}
    for coding in MASK_CODINGS:
        started = time.perf_counter()
        coded[coding.name] = coding.encode(masks)
        speeds[coding.name] = len(masks) / (time.perf_counter() - started)
    for _ in range(turns + 1):
        for coding in MASK_CODINGS:
            started = time.perf_counter()
            for _, indices in draws:
                np.stack(coding.decode(coded[coding.name], indices, masks.shape[1:]))
            rates[coding.name].append(len(draws) / (time.perf_counter() - started))
    for coding in MASK_CODINGS:
        decoded = np.stack(coding.decode(coded[coding.name], range(len(masks)), masks.shape[1:]))
        kib = sum(map(len, coded[coding.name])) / len(masks) / 2**10
        same = "yes" if np.array_equal(decoded, masks) else "NO"
        speed = statistics.median(rates[coding.name][1:])
        print(f"| {coding.name} | {speed:.0f} | {kib:.2f} | {same} | {speeds[coding.name]:.0f} |")


def main() -> None:
    """Measures and prints both tables."""
    parser = argparse.ArgumentParser(description="how clips are best kept")
    parser.add_argument("--size", type=int, default=512, help="side of the frames, px")
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--frames", type=int, default=50, help="of each clip")
    parser.add_argument("--samples", type=int, default=40, help="read in a turn")
    parser.add_argument("--turns", type=int, default=7)
    wanted = parser.parse_args()
    cv2.setNumThreads(1)
    root = os.environ.get("SEGTALKER_REAL_DATA")
    if root:
        contents = list(real_clips(Path(root), wanted.size, wanted.clips, wanted.frames))
    else:
        contents = list(synthetic_clips(wanted.size, wanted.clips, wanted.frames))
    print(f"{'real' if root else 'rendered'} frames, {len(contents)} clips of {wanted.frames}, {wanted.size} px\n")
    print_stores(measure(contents, wanted.samples, wanted.turns))
    print_masks(np.concatenate([content.masks for content in contents]), wanted.turns)


if __name__ == "__main__":
    main()
