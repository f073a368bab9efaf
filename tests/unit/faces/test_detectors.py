"""Detectors: how they are made and what they say where something is missing."""

from pathlib import Path

import numpy as np
import pytest

from segtalker.faces.detectors import check_detector, make_detector
from segtalker.faces.mediapipe_detector import to_ibug
from segtalker.utils.errors import MissingWeightsError, SegTalkerError


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No weights but those a test puts here."""
    monkeypatch.setenv("SEGTALKER_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


@pytest.mark.parametrize(
    ("name", "file"), [("mediapipe", r"face_landmarker\.task"), ("face_alignment", r"s3fd-619a316812\.pth")]
)
def test_missing_weights_say_what_to_fetch_and_where_to_put_it(name: str, file: str, empty_cache: Path) -> None:
    with pytest.raises(MissingWeightsError, match=rf"{file}: missing; fetch https://.*{file}.*{empty_cache}") as error:
        check_detector(name, "")
    assert "crop.weights" in str(error.value)


def test_annotations_need_no_weights() -> None:
    check_detector("annotations", "")


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "face_landmarker.task").write_bytes(b"not a model")
    pytest.importorskip("mediapipe")
    with pytest.raises(SegTalkerError, match=r"face_landmarker\.task|libegl1"):
        make_detector("mediapipe", str(tmp_path))


def test_mesh_points_map_to_68_in_order() -> None:
    points = np.stack([np.arange(478), -np.arange(478)], axis=1).astype(float)
    mapped = to_ibug(points)
    assert mapped.shape == (68, 2)
    assert mapped[[0, 8, 16], 0].tolist() == [127, 152, 356]
    assert mapped[[30, 36, 39, 42, 45, 48, 54, 60, 64], 0].tolist() == [4, 33, 133, 362, 263, 61, 291, 78, 308]


def test_jaw_points_are_evenly_spread() -> None:
    angle = np.random.default_rng(0).uniform(0, 1, 478)
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    jaw = to_ibug(points)[:9].astype(float)
    line = points[[127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152]]
    length = np.linalg.norm(np.diff(line, axis=0), axis=1).sum()
    assert np.linalg.norm(np.diff(jaw, axis=0), axis=1).max() <= length / 8 + 1e-6
