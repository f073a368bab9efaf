"""Cosines of embeddings."""

import numpy as np
import pytest

from segtalker.metrics.identity import cosines


def test_cosines():
    a = np.array([[1.0, 0.0], [3.0, 4.0]])
    assert cosines(a, a * 2) == pytest.approx([1.0, 1.0])
    assert cosines(a, -a) == pytest.approx([-1.0, -1.0])
