"""Detectors: how they are made and what they say where something is missing."""

from pathlib import Path

import pytest

from segtalker.faces.detectors import check_detector, make_detector
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
