"""Scene cuts and jump cuts."""

import numpy as np

from segtalker.media.decoders import TimedFrame
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


def test_a_picture_that_stutters_is_not_cut() -> None:
    """A wall glides by, stands still for some frames and then catches up."""
    wall = np.random.default_rng(0).integers(0, 255, (6, 40, 3), dtype=np.uint8).repeat(40, 0).repeat(40, 1)
    cuts = SceneCuts(3.0)
    for index in range(60):
        shown = 29 if 30 <= index < 34 else index
        cuts.see(wall[:, 4 * shown : 4 * shown + 320], index / 25)
    assert cuts.times == []


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
