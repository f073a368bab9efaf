"""Detectors: how they are made and what they say where something is missing."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from segtalker.errors import MissingWeightsError, SegTalkerError
from segtalker.faces.detect import check_detector, make_detector
from segtalker.faces.mediapipe_points import to_ibug


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No weights but those a test puts here."""
    monkeypatch.setenv("SEGTALKER_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As in a worker process."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


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


@pytest.mark.usefixtures("one_thread")
def test_face_alignment_runs_from_files_without_a_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from face_alignment.detection.sfd.net_s3fd import s3fd
    from face_alignment.models import FAN

    def no_network(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("tried to download")

    monkeypatch.setattr("torch.hub.download_url_to_file", no_network)
    torch.manual_seed(0)
    blind = {name: torch.zeros_like(value) for name, value in s3fd().state_dict().items()}
    for name, bias in blind.items():
        if name.endswith("conf.bias"):
            bias[:-1] = 20.0  # the last score is the face's
    torch.save(blind, tmp_path / "s3fd-619a316812.pth")
    torch.save(FAN(4).state_dict(), tmp_path / "2DFAN4-11f355bf06.pth.tar")
    detector = make_detector("face_alignment", str(tmp_path))
    frame = np.random.default_rng(0).integers(0, 255, (96, 96, 3), dtype=np.uint8)
    assert detector.landmarks(frame) is None
    monkeypatch.setattr(
        "face_alignment.detection.sfd.sfd_detector.SFDDetector.detect_from_image",
        lambda _self, _image: [np.array([10, 10, 80, 80, 0.9])],
    )
    found = detector.landmarks(frame)
    assert found is not None
    assert found.shape == (68, 2)
    assert found.dtype == np.float32


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
