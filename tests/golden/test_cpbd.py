"""CPBD against the arrays and the score of its authors' release, stage by stage."""

import os
from pathlib import Path

import numpy as np
import pytest

from segtalker.metrics.areas import Areas
from segtalker.metrics.cpbd import blur_score, canny_edges, cpbd, edge_widths, sobel_edges

ROOT = os.environ.get("SEGTALKER_REAL_DATA", "")
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not ROOT, reason="SEGTALKER_REAL_DATA is not set"),
]


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    folder = Path(ROOT) / "metrics" / "cpbd"
    names = ("input", "canny", "sobel", "marziliano")
    return {name: np.loadtxt(folder / f"reference_img1_{name}.txt", delimiter=",")[None] for name in names}


def test_edge_maps_are_equal_to_the_pixel(arrays):
    np.testing.assert_array_equal(canny_edges(arrays["input"]), arrays["canny"] > 0)
    np.testing.assert_array_equal(sobel_edges(arrays["input"]), arrays["sobel"] > 0)


def test_widths_are_equal(arrays):
    np.testing.assert_array_equal(edge_widths(arrays["input"], arrays["sobel"] > 0), arrays["marziliano"])


def test_score(arrays):
    # 1290 of 9563 edges are sharp; published to four digits as 0.1349
    expected = 1290 / 9563
    from_parts = blur_score(
        arrays["input"], arrays["canny"] > 0, arrays["marziliano"].astype(int), Areas.whole(arrays["input"])
    )
    assert from_parts[0, 0] == pytest.approx(expected, abs=1e-6)
    assert cpbd(arrays["input"][0]) == pytest.approx(expected, abs=1e-6)
    assert round(cpbd(arrays["input"][0]), 4) == 0.1349
