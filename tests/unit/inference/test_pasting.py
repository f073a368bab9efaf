"""A mouth in another picture: all of it inside the area, nothing outside, a straight fade between."""

from types import SimpleNamespace

import numpy as np

from segtalker.config.base import Clock
from segtalker.faces.mouth_box import face_transforms, hidden_pixels, hidden_share
from segtalker.inference.pasting import PaintedArea, lip_share, paste_mouths
from segtalker.regions import LIP, MOUTH, REGION_INDEX

CLOCK = Clock(25, 16000, 200, 3)
FRAMES, SIZE, EYES = 7, 96, 30.0


class Pictures:
    """Frames of one grey level."""

    def __init__(self, level: int) -> None:
        self.level = level

    def __len__(self) -> int:
        return FRAMES

    def read(self, indices: range) -> np.ndarray:
        return np.full((len(indices), SIZE, SIZE, 3), self.level, np.uint8)


def _landmarks() -> np.ndarray:
    points = np.zeros((FRAMES, 68, 2))
    for index, x in ((36, -0.6), (39, -0.4), (42, 0.4), (45, 0.6)):
        points[:, index, 0] = x
    points[:, 31:36, 1] = 0.7
    return points * EYES + (SIZE / 2, SIZE / 4) + np.arange(FRAMES)[:, None, None]


def test_shares_of_both_pictures_add_up_whatever_the_batch() -> None:
    face = SimpleNamespace(frames=Pictures(40), landmarks=_landmarks())
    made = [np.stack(list(paste_mouths(face, Pictures(240), CLOCK, 0.3, size))) for size in (3, 50)]
    np.testing.assert_array_equal(*made)
    places = face_transforms(_landmarks(), CLOCK.smooth_frames)
    share, inside = hidden_share(places, (SIZE, SIZE), 0.3), hidden_pixels(places, (SIZE, SIZE))
    assert (made[0][inside] == 240).all()
    assert (made[0][share == 0] == 40).all()
    np.testing.assert_allclose(made[0], (40 + 200 * share)[..., None].repeat(3, axis=-1), atol=0.51)
    # the fade reaches so many pixels down: three tenths of the distance of the eyes
    column = made[0][0, :, SIZE // 2, 0].astype(int)
    assert abs(((column > 40) & (column < 240)).sum() - 2 * 0.3 * EYES) <= 3


def _mouth(rows: slice, label: int = LIP) -> np.ndarray:
    mask = np.full((SIZE, SIZE), REGION_INDEX["skin"], np.uint8)
    mask[rows, 40:60] = label
    return mask


def test_the_skin_close_to_the_lips_of_both_masks_is_painted_and_fades() -> None:
    share = lip_share((_mouth(slice(50, 54)), _mouth(slice(52, 60), MOUTH)), reach_px=12.0)
    assert (share[50:60, 40:60] == 1.0).all()
    # 20 rows down from the last of the mouth, row 59: as far as half the reach all, then a straight fade
    expected = np.clip(2.0 - 2.0 * np.arange(1, 21) / 12.0, 0.0, 1.0)
    np.testing.assert_allclose(share[60:80, 50], expected, atol=1e-6)
    assert lip_share((np.zeros((8, 8), np.uint8),), 5.0).max() == 0.0


def test_the_lips_alone_leave_chin_and_jaw_to_the_source() -> None:
    places = face_transforms(_landmarks(), CLOCK.smooth_frames)
    row = int(_landmarks()[0, 33, 1]) + 10
    mask = _mouth(slice(row, row + 6))
    all_of_it, lips = (PaintedArea([], False, places, 0.15, reach).share(0, mask, mask) for reach in (None, 0.3))
    assert (lips <= all_of_it).all()
    assert lips[row : row + 6, 45:55].min() == 1.0
    # 0.3 distances of the eyes, 9 px, below the mouth
    assert lips[row + 5 + 9 :].max() == 0.0
    assert all_of_it[row + 5 + 9, 50] == 1.0
