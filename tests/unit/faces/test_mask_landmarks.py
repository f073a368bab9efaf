"""Landmarks read off a region mask."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from segtalker.faces.detectors import make_detector
from segtalker.faces.mask_landmarks import landmarks_from_mask
from segtalker.faces.mouth_box import face_transforms
from segtalker.regions import LIP, MOUTH, REGION_INDEX, merge_labels

EYES, NOSE, BROWS = (REGION_INDEX[name] for name in ("eyes", "nose", "eyebrows"))
POSE = (128, 64.0, 52.0, 30.0)


@pytest.mark.parametrize("open_by", [0.0, 0.25])
@pytest.mark.parametrize("turn", [-12, 0, 12])
def test_points_lie_on_the_drawn_face(open_by: float, turn: float, draw: Any) -> None:
    rotation = cv2.getRotationMatrix2D((64, 64), turn, 1)
    mask = cv2.warpAffine(draw(*POSE, open_by).mask, rotation, (128, 128), flags=cv2.INTER_NEAREST)
    expected = cv2.transform(draw(*POSE, open_by).landmarks[None], rotation)[0]
    found = landmarks_from_mask(mask)
    assert found is not None
    error = np.linalg.norm(found.points - expected, axis=1) / POSE[3]
    assert error[36:48].max() < 0.12
    assert error[48:60].mean() < 0.12
    assert error[31:36].mean() < 0.12
    place, true_place = (face_transforms(points[None], 1)[0] for points in (found.points, expected))
    np.testing.assert_allclose(place @ [0, 1.4, 1], true_place @ [0, 1.4, 1], atol=0.06 * POSE[3])


def test_closed_eyes_are_placed_by_the_brows(draw: Any) -> None:
    mask = draw(*POSE, 0.1).mask
    mask[mask == EYES] = REGION_INDEX["skin"]
    found = landmarks_from_mask(mask)
    assert found is not None
    eyes = found.points[36:48].reshape(2, 6, 2).mean(axis=1)
    np.testing.assert_allclose(eyes, [(49, 52), (79, 52)], atol=5)


@pytest.mark.parametrize("gone", [(EYES, BROWS), (NOSE,), (LIP, MOUTH)])
def test_a_mask_without_a_part_has_no_face(gone: tuple[int, ...], draw: Any) -> None:
    mask = draw(*POSE, 0.1).mask
    mask[np.isin(mask, gone)] = REGION_INDEX["skin"]
    assert landmarks_from_mask(mask) is None


def test_a_jumbled_mask_has_no_face(draw: Any) -> None:
    mask = draw(*POSE, 0.1).mask
    assert landmarks_from_mask(mask[::-1].copy()) is None
    assert landmarks_from_mask(np.zeros_like(mask)) is None


@pytest.mark.real
def test_points_agree_with_a_landmark_network_on_people(mediapipe_weights: str, request: pytest.FixtureRequest) -> None:
    """Against MediaPipe's points on photographs with masks painted by people, at 128 px."""
    detector = make_detector("mediapipe", mediapipe_weights)
    request.addfinalizer(detector.close)
    errors, lost = [], 0
    for path in sorted((Path(mediapipe_weights).parents[1] / "masks" / "images").glob("*.jpg"))[:24]:
        image = np.asarray(Image.open(path).convert("RGB").resize((512, 512)))
        expected = detector.landmarks(image)
        labels = np.asarray(Image.open(path.parent.parent / "labels" / f"{path.stem}.png").resize((128, 128), 0))
        found = landmarks_from_mask(merge_labels(labels, "celebamask_hq"))
        if found is None:
            lost += 1
        elif expected is not None:
            eyes = np.linalg.norm(expected[45] - expected[36])
            errors.append(np.linalg.norm(found.points * 4 - expected, axis=1)[31:60].mean() / eyes)
    assert lost <= 4
    assert np.mean(errors) < 0.06
