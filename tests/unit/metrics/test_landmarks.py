"""Landmarks and their distance: the shape counts, the place does not; frames in which a detector is blind."""

import dataclasses
import json
import os
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from segtalker.clips.image_pack import ImagePack, write_images
from segtalker.clips.store import processed_clip
from segtalker.evaluation import clip as evaluation
from segtalker.evaluation.metric_nets import WeightFiles
from segtalker.metrics.landmarks import MEDIAPIPE, MOUTH_POINTS, landmark_distance, mouth_points
from segtalker.regions import LIP, MOUTH, PALETTE

EYES = 30.0  # px, between the centres of the drawn face's
BLACK = 15  # frames without a face


def _mouth(width: float, opening: float, centre=(40.0, 30.0), lips: float = 5.0) -> np.ndarray:
    y, x = np.mgrid[:60, :80]
    span = np.clip(1 - ((x - centre[0]) / width) ** 2, 0, None) ** 0.5
    mask = np.where(np.abs(y - centre[1]) <= (opening + lips) * span - 0.5, LIP, 0)
    return np.where((np.abs(y - centre[1]) <= opening * span - 0.5) & (mask == LIP), MOUTH, mask).astype(np.uint8)


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(landmark_distance(mouth_points(a[None]), mouth_points(b[None]))[0])


def test_points_lie_on_the_mouth():
    mask = _mouth(20, 8)
    points = mouth_points(mask[None])[0]
    assert points.shape == (MOUTH_POINTS, 2)
    rows, columns = np.nonzero(np.isin(mask, (LIP, MOUTH)))
    assert abs(points[:, 0].min() - columns.min()) <= 2
    assert points[3, 1] == rows.min()  # the middle of the upper lip's upper edge
    assert points[10, 1] == rows.max() + 1
    opening = np.nonzero((mask == MOUTH)[:, 40])[0]
    assert points[17, 1] == opening.min()
    assert points[24, 1] == opening.max() + 1


def test_distance_grows_with_the_wrong_opening_and_ignores_the_place():
    mask = _mouth(20, 6)
    assert _distance(mask, mask) == 0.0
    assert _distance(mask, _mouth(20, 6, centre=(48.0, 25.0))) == pytest.approx(0.0, abs=1e-9)
    distances = [_distance(mask, _mouth(20, opening)) for opening in (6, 4, 2, 0)]
    assert distances == sorted(distances)
    assert distances[-1] > 2.0


def test_stray_pixels_do_not_move_the_corners():
    mask = _mouth(20, 6)
    stray = mask.copy()
    stray[50, 2] = LIP
    assert _distance(mask, stray) < 0.3


def test_without_a_mouth_there_is_no_number():
    empty = np.zeros((1, 60, 80), np.uint8)
    assert np.isnan(mouth_points(empty)).all()
    assert np.isnan(landmark_distance(mouth_points(empty), mouth_points(_mouth(20, 6)[None]))).all()


def test_distance_in_a_known_case():
    square = np.array([[[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]]])
    assert landmark_distance(square, square * 2)[0] == pytest.approx(np.sqrt(2.0))


class MouthFinder:
    """Sees the drawn mouth: its lower end moves all points of the mouth, and the middle of the picture the others."""

    def landmarks(self, frame: np.ndarray) -> np.ndarray | None:
        rows = np.flatnonzero((abs(frame.astype(int) - PALETTE[MOUTH]) < 30).all(axis=2).any(axis=1))
        if not frame.any():
            return None
        points = np.full((68, 2), 64.0)
        points[48:68, 1] = rows[-1] if len(rows) else 90.0
        points[48:58, 1] -= 10.0
        return points

    def close(self) -> None:
        pass


def _scores(config, folder: Path, methods: str) -> dict:
    folder.mkdir(exist_ok=True)
    record = evaluation.EvaluationRecord(
        clip_id="face", subject="face", source=Path("x.mp4"), methods=tuple(methods.split())
    )
    evaluation.evaluate_clip(config, record, folder)
    scores = json.loads((folder / "scores.json").read_text())
    assert not scores["failures"]
    return scores["scores"]


