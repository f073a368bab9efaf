"""Coverage, colours and labels of what is drawn."""

import numpy as np
import pytest

from segtalker.synthetic.canvas import Canvas, axis, bumps, covered_box, fine_noise

BOX = np.array([(-0.5, -0.25), (0.5, -0.25), (0.5, 0.75), (-0.5, 0.75)])  # a quarter of the canvas


@pytest.mark.parametrize("soft", [0.0, 0.05])
@pytest.mark.parametrize("size", [64, 200])
def test_an_outline_covers_its_area_and_at_most_a_texel_around_it(size: int, soft: float) -> None:
    coverage = Canvas(size).coverage(BOX, soft)
    assert coverage.dtype == np.float32
    assert coverage.min() == 0
    assert coverage.max() == pytest.approx(1)
    assert 0.25 < coverage.mean() < (0.5 + 2 / size) ** 2


def test_paint_takes_the_place_of_colours_and_labels_and_tint_of_colours_alone() -> None:
    canvas = Canvas(64)
    inside = canvas.coverage(BOX) > 0.99
    canvas.paint(canvas.coverage(BOX), (1.0, 0.0, 0.0), label=3)
    assert (canvas.rgb[inside] == (255, 0, 0)).all()
    assert (canvas.labels[inside] == 3).all()
    canvas.tint(np.ones((64, 64), np.float32), (0.0, 0.0, 1.0))
    assert (canvas.rgb[inside] == (0, 0, 255)).all()
    assert canvas.alpha[0, 0] == canvas.labels[0, 0] == 0
    assert (canvas.labels[inside] == 3).all()


def test_where_nothing_is_painted_there_is_no_label() -> None:
    canvas = Canvas(64)
    canvas.paint(canvas.coverage(BOX), (0.5, 0.5, 0.5), label=0)
    rgba, labels = canvas.premultiplied(64)
    assert set(np.unique(labels)) == {0, 255}
    assert (rgba[..., :3] <= rgba[..., 3:]).all()
    assert (rgba[labels == 255][:, 3] < 128).all()


def test_the_covered_box_holds_all_that_is_covered_and_its_margin() -> None:
    coverage = np.zeros((20, 30))
    assert coverage[covered_box(coverage)].size == 0
    coverage[5, 7] = coverage[9, 3] = 0.1
    assert covered_box(coverage) == (slice(5, 10), slice(3, 8))
    assert covered_box(coverage, margin=4) == (slice(1, 14), slice(0, 12))


def test_places_are_symmetric_about_the_middle() -> None:
    np.testing.assert_allclose(axis(9), -axis(9)[::-1], atol=1e-6)
    hills = bumps(40, 0.3, 0.1, 0.1, 0.2)
    np.testing.assert_allclose(hills, hills[:, ::-1], atol=1e-6)


def test_noise_has_the_size_it_is_asked_for() -> None:
    noise = fine_noise((90, 60), np.random.default_rng(0), 3.0)
    assert noise.shape == (90, 60)
    assert abs(noise.mean()) < 0.1
