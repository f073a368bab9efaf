"""MediaPipe's landmarks and the crops made with them, on published points and real recordings."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from segtalker.clips.image_pack import ImagePack
from segtalker.clips.record import ClipRecord
from segtalker.config.params import Params, load_params
from segtalker.datasets.hdtf import hdtf_recordings
from segtalker.faces.detectors import Detector, make_detector
from segtalker.media.images import read_image
from segtalker.media.video import open_video
from segtalker.preprocessing.crop import crop_clip

ROOT = Path(os.environ.get("SEGTALKER_REAL_DATA", ""))
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif("SEGTALKER_REAL_DATA" not in os.environ, reason="SEGTALKER_REAL_DATA is not set"),
]
WEIGHTS = str(ROOT / "weights" / "face_landmarker.task")


@pytest.fixture
def detector(mediapipe_weights: str) -> Iterator[Detector]:
    """A fresh one, for it remembers the face."""
    made = make_detector("mediapipe", mediapipe_weights)
    yield made
    made.close()


@pytest.fixture(scope="module")
def params() -> Params:
    """The project's, with MediaPipe."""
    loaded = load_params(Path(__file__).parents[2])
    crop = loaded.crop.model_copy(update={"detector": "mediapipe", "weights": WEIGHTS, "max_seconds": 1.2})
    return loaded.model_copy(update={"crop": crop})


def test_published_points(detector: Detector) -> None:
    folder = ROOT / "metrics" / "landmarks"
    published = np.array(json.loads((folder / "aflw-test_68points.json").read_text())["points_xyz"])[:, :2]
    found = detector.landmarks(read_image(folder / "aflw-test.jpg"))
    assert found is not None
    errors = np.linalg.norm(found - published, axis=1) / np.linalg.norm(published[36] - published[45])
    assert errors[17:].mean() < 0.04
    assert errors[27:].max() < 0.08
    assert errors.mean() < 0.06


@pytest.mark.parametrize("name", ["s23.jpg", "s30.jpg", "s33.jpg", "s36.jpg"])
def test_animals_have_no_face(detector: Detector, name: str) -> None:
    assert detector.landmarks(read_image(ROOT / "portraits" / name)) is None


@pytest.mark.parametrize(
    "name",
    ["people_0.png", "s12.jpg", "s0.jpg", "s4.jpg", "s5.jpg", "s6.jpg", "s7.jpg", "full3.png", "full_body_1.png"],
)
def test_people_paintings_statue_cartoon_and_small_faces_have_one(detector: Detector, name: str) -> None:
    image = read_image(ROOT / "portraits" / name)
    found = detector.landmarks(image)
    assert found is not None
    eyes, mouth, chin = found[36:48].mean(axis=0), found[48:].mean(axis=0), found[8]
    assert eyes[1] < mouth[1] < chin[1]
    assert found[36:42, 0].mean() < found[42:48, 0].mean()


def test_a_small_face_is_not_lost_in_a_large_picture(detector: Detector) -> None:
    video = open_video(ROOT / "videos/wild/hevc_portrait_1080x1920.mp4", "decord")
    found = [detector.landmarks(frame.image) for frame in video if 88 <= frame.index < 96]
    assert len(found) == 8
    assert all(points is not None for points in found)  # the whole picture alone misses 92 and 93


@pytest.mark.usefixtures("detector")
@pytest.mark.parametrize(
    "name",
    [
        "grid/lbax4n.mpg",
        "mead/M030_sad_3_001.mp4",
        "wild/hevc_portrait_1080x1920.mp4",
        "wild/variable_rate_22fps.mp4",
        "wild/s18.mp4",
        "wild/d12.mp4",
    ],
)
def test_crops_hold_the_face(name: str, params: Params, tmp_path: Path) -> None:
    row = ClipRecord(clip_id="clip", source=ROOT / "videos" / name)
    assert crop_clip(params.base, params.crop, 64, row, tmp_path) == {"frames": 30, "seconds": 1.2}
    landmarks, size = np.load(tmp_path / "landmarks.npy"), params.base.image_size
    assert landmarks.min() > 0.04 * size
    assert landmarks.max() < 0.97 * size
    heights = np.ptp(landmarks[..., 1], axis=1) / size
    assert heights.min() > 0.4
    assert heights.max() < 0.8
    assert np.median(np.abs(np.diff(landmarks, axis=0))) < 0.03 * size


@pytest.mark.usefixtures("detector")
def test_a_clip_of_hdtf_is_not_cropped_again(params: Params, tmp_path: Path) -> None:
    source = ROOT / "videos/hdtf/WDA_AlexandriaOcasioCortez_000.mp4"
    base = params.base.model_copy(update={"image_size": 512})
    crop_clip(base, params.crop, 64, ClipRecord(clip_id="clip", source=source), tmp_path)
    assert json.loads((tmp_path / "crop.json").read_text())["squares"] == [[-0.5, -0.5, 512.0]]
    original = next(iter(open_video(source, "decord"))).image.astype(int)
    assert np.abs(ImagePack(tmp_path / "frames.zip").read([0])[0] - original).mean() < 1.0


@pytest.mark.usefixtures("detector")
def test_a_distributed_clip_of_hdtf_keeps_its_pixels(params: Params, tmp_path: Path) -> None:
    """Whatever square this project would choose: the dataset's is the whole frame."""
    settings = load_params(Path(__file__).parents[2]).download.hdtf
    settings = settings.model_copy(update={"clips": f"{ROOT}/videos/hdtf", "root": "raw"})
    (record,) = hdtf_recordings(settings, tmp_path).records
    base = params.base.model_copy(update={"image_size": 512})
    crop_clip(base, params.crop.model_copy(update={"margin": 0.1, "lossless": "all"}), 64, record, tmp_path)
    decoded_frames = np.stack([frame.image for frame in islice(open_video(record.source, "pyav"), 30)])
    np.testing.assert_array_equal(ImagePack(tmp_path / "frames.zip").read(), decoded_frames)


def test_a_process_that_restores_signal_handlers_lives_on(mediapipe_weights: str) -> None:
    """Lightning puts back the handlers Python knew of; MediaPipe's profiling ticks then killed the process."""
    code = f"""
import signal, numpy as np
from segtalker.faces.detectors import make_detector
detector = make_detector("mediapipe", {mediapipe_weights!r})
known = signal.getsignal(signal.SIGPROF)
detector.landmarks(np.zeros((256, 256, 3), np.uint8))
signal.signal(signal.SIGPROF, known)
sum(range(30_000_000))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
