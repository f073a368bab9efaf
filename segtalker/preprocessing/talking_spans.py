"""The stretches of a recording in which one face talks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from segtalker.preprocessing.face_tracks import FaceTrack, face_size
from segtalker.preprocessing.loudness import BLOCK_S, Loudness

_PAUSE_S = 0.2  # silence that is left on either side of speech
_NEXT_LOOK = 1.5  # looks; nearer to an edge no further look lies between
_SHARED = 0.2  # share of its time in which a face may stand beside the chosen one
_ROUNDING = 3
_LAGS_S = np.arange(-3, 4) * 0.05  # a mouth opens before it is heard, and the sound may be a little off
_QUIET_DB = -60.0  # below it all is silence
_UNHEARD = 0.2  # what movement is worth that does not follow the sound

Span = tuple[float, float]


@dataclass(frozen=True)
class Stretch:
    """A stretch to become a clip.

    Args:
        start_s: container time.
        end_s: container time.
        face: middle x, middle y and size of the face when it begins, px.
    """

    start_s: float
    end_s: float
    face: tuple[float, float, float]


@dataclass(frozen=True)
class Drop:
    """A stretch left out.

    Args:
        start_s: container time.
        end_s: container time.
        reason: why.
    """

    start_s: float
    end_s: float
    reason: str


@dataclass(frozen=True)
class Survey:
    """What a look through a recording found.

    Args:
        span: the part of it that was looked at, container time.
        cuts_s: scene cuts inside.
        tracks: faces, see `segtalker.preprocessing.face_tracks.link_faces`.
        loudness: of its sound.
        step_s: time from one look to the next.
    """

    span: Span
    cuts_s: Sequence[float]
    tracks: Sequence[FaceTrack]
    loudness: Loudness
    step_s: float


def find_stretches(
    survey: Survey,
    *,
    face: Literal["talking", "largest"],
    silence_db: float,
    max_silence_s: float,
    min_seconds: float,
    max_seconds: float,
) -> tuple[list[Stretch], list[Drop]]:
    """Divides a recording at scene cuts, silence and where the face comes or goes.

    Args:
        survey: what was seen and heard.
        face: of several, the one whose mouth moves with the sound, or the largest.
        silence_db: see `Loudness.silences`.
        max_silence_s: longer silence is dropped.
        min_seconds: shorter stretches are dropped.
        max_seconds: longer ones are divided into equal parts.

    Returns:
        Stretches and drops, each in order of time.
    """
    silences = survey.loudness.silences(silence_db, max_silence_s) + survey.loudness.outside
    stretches: list[Stretch] = []
    drops: list[Drop] = []
    for scene in _scenes(survey):
        inside = [track for track in survey.tracks if scene[0] <= track.times_s[0] < scene[1]]
        face_tracks = _choose(inside, survey.loudness, face)
        spans = [_reach(track, scene, survey.step_s) for track in face_tracks]
        drops += [Drop(*gap, "no face") for gap in _without(scene, spans) if gap[1] - gap[0] > survey.step_s]
        for track, span in zip(face_tracks, spans, strict=True):
            speech_spans = _without(span, [(start + _PAUSE_S, end - _PAUSE_S) for start, end in silences])
            drops += [Drop(*gap, "silent") for gap in _without(span, speech_spans)]
            for part in speech_spans:
                if part[1] - part[0] < min_seconds:
                    drops.append(Drop(*part, f"shorter than cut.min_seconds {min_seconds}"))
                else:
                    stretches += [_stretch(track, piece) for piece in _pieces(part, max_seconds)]
    return sorted(stretches, key=lambda one: one.start_s), sorted(drops, key=lambda one: one.start_s)


def _scenes(survey: Survey) -> list[Span]:
    start, end = survey.span
    edges = [start, *(cut for cut in survey.cuts_s if start < cut < end), end]
    return list(pairwise(edges))


def _choose(tracks: Sequence[FaceTrack], loudness: Loudness, face: str) -> list[FaceTrack]:
    """One face at a time: the best, then the best of those that stand beside none chosen."""
    worth = {"talking": lambda track: talking(track, loudness), "largest": lambda track: track.size}[face]
    alone = len(tracks) == 1
    ranked_tracks = tracks if alone else sorted(tracks, key=worth, reverse=True)
    best_tracks: list[FaceTrack] = []
    for track in ranked_tracks:
        if all(_shared(track, other) <= _SHARED for other in best_tracks):
            best_tracks.append(track)
    return sorted(best_tracks, key=lambda track: track.times_s[0])


def talking(track: FaceTrack, loudness: Loudness) -> float:
    """How much a mouth moves while there is sound, and how far it opens where that is loud.

    Mean change of its opening from look to look, times the correlation of opening and level; mouths that move are told
    from those that do not by the one, from each other by the other.
    """
    if len(track.points) < 2:
        return 0.0
    openings, times = track.mouth_openings(), np.array(track.times_s)
    changes, levels = np.abs(np.diff(openings)), _levels(loudness, times[1:])
    moves = changes[levels >= np.median(levels)].mean() * min(len(changes), 10) / 10
    follows = max(_correlation(openings, _levels(loudness, times + lag)) for lag in _LAGS_S)
    return float(moves * (_UNHEARD + max(follows, 0.0)))


def _levels(loudness: Loudness, times_s: np.ndarray) -> np.ndarray:
    """Mean levels around moments, dB."""
    around = [[loudness.at(time + step) for step in (-BLOCK_S, 0.0, BLOCK_S)] for time in times_s]
    return np.maximum(around, _QUIET_DB).mean(axis=1)


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one - one.mean(), other - other.mean()
    norm = np.linalg.norm(one) * np.linalg.norm(other)
    return float(one @ other / norm) if norm > 0 else 0.0


def _shared(track: FaceTrack, other: FaceTrack) -> float:
    """Share of a track's time in which the other is there too."""
    both = min(track.times_s[-1], other.times_s[-1]) - max(track.times_s[0], other.times_s[0])
    return both / max(track.times_s[-1] - track.times_s[0], 1e-9) if both >= 0 else 0.0


def _reach(track: FaceTrack, scene: Span, step_s: float) -> Span:
    """From where to where a face is there; up to the edge of the scene where no look lies between."""
    start, end = track.times_s[0], track.times_s[-1]
    return (
        scene[0] if start - scene[0] < _NEXT_LOOK * step_s else start,
        scene[1] if scene[1] - end < _NEXT_LOOK * step_s else end,
    )


def _without(span: Span, holes: Sequence[Span]) -> list[Span]:
    """What is left of a span."""
    left, at = [], span[0]
    for start, end in sorted(holes):
        if end <= at or start >= span[1] or end <= start:
            continue
        if start > at:
            left.append((at, start))
        at = max(at, end)
    return [*left, (at, span[1])] if at < span[1] else left


def _pieces(span: Span, max_seconds: float) -> list[Span]:
    count = max(math.ceil((span[1] - span[0]) / max_seconds), 1) if max_seconds else 1
    edges = np.linspace(*span, count + 1)
    return [(float(start), float(end)) for start, end in pairwise(edges)]


def _stretch(track: FaceTrack, span: Span) -> Stretch:
    points = track.seen_at(span[0])
    x, y = (points.min(axis=0) + points.max(axis=0)) / 2
    face = (round(float(x), 1), round(float(y), 1), round(face_size(points), 1))
    return Stretch(round(span[0], _ROUNDING), round(span[1], _ROUNDING), face)
