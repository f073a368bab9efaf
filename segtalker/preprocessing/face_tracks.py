"""Faces of a recording followed over time, as far as a look at every few frames tells."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

_REACH = 0.7  # how far a face goes from one look to the next, in its sizes
_CLOCK_S = 1e-3
_INNER_LIP = ((61, 67), (62, 66), (63, 65))
_FACE_HEIGHT = (27, 8)


@dataclass(frozen=True)
class FaceSighting:
    """The faces of one frame.

    Args:
        time_s: when it is shown, container time.
        faces: landmarks of each, `(68, 2)`, pixels.
    """

    time_s: float
    faces: Sequence[np.ndarray]


@dataclass
class FaceTrack:
    """One face over time; it grows as it is linked.

    Args:
        times_s: when it was seen, container time.
        points: its landmarks then, each `(68, 2)`.
    """

    times_s: list[float] = field(default_factory=list)
    points: list[np.ndarray] = field(default_factory=list)

    @property
    def size(self) -> float:
        """Median size, px."""
        return float(np.median([face_size(points) for points in self.points]))

    def seen_at(self, time_s: float) -> np.ndarray:
        """Its landmarks when it was seen nearest to a moment."""
        return self.points[int(np.abs(np.array(self.times_s) - time_s).argmin())]

    def mouth_openings(self) -> np.ndarray:
        """How far the mouth is open whenever it was seen, in heights of the face: `(N,)`, float64."""
        points = np.stack(self.points).astype(np.float64)
        gaps = [np.linalg.norm(points[:, above] - points[:, below], axis=1) for above, below in _INNER_LIP]
        top, chin = _FACE_HEIGHT
        return np.mean(gaps, axis=0) / np.linalg.norm(points[:, top] - points[:, chin], axis=1)


def face_size(points: np.ndarray) -> float:
    """Side of the square around landmarks `(68, 2)`, px."""
    return float(np.ptp(points, axis=0).max())


def link_faces(sightings: Sequence[FaceSighting], cuts_s: Sequence[float], max_lost_s: float) -> list[FaceTrack]:
    """Tells which faces of following sightings are the same: the nearest in place and size.

    Args:
        sightings: in order of time.
        cuts_s: times of scene cuts; no face goes on beyond one.
        max_lost_s: how long a face may be out of sight.

    Returns:
        Tracks in order of their beginning.
    """
    tracks: list[FaceTrack] = []
    alive: list[FaceTrack] = []
    scenes = np.searchsorted(np.array(cuts_s), [sighting.time_s for sighting in sightings], side="right")
    for place, sighting in enumerate(sightings):
        if place and scenes[place] != scenes[place - 1]:
            alive = []
        alive = [track for track in alive if sighting.time_s - track.times_s[-1] <= max_lost_s + _CLOCK_S]
        for face, known_track in _matches(sighting.faces, alive):
            track = known_track or FaceTrack()
            track.times_s.append(sighting.time_s)
            track.points.append(face)
            if known_track is None:
                tracks.append(track)
                alive.append(track)
    return tracks


def _matches(faces: Sequence[np.ndarray], alive: Sequence[FaceTrack]) -> list[tuple[np.ndarray, FaceTrack | None]]:
    """Each face with the track it goes on, nearest pairs first."""
    pairs = sorted(
        (_distance(track.points[-1], face), place, number)
        for place, face in enumerate(faces)
        for number, track in enumerate(alive)
    )
    track_by_face: dict[int, int] = {}
    for distance, place, number in pairs:
        if distance < _REACH and place not in track_by_face and number not in track_by_face.values():
            track_by_face[place] = number
    known_tracks = [alive[track_by_face[place]] if place in track_by_face else None for place in range(len(faces))]
    return list(zip(faces, known_tracks, strict=True))


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    """How far apart two faces are and how different in size, in sizes."""
    sizes = face_size(one), face_size(other)
    apart = np.linalg.norm((one.min(axis=0) + one.max(axis=0) - other.min(axis=0) - other.max(axis=0)) / 2)
    return float(apart / max(sizes) + abs(np.log(sizes[0] / sizes[1])))
