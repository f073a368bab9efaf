"""Which stretches of a recording are left, and why the others are not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtalker.preprocessing.face_tracks import link_faces
from segtalker.preprocessing.loudness import BLOCK_S, Loudness
from segtalker.preprocessing.talking_spans import Survey, _without, find_stretches

LIMITS: dict[str, Any] = {
    "face": "talking",
    "silence_db": -35.0,
    "max_silence_s": 1.0,
    "min_seconds": 1.0,
    "max_seconds": 60.0,
}


def find(seconds: float, sightings: list, loudness: Loudness, cuts: tuple[float, ...] = (), **changes: Any) -> tuple:
    """Stretches and drops of a recording."""
    survey = Survey((0.0, seconds), cuts, link_faces(sightings, cuts, 0.6), loudness, 0.2)
    return find_stretches(survey, **(LIMITS | changes))


def spans(found: list) -> list[tuple[float, float]]:
    """Where they lie."""
    return [(round(one.start_s, 2), round(one.end_s, 2)) for one in found]


def test_one_face_that_talks_all_the_time_is_one_stretch(face: Callable, sightings: Callable, sound: Callable) -> None:
    stretches, drops = find(10.0, sightings(10, lambda time: face(200 + time, 150)), sound(10))
    assert spans(stretches) == [(0.0, 10.0)]
    assert drops == []
    x, y, size = stretches[0].face
    assert (x, y) == (200.0, 150.0)
    assert size == pytest.approx(100, abs=2)


def test_a_cut_divides_and_the_face_goes_on_elsewhere(face: Callable, sightings: Callable, sound: Callable) -> None:
    seen = sightings(10, lambda time: face(200, 150) if time < 4 else face(600, 300, 60))
    stretches, drops = find(10.0, seen, sound(10), (4.0,))
    assert spans(stretches) == [(0.0, 4.0), (4.0, 10.0)]
    assert stretches[1].face[:2] == (600.0, 300.0)
    assert drops == []


def test_no_face_and_silence_are_left_out_with_a_reason(face: Callable, sightings: Callable, sound: Callable) -> None:
    seen = sightings(20, lambda time: None if 8 <= time < 12 else face(200, 150))
    stretches, drops = find(20.0, seen, sound(20, (3.0, 5.0), (14.0, 14.6)))
    assert spans(stretches) == [(0.0, 3.2), (4.8, 7.8), (12.0, 20.0)]
    assert [(drop.reason, *span) for drop, span in zip(drops, spans(drops), strict=True)] == [
        ("silent", 3.2, 4.8),
        ("no face", 7.8, 12.0),
    ]


def test_where_there_is_no_sound_track_yet_or_no_more_it_is_silent(face: Callable, sightings: Callable) -> None:
    loudness = Loudness(4.0, np.full(round(8 / BLOCK_S), -20.0, np.float32))
    stretches, drops = find(20.0, sightings(20, lambda time: face(200, 150)), loudness)
    assert spans(stretches) == [(3.8, 12.2)]
    assert [(drop.reason, *span) for drop, span in zip(drops, spans(drops), strict=True)] == [
        ("silent", 0.0, 3.8),
        ("silent", 12.2, 20.0),
    ]


def test_a_face_lost_for_a_moment_is_the_same_face(face: Callable, sightings: Callable, sound: Callable) -> None:
    seen = sightings(10, lambda time: None if 4.0 <= time < 4.3 else face(200, 150))
    assert spans(find(10.0, seen, sound(10))[0]) == [(0.0, 10.0)]


def test_long_stretches_are_divided_and_short_ones_dropped(
    face: Callable, sightings: Callable, sound: Callable
) -> None:
    seen = sightings(10, lambda time: face(200, 150))
    assert spans(find(10.0, seen, sound(10), max_seconds=4.0)[0]) == [(0.0, 3.33), (3.33, 6.67), (6.67, 10.0)]
    stretches, drops = find(10.0, seen, sound(10), (0.6,))
    assert spans(stretches) == [(0.6, 10.0)]
    assert drops[0].reason == "shorter than cut.min_seconds 1.0"


def test_of_several_faces_the_one_that_talks_or_the_largest(
    face: Callable, sightings: Callable, sound: Callable
) -> None:
    rng = np.random.default_rng(3)
    seen = sightings(
        8,
        lambda time: face(200, 150, 100, 0.02 + 0.1 * rng.random()),
        lambda time: face(600, 150, 180, 0.02 + 0.01 * rng.random()),
    )
    talking, _ = find(8.0, seen, sound(8))
    largest, _ = find(8.0, seen, sound(8), face="largest")
    assert [stretch.face[0] for stretch in talking] == [200.0]
    assert [stretch.face[0] for stretch in largest] == [600.0]


def test_of_two_mouths_that_move_the_one_that_follows_the_sound_talks(face: Callable, sightings: Callable) -> None:
    def words(time: float, fast: float = 7.0, slow: float = 3.1) -> float:
        return float(np.sin(fast * time) + np.sin(slow * time))

    seen = sightings(
        8,
        lambda time: face(200, 150, 100, 0.06 + 0.02 * words(time + 0.1)),
        lambda time: face(600, 150, 100, 0.06 + 0.022 * words(time, 5.8, 9.1)),
    )
    moments = np.arange(0, 8, BLOCK_S)
    levels = np.array([-30 + 8 * words(time) for time in moments], np.float32)
    assert [stretch.face[0] for stretch in find(8.0, seen, Loudness(0.0, levels))[0]] == [200.0]


def test_two_who_speak_one_after_the_other_are_two_stretches(
    face: Callable, sightings: Callable, sound: Callable
) -> None:
    seen = sightings(
        10,
        lambda time: face(200, 150) if time < 5 else None,
        lambda time: face(600, 150) if time >= 5 else None,
    )
    stretches, _ = find(10.0, seen, sound(10))
    assert [stretch.face[0] for stretch in stretches] == [200.0, 600.0]


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10)), max_size=6))
def test_what_is_left_and_the_holes_make_the_whole(holes: list[tuple[float, float]]) -> None:
    left = _without((2.0, 8.0), holes)
    moments = np.linspace(2.0, 8.0, 601)[1:-1] + 1e-7
    in_left = np.any([(moments > start) & (moments < end) for start, end in [*left, (0, 0)]], axis=0)
    in_hole = np.any([(moments > start) & (moments < end) for start, end in [*holes, (0, 0)]], axis=0)
    assert (in_left != in_hole).all()
    assert all(start < end for start, end in left)
