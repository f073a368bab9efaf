"""What tests of several rooms share."""

import os
from pathlib import Path

import pytest

from segtalker.errors import SegTalkerError


@pytest.fixture
def mediapipe_weights() -> str:
    """Path of MediaPipe's weights, where it works here."""
    root = os.environ.get("SEGTALKER_REAL_DATA")
    if not root:
        pytest.skip("SEGTALKER_REAL_DATA is not set")
    detect = pytest.importorskip("segtalker.faces.detect")
    weights = str(Path(root) / "weights" / "face_landmarker.task")
    try:
        detect.make_detector("mediapipe", weights).close()
    except SegTalkerError as error:
        pytest.skip(str(error))
    return weights