@pytest.fixture
def config(drawn: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> evaluation.EvaluateConfig:
    config = drawn.evaluate_config(tmp_path)
    drawn.write_clip(config.data, "face", drawn.speech(1))
    weights = WeightFiles((("mediapipe_face_landmarker", tmp_path / "stands for the file"),))
    monkeypatch.setattr(evaluation, "load_metric_nets", lambda _: drawn.make_nets())
    monkeypatch.setattr(evaluation, "make_finders", lambda _: {MEDIAPIPE: MouthFinder()})
    return dataclasses.replace(config, nets=dataclasses.replace(config.nets, weights=weights))


def test_frames_in_which_the_face_is_lost_are_counted(config, tmp_path):
    frames = processed_clip(config.data, config.dataset, "face", "face").frames.read()
    lost = frames.copy()
    lost[:BLACK] = 0
    write_images(config.generate_folder / "lost" / "face" / "frames.zip", lost, ".png")
    write_images(config.generate_folder / "black" / "face" / "frames.zip", 0 * lost, ".png")
    scores = _scores(config, tmp_path / "out", "lost black")
    assert scores["ground_truth"]["faces_mediapipe"]["value"] == 1.0
    assert scores["lost"]["lmd_mouth_mediapipe"]["value"] == 0.0
    assert scores["lost"]["faces_mediapipe"]["value"] == 1 - BLACK / len(frames)
    assert scores["black"]["faces_mediapipe"]["value"] == 0.0
    assert scores["black"]["lmd_mouth_mediapipe"]["value"] is None
    assert "no face" in scores["black"]["lmd_mouth_mediapipe"]["reason"]


def test_the_distance_is_that_of_the_definition(config, tmp_path, drawn):
    quiet = drawn.paint(drawn.draw_masks(drawn.speech(1) * 0.5))
    write_images(config.generate_folder / "quiet" / "face" / "frames.zip", quiet, ".jpg")
    found = _scores(config, tmp_path / "out", "quiet")["quiet"]
    packs = (
        config.data / "crop" / config.dataset / "clips" / "face" / "frames.zip",
        config.generate_folder / "quiet" / "face",
    )
    points = [
        np.stack([MouthFinder().landmarks(frame) for frame in ImagePack(path).read()])
        for path in (packs[0], packs[1] / "frames.zip")
    ]
    for name, chosen in (("lmd_mouth_mediapipe", slice(48, 68)), ("lmd_face_mediapipe", slice(None))):
        centred = [p[:, chosen] - p[:, chosen].mean(axis=1, keepdims=True) for p in points]
        expected = np.sqrt(((centred[0] - centred[1]) ** 2).sum(axis=2)).mean() / EYES * 100
        assert found[name]["value"] == pytest.approx(expected)
    assert found["lmd_face_mediapipe"]["value"] > found["lmd_mouth_mediapipe"]["value"] == 0.0


@pytest.mark.real
@pytest.mark.skipif(not os.environ.get("SEGTALKER_REAL_DATA"), reason="SEGTALKER_REAL_DATA is not set")
def test_a_real_mouth_held_still_is_seen_and_a_picture_moved_is_not():
    from segtalker.faces.detectors import make_detector
    from segtalker.media.video import open_video

    root = Path(os.environ["SEGTALKER_REAL_DATA"])
    video = open_video(root / "videos/hdtf/WDA_AlexandriaOcasioCortez_000.mp4", "pyav")
    frames = [frame.image for frame, _ in zip(video, range(30), strict=False)]
    move = np.array([[1.0, 0.0, 9.0], [0.0, 1.0, -6.0]])
    moved = [cv2.warpAffine(frame, move, frame.shape[1::-1], borderMode=cv2.BORDER_REPLICATE) for frame in frames]
    points = {}
    for name, shown in (("real", frames), ("moved", moved), ("still", frames[:1] * len(frames))):
        finder = make_detector("mediapipe", str(root / "weights/face_landmarker.task"))
        points[name] = np.stack([finder.landmarks(frame) for frame in shown])[:, 48:68]
        finder.close()
    distances = {name: landmark_distance(points["real"], found).mean() for name, found in points.items()}
    assert distances["moved"] < 0.5  # px, of 512
    assert distances["still"] > 4 * distances["moved"]
