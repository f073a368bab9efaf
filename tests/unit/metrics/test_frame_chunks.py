"""Frames of a chunk, with those before it."""

from typing import Any

import numpy as np
import pytest

from segtalker.metrics.frame_chunks import ChunkFrames, FrameChunk, once_per_chunk, rgb_pair, rgb_steps


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
    assert [numbers(images) for images in rgb_pair(pair)] == [[10, 11, 12, 13]] * 2
    assert [numbers(images) for images in rgb_steps(pair)] == [[9, 10, 11, 12, 13]] * 2


def test_what_several_metrics_ask_is_found_once_a_chunk() -> None:
    asked = []

    @once_per_chunk
    def brightness(frames: ChunkFrames) -> float:
        asked.append(frames.numbers.start)
        return float(frames.own.mean())

    first, second = chunk(0, 0), chunk(2, 4)
    assert [brightness(frames) for frames in (first, second, first)] == [1.5, 5.5, 1.5]
    assert asked == [0, 4]


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
