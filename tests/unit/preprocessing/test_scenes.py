"""Scene cuts and jump cuts."""

from pathlib import Path

import numpy as np

from segtalker.media.audio import Sound
from segtalker.media.decoders import TimedFrame
from segtalker.preprocessing.face_tracks import FaceSighting, link_faces
from segtalker.preprocessing.loudness import measure_loudness
from segtalker.preprocessing.scenes import FaceCuts, SceneCuts, all_cuts

from .conftest import make_face


def scene(seed: int) -> np.ndarray:
    """A coloured wall with things on it."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
    return small.repeat(40, axis=0).repeat(40, axis=1)


def timed(image: np.ndarray, time_s: float) -> TimedFrame:
    """A frame that is there already."""

    def scaled(factor: float) -> np.ndarray:
        rows = (np.arange(round(image.shape[0] * factor)) / factor).astype(int)
        columns = (np.arange(round(image.shape[1] * factor)) / factor).astype(int)
        return image[rows][:, columns]

    height, width = image.shape[:2]
    return TimedFrame(
        0, time_s, height, width, 0, scaled, lambda _: image, lambda _: (lambda _: image, 0), (0, 0, width, height)
    )


def test_cuts_are_found_where_they_are_and_noise_is_none() -> None:
    rng = np.random.default_rng(0)
    cuts = SceneCuts(3.0)
    for index in range(90):
        image = scene(index // 30).astype(int) + rng.integers(-6, 6, (240, 320, 3))
        cuts.see(image.clip(0, 255).astype(np.uint8), index / 25)
    assert cuts.times == [30 / 25, 60 / 25]


def test_a_jump_of_the_face_before_the_same_wall() -> None:
    """The picture as a whole hardly changes, the window around the face does."""
    whole, jumps = SceneCuts(3.0), FaceCuts(3.0)
    wall = np.full((480, 640, 3), 120, np.uint8)
    features = np.random.default_rng(0).integers(0, 255, (10, 10, 3), dtype=np.uint8).repeat(10, 0).repeat(10, 1)
    for index in range(60):
        image = wall.copy()
        x = 300 + (14 if index >= 30 else 0)
        image[190:290, x - 50 : x + 50] = features
        frame = timed(image, index / 25)
        whole.see(image, index / 25)
        jumps.see(frame)
        if index % 5 == 0:
            jumps.aim([make_face(x, 240)])
    assert whole.times == []
    assert jumps.times == [30 / 25]


def test_cuts_close_together_are_one() -> None:
    one, other = SceneCuts(3.0), FaceCuts(3.0)
    one._times, one._cuts = [0.0, 1.0, 2.0], [1, 2]
    other._found = [1.04, 3.0]
    assert all_cuts(one, other, 0.1) == [1.0, 2.0, 3.0]


def test_faces_are_linked_by_place_and_size_and_never_beyond_a_cut() -> None:
    sightings = [
        FaceSighting(index / 5, [make_face(100 + 3 * index, 100), make_face(300 - 3 * index, 100)])
        for index in range(20)
    ]
    assert [len(track.points) for track in link_faces(sightings, [], 0.6)] == [20, 20]
    for track in link_faces(sightings, [], 0.6):
        assert np.abs(np.diff([points[:, 0].mean() for points in track.points])).max() < 4
    assert [len(track.points) for track in link_faces(sightings, [2.0], 0.6)] == [10, 10, 10, 10]
    gone = [
        sighting if index < 5 or index >= 15 else FaceSighting(sighting.time_s, [])
        for index, sighting in enumerate(sightings)
    ]
    assert len(link_faces(gone, [], 0.6)) == 4


def test_loudness_does_not_depend_on_how_the_sound_comes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    samples = (rng.normal(0, 0.1, 16000) * (np.arange(16000) > 8000)).astype(np.float32)
    whole = measure_loudness([Sound(samples, 8000, 1.5)])
    parts = measure_loudness(Sound(part, 8000, 1.5) for part in np.split(samples, [100, 133, 5000, 9999]))
    assert whole.start_s == parts.start_s == 1.5
    np.testing.assert_array_equal(whole.levels_db, parts.levels_db)
    assert whole.at(2.0) < -99.9
    assert abs(whole.at(3.0) + 20) < 1.5
    assert whole.at(9.0) == -100.0
