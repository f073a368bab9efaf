"""S3FD and 2DFAN-4 in batches, against the package they come from; networks with random weights unless it is said."""

import json
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from face_alignment import FaceAlignment, LandmarksType, utils
from face_alignment.detection.sfd.net_s3fd import s3fd
from face_alignment.models import FAN

from segtalker.faces import face_alignment_detector as module
from segtalker.faces.detectors import make_detector
from segtalker.faces.face_alignment_detector import FaceAlignmentDetector
from segtalker.media.images import read_image
from segtalker.utils.errors import MissingWeightsError, SegTalkerError

FILES = ("s3fd-619a316812.pth", "2DFAN4-11f355bf06.pth.tar")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As in a worker process."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files like the published ones; this S3FD takes a few places in a hundred for a face."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(3)
    finder = s3fd().state_dict()
    for name, value in finder.items():
        if name.endswith("conf.weight"):
            value *= 5.0
        if name.endswith("conf.bias"):
            value[-1] -= 2.0  # the last score is the face's
    torch.save(finder, folder / FILES[0])
    torch.save(FAN(4).state_dict(), folder / FILES[1])
    return folder


@pytest.fixture
def detector(folder: Path, monkeypatch: pytest.MonkeyPatch) -> FaceAlignmentDetector:
    """A fresh one, for it remembers the face; it must not download."""

    def no_network(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("tried to download")

    monkeypatch.setattr("torch.hub.download_url_to_file", no_network)
    made = make_detector("face_alignment", str(folder))
    assert isinstance(made, FaceAlignmentDetector)
    return made


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    """Noise of several grains, RGB, `(3, 96, 128, 3)`, uint8."""
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 255, (size, size, 3), dtype=np.uint8) for size in (5, 11, 24)]
    return [cv2.resize(image, (128, 96), interpolation=cv2.INTER_CUBIC) for image in noise]


@pytest.fixture
def package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> FaceAlignment:
    """The package itself with the same weights, not compiled."""

    class Local(FaceAlignment):
        def _load_native(self, _name: str, network_size: int, _device: str, _dtype: Any) -> Any:
            net = FAN(network_size)
            net.load_state_dict(torch.load(folder / FILES[1], weights_only=True))
            return net.eval()

    for name in ("_get_preds_fromhm", "transform_np"):
        monkeypatch.setattr(utils, name, getattr(utils, name).py_func)
    kwargs = {"path_to_detector": str(folder / FILES[0])}
    return Local(LandmarksType.TWO_D, device="cpu", compile=False, face_detector_kwargs=kwargs)


def test_boxes_are_those_of_the_package(
    detector: FaceAlignmentDetector, package: FaceAlignment, frames: list[np.ndarray]
) -> None:
    found = module._faces(detector._nets, frames)
    counts = []
    for frame, boxes in zip(frames, found, strict=True):
        published = np.array(package.face_detector.detect_from_image(frame)).reshape(-1, 5)[:, :4]
        wanted = module._plausible(published, *frame.shape[:2])
        assert boxes == pytest.approx(wanted, abs=1e-3)
        counts.append(len(boxes))
    assert min(counts) > 1


def test_landmarks_are_those_of_the_package_but_for_the_fraction_it_cuts_off(
    detector: FaceAlignmentDetector, package: FaceAlignment, frames: list[np.ndarray]
) -> None:
    for frame, box in zip(frames, ([20, 15, 100, 90], [-10, 5, 60, 80], [70, 30, 128, 96]), strict=True):
        face = np.array([*box, 0.9])
        published = package.get_landmarks_from_image(frame, detected_faces=[face])[0]
        found = module._points(detector._nets, [(frame, face[:4])])[0]
        assert found.shape == (68, 2)
        assert found.dtype == np.float32
        # cut off towards zero, so by half a pixel either way around a pixel's centre, more left of the picture
        right = (published > 0).all(axis=1)
        assert right.sum() > 30
        assert np.abs(found - published)[right].max() <= 0.5 + 1e-3
        assert np.abs(found - published).max() <= 1.5 + 1e-3


def test_peaks_are_those_of_the_package() -> None:
    heatmaps = np.random.default_rng(1).normal(size=(3, 68, 64, 64)).astype(np.float32)
    for index, (y, x) in enumerate([(0, 0), (63, 63), (0, 30), (30, 63), (1, 1), (62, 62)]):
        heatmaps[0, index, y, x] = 9.0
    best = heatmaps.reshape(3, 68, -1).argmax(axis=-1)
    published, _ = utils._get_preds_fromhm.py_func(heatmaps, best.copy())
    assert module._peaks(heatmaps) == pytest.approx(published)


