"""Frames of a chunk, with those before it."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from segtalker.faces.mouth_box import face_transforms
from segtalker.metrics.frame_chunks import (
    ChunkFrames,
    FrameChunk,
    once_per_chunk,
    once_per_reference,
    rgb_in_areas,
    rgb_pair,
    rgb_steps,
)


def chunk(context: int, first: int, frames: int = 4, detectors: Any = None) -> ChunkFrames:
    """Frames that hold their number in the clip."""
    numbers = np.arange(first - context, first + frames, dtype=np.uint8)
    images = np.broadcast_to(numbers[:, None, None, None], (len(numbers), 2, 2, 3))
    return ChunkFrames(images, context, first, None, None, detectors or {})  # type: ignore[arg-type]


def numbers(images: np.ndarray) -> list[int]:
    return images[:, 0, 0, 0].tolist()


@pytest.mark.parametrize(("context", "first"), [(0, 0), (2, 10)])
def test_a_chunk_knows_its_own_frames_and_their_numbers(context: int, first: int) -> None:
    frames = chunk(context, first)
    assert numbers(frames.own) == list(range(first, first + 4))
    assert frames.numbers == slice(first, first + 4)
    for count in range(4):
        assert numbers(frames.with_context(count)) == list(range(first - min(count, context), first + 4))


def test_changes_are_seen_from_the_last_frame_before() -> None:
    pair = FrameChunk(chunk(2, 10), chunk(2, 10), np.zeros(0), None)
    pair.reference.own_areas = areas = SimpleNamespace()  # type: ignore[assignment]
    assert [numbers(images) for images in rgb_pair(pair)] == [[10, 11, 12, 13]] * 2
    *images, place = rgb_steps(pair)
    assert [numbers(frames) for frames in images] == [[9, 10, 11, 12, 13]] * 2
    assert place is areas
    *images, place = rgb_in_areas(pair)
    assert [numbers(frames) for frames in images] == [[10, 11, 12, 13]] * 2
    assert place is areas


def test_areas_are_those_of_the_frames_of_the_clip() -> None:
    landmarks = np.zeros((20, 68, 2))
    for index, x in ((36, -0.6), (39, -0.4), (42, 0.4), (45, 0.6)):
        landmarks[:, index, 0] = x
    landmarks[:, 31:36, 1] = 0.7
    landmarks = landmarks * 0.5 + np.arange(20)[:, None, None] / 10  # the face drifts out of a picture of two pixels
    frames = chunk(2, 10)
    frames.clip = SimpleNamespace(face_places=face_transforms(landmarks, 1))  # type: ignore[assignment]
    own_places = [face_transforms(landmarks[number : number + 1], 1) for number in range(8, 14)]
    expected = np.concatenate([type(frames.areas).of_faces(place, 2, 2).masks for place in own_places], axis=1)
    np.testing.assert_array_equal(frames.areas.masks, expected)
    np.testing.assert_array_equal(frames.own_areas.masks, expected[:, 2:])
    assert 0 < expected[1].sum() < expected[0].sum()


def test_what_several_metrics_ask_is_found_once_a_chunk() -> None:
    asked = []

    @once_per_chunk
    def brightness(frames: ChunkFrames) -> float:
        asked.append(frames.numbers.start)
        return float(frames.own.mean())

    first, second = chunk(0, 0), chunk(2, 4)
    assert [brightness(frames) for frames in (first, second, first)] == [1.5, 5.5, 1.5]
    assert asked == [0, 4]


def test_what_depends_on_the_reference_alone_is_found_once_for_all_methods() -> None:
    asked = []

    @once_per_reference
    def opening(pair: FrameChunk) -> float:
        asked.append(pair.reference_masks)
        return float(pair.reference_masks.sum())

    reference, masks = chunk(0, 0), np.ones(3)
    assert [opening(FrameChunk(reference, chunk(0, 0), masks, None)) for _ in range(3)] == [3.0] * 3
    assert len(asked) == 1


def test_a_detector_sees_each_frame_of_its_own_once_and_what_it_loses_is_no_number() -> None:
    seen = []

    class Finder:
        def landmarks(self, frame: np.ndarray) -> np.ndarray | None:
            seen.append(int(frame[0, 0, 0]))
            return None if seen[-1] == 11 else np.full((68, 2), float(seen[-1]))

    frames = chunk(2, 10, detectors={"finder": Finder()})
    for _ in range(2):
        points = frames.landmarks("finder")  # type: ignore[arg-type]
    assert seen == [10, 11, 12, 13]
    np.testing.assert_array_equal(points[:, 0, 0], [10, np.nan, 12, 13])
