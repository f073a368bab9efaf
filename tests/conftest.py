"""What tests of several rooms share."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from segtalker.utils.errors import SegTalkerError

# the modules beside this file are shared by tests of several rooms
sys.path.insert(0, str(Path(__file__).parent))

from browser import Browser

STARTED_IN = Path.cwd()
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(autouse=True)
def _every_test_leaves_the_folder() -> Iterator[None]:
    """A test that changes the working folder for the ones after it fails, not they."""
    yield
    assert Path.cwd() == STARTED_IN


@pytest.fixture
def mediapipe_weights() -> str:
    """Path of MediaPipe's weights, where it works here."""
    root = os.environ.get("SEGTALKER_REAL_DATA")
    if not root:
        pytest.skip("SEGTALKER_REAL_DATA is not set")
    detect = pytest.importorskip("segtalker.faces.detectors")
    weights = str(Path(root) / "weights" / "face_landmarker.task")
    try:
        detect.make_detector("mediapipe", weights).close()
    except SegTalkerError as error:
        pytest.skip(str(error))
    return weights


@pytest.fixture(scope="session")
def drawn() -> SimpleNamespace:
    """The functions of `drawn_faces`, which is read where one asks for it: it brings torch."""
    import drawn_faces

    return drawn_faces.functions()


@pytest.fixture(scope="module")  # while it is open, no other test of the process could run an event loop
def browser() -> Iterator[Browser]:
    """A browser without a network."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with Browser(CHROMIUM) as opened:
        yield opened