def test_a_batch_gives_what_single_frames_give(
    folder: Path, detector: FaceAlignmentDetector, frames: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    single = [detector.landmarks(frame) for frame in frames]
    monkeypatch.setitem(module._BATCH, detector._nets.device, 2)
    batch = make_detector("face_alignment", str(folder)).landmarks_batch(frames)
    for one, other in zip(single, batch, strict=True):
        assert one is not None
        assert other == pytest.approx(one, abs=1e-4)
    assert np.abs(batch[0] - batch[1]).max() > 1


def test_frames_of_several_sizes_and_without_a_face(
    detector: FaceAlignmentDetector, frames: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(module, "_candidates", lambda _nets, images: asked.append(images.shape) or _one_face(images))
    monkeypatch.setattr(module, "_heatmaps", lambda _nets, faces: np.zeros((len(faces), 68, 64, 64), np.float32))
    mixed = [frames[0], frames[0][:64], np.zeros((64, 128, 3), np.uint8), frames[1]]
    found = detector.landmarks_batch(mixed)
    assert [points is None for points in found] == [False, False, True, False]
    assert {shape[1:3] for shape in asked} == {(96, 128), (64, 128)}
    assert detector.landmarks_batch([]) == []


def _one_face(images: np.ndarray) -> list[np.ndarray]:
    """A face in the middle of what is not black."""
    return [np.array([[30, 20, 80, 60, 0.9]]) if image.any() else np.zeros((0, 5)) for image in images]


def test_large_frames_are_looked_at_smaller(
    detector: FaceAlignmentDetector, package: FaceAlignment, frames: list[np.ndarray]
) -> None:
    large = cv2.resize(frames[1], (1280, 160), interpolation=cv2.INTER_CUBIC)
    small = cv2.resize(large, (640, 80), interpolation=cv2.INTER_AREA)
    published = np.array(package.face_detector.detect_from_image(small))[:, :4]
    wanted = module._plausible((published + 0.5) * 2 - 0.5, 160, 1280)
    assert len(wanted) > 1
    assert module._faces(detector._nets, [large])[0] == pytest.approx(wanted, abs=1e-2)


SMALL, LARGE, FAR = [10.0, 10, 40, 40], [50.0, 20, 120, 90], [300.0, 300, 340, 340]


@pytest.fixture
def boxes(monkeypatch: pytest.MonkeyPatch) -> list[list[list[float]]]:
    """Boxes of one frame after the other, to be filled in; a face's first point is the corner of its box."""
    shown: list[list[list[float]]] = []
    monkeypatch.setattr(module, "_faces", lambda _nets, images: [_boxes(shown.pop(0)) for _ in images])
    monkeypatch.setattr(module, "_points", lambda _nets, faces: [box.reshape(2, 2) for _, box in faces])
    return shown


def _boxes(listed: list[list[float]]) -> np.ndarray:
    return np.array(listed).reshape(-1, 4)


def test_the_largest_face_is_followed(detector: FaceAlignmentDetector, boxes: list, frames: list[np.ndarray]) -> None:
    boxes += [[SMALL, LARGE], [], [[45.0, 20, 115, 90], [200.0, 200, 500, 500]], [FAR]]
    found = detector.landmarks_batch([frames[0]] * 4)
    assert [None if points is None else points[0].tolist() for points in found] == [
        [50, 20],
        None,
        [45, 20],
        [300, 300],
    ]


def test_a_face_that_was_named_is_not_left_for_another(
    detector: FaceAlignmentDetector, boxes: list, frames: list[np.ndarray]
) -> None:
    boxes += [[SMALL, LARGE], [FAR], [FAR, [14.0, 12, 44, 42]]]
    detector.follow(np.array([[12.0, 12.0], [38.0, 38.0]]))
    found = [detector.landmarks(frames[0]) for _ in range(3)]
    assert [None if points is None else points[0].tolist() for points in found] == [[10, 10], None, [14, 12]]


def test_all_faces_are_found(detector: FaceAlignmentDetector, boxes: list, frames: list[np.ndarray]) -> None:
    boxes += [[SMALL, LARGE], []]
    assert len(detector.faces(frames[0])) == 2
    assert detector.faces(frames[0]) == []


def test_boxes_that_cannot_be_cut_out_are_dropped() -> None:
    listed = [LARGE, [5, 5, 6, 60], [-50, 0, -10, 40], [200, 0, 240, 40], [-900, -900, 900, 900], [0, 0, np.inf, 9]]
    kept = module._plausible(np.array([*listed, [np.nan] * 4], np.float64), 96, 128)
    assert kept.tolist() == [LARGE]


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("content", ["page", "empty", "the other", "not weights", "code"])
def test_wrong_files_are_refused_on_one_line(which: int, content: str, folder: Path, tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / name).symlink_to(folder / name)
    file = tmp_path / FILES[which]
    file.unlink()
    if content == "the other":
        file.symlink_to(folder / FILES[1 - which])
    elif content == "not weights":
        torch.save([1, 2], file)
    else:
        file.write_bytes({"page": b"<html>", "empty": b"", "code": pickle.dumps(os.system)}[content])
    with pytest.raises(SegTalkerError, match=r"published weights of .*weights fetch face_alignment_") as caught:
        make_detector("face_alignment", str(tmp_path))
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.real
def test_published_points() -> None:
    """With the published weights, if they are in the cache."""
    root = os.environ.get("SEGTALKER_REAL_DATA")
    if not root:
        pytest.skip("SEGTALKER_REAL_DATA is not set")
    try:
        detector = make_detector("face_alignment", "")
    except MissingWeightsError as error:
        pytest.skip(str(error))
    folder = Path(root) / "metrics" / "landmarks"
    published = np.array(json.loads((folder / "aflw-test_68points.json").read_text())["points_xyz"])[:, :2]
    found = detector.landmarks(read_image(folder / "aflw-test.jpg"))
    assert found is not None
    errors = np.linalg.norm(found - published, axis=1) / np.linalg.norm(published[36] - published[45])
    assert errors.mean() < 0.03
    assert errors.max() < 0.1
