"""Face identity with public weights on real people: the same person in two frames, and others."""

import os
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch

from segtalker.faces.alignment import align_faces, five_points
from segtalker.faces.detectors import make_detector
from segtalker.media.video import open_video
from segtalker.metrics.identity import cosines
from segtalker.nets.external.mobilefacenet import FACE_SIZE, FACE_TEMPLATE, load_mobilefacenet
from segtalker.nets.tensors import rgb_channels

ROOT = os.environ.get("SEGTALKER_REAL_DATA", "")
pytestmark = [pytest.mark.real, pytest.mark.skipif(not ROOT, reason="SEGTALKER_REAL_DATA is not set")]
VIDEOS = ("hdtf/WDA_AlexandriaOcasioCortez_000.mp4", "wild/d10.mp4", "wild/d11.mp4", "wild/d12.mp4")
FRAMES = (0, 40)


@pytest.fixture
def embeddings(mediapipe_weights: str) -> np.ndarray:
    """Of two frames of each video, `(V, 2, 128)`."""
    root = Path(ROOT)
    detector = make_detector("mediapipe", mediapipe_weights)
    net = load_mobilefacenet(root / "weights" / "mobilefacenet_068.ckpt")
    faces = []
    for video in VIDEOS:
        for index, frame in enumerate(open_video(root / "videos" / video, "pyav")):
            if index in FRAMES:
                points = detector.landmarks(frame.image)
                assert points is not None, video
                aligned = align_faces(frame.image[None], five_points(points[None]), np.array(FACE_TEMPLATE), FACE_SIZE)
                faces.append(aligned[0])
            if index == max(FRAMES):
                break
    detector.close()
    with torch.inference_mode():
        found = net(rgb_channels(torch.from_numpy(np.stack(faces))))
    return found.numpy().reshape(len(VIDEOS), len(FRAMES), -1)


def test_one_person_is_nearer_to_themself_than_to_anybody(embeddings):
    same = cosines(embeddings[:, 0], embeddings[:, 1])
    others = [cosines(embeddings[a], embeddings[b]).max() for a, b in combinations(range(len(VIDEOS)), 2)]
    assert same.min() > 0.55
    assert max(others) < 0.35
