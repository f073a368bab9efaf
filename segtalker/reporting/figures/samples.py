"""The clips a report shows, with everything that was made of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, zip_longest
from pathlib import Path

import numpy as np
import pandas as pd

from segtalker.clips.image_pack import ImagePack
from segtalker.clips.store import Clip, read_table, read_wav
from segtalker.reporting.tables.methods import Method, order_methods


@dataclass(frozen=True)
class Sample:
    """One test clip and what each method made of it.

    Args:
        clip: the real recording.
        methods: those that finished the clip, in the order of the tables.
        folder: `results/<experiment>/generate`.
        sounds: the audio file that drove each method.
        reference_frame: the frame of the recording that gave the speaker's look.
        remark: why it is shown, or empty.
    """

    clip: Clip
    methods: tuple[Method, ...]
    folder: Path
    sounds: Mapping[str, Path]
    reference_frame: int
    remark: str

    def frames(self, method: str) -> ImagePack:
        """Frames made by a method, `(T, H, W, 3)` uint8 RGB."""
        return ImagePack(self.folder / method / self.clip.clip_id / "frames.zip")

    def masks(self, method: str) -> ImagePack | None:
        """The talking mask a method painted, `(T, H, W)` uint8 regions, or None where it has none."""
        path = self.folder / method / self.clip.clip_id / "masks.zip"
        return ImagePack(path) if path.is_file() else None

    def sound(self, method: str) -> np.ndarray:
        """The speech that drove a method, `(S,)` float32 in [-1, 1]."""
        return read_wav(self.sounds[method])

    @cached_property
    def length(self) -> int:
        """Frames that the recording and every method have."""
        return min(len(self.clip.frames), *(len(self.frames(method.name)) for method in self.methods))


def spread_over_subjects(clips: Iterable[Clip]) -> list[Clip]:
    """The clips reordered so that every subject comes once before one comes twice."""
    by_subject: dict[str, list[Clip]] = {}
    for clip in clips:
        by_subject.setdefault(clip.subject, []).append(clip)
    rounds = zip_longest(*(by_subject[subject] for subject in sorted(by_subject)))
    return [clip for one_each in rounds for clip in one_each if clip is not None]


def choose_samples(
    clips: Sequence[Clip], generate_folder: Path, system: str, count: int, extremes: Mapping[str, str]
) -> list[Sample]:
    """The first `count` clips that a method finished, spread over subjects, then those at either end.

    Args:
        clips: the test clips.
        generate_folder: `results/<experiment>/generate`.
        system: the method that must have them.
        count: so many beside the extremes, at most.
        extremes: remarks by clip, see `segtalker.reporting.tables.best_and_worst.extreme_clips`.
    """
    table = read_table(generate_folder / "clips.csv")
    audio = {clip.clip_id: clip.audio_path for clip in clips}
    generated_clips = set(table.loc[table["method"] == system, "clip_id"])
    clips_by_id = {clip.clip_id: clip for clip in spread_over_subjects(clips) if clip.clip_id in generated_clips}
    usual = [clip for clip_id, clip in clips_by_id.items() if clip_id not in extremes][:count]
    sample_clips = [*usual, *(clips_by_id[clip_id] for clip_id in extremes if clip_id in clips_by_id)]
    return [
        _sample(clip, table[table["clip_id"] == clip.clip_id], generate_folder, audio, extremes.get(clip.clip_id, ""))
        for clip in sample_clips
    ]


def _sample(clip: Clip, rows: pd.DataFrame, generate_folder: Path, audio: Mapping[str, Path], remark: str) -> Sample:
    sounds = {row["method"]: audio[row["driving_audio"]] for row in rows.to_dict("records")}
    methods = tuple(order_methods(set(sounds)))
    return Sample(clip, methods, generate_folder, sounds, int(rows["reference_frame"].iloc[0]), remark)


def loudest_window(samples: np.ndarray, window: int, step: int) -> int:
    """Where the window of most energy starts, in samples.

    Args:
        samples: audio, `(S,)` float32.
        window: its length, samples.
        step: starts are multiples of it.
    """
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    starts = np.arange(0, max(len(samples) - window, 0) + 1, step)
    ends = np.minimum(starts + window, len(samples))
    return int(starts[np.argmax(energy[ends] - energy[starts])])


def envelope(samples: np.ndarray, points: int) -> np.ndarray:
    """Loudest absolute value of each of `points` equal pieces of `(S,)` audio: `(points,)` float32."""
    edges = np.linspace(0, len(samples), points + 1).astype(int)
    pieces = [samples[start:end] for start, end in pairwise(edges)]
    return np.array([np.abs(piece).max() if len(piece) else 0.0 for piece in pieces], dtype=np.float32)
