"""Who is who among clips: embeddings of faces, clustered."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import torch
from scipy.cluster.hierarchy import fcluster, linkage

from segtalker.clips.alike import AlikeSubjects
from segtalker.faces.alignment import align_faces, five_points
from segtalker.nets.external.mobilefacenet import FACE_SIZE, FACE_TEMPLATE, MobileFaceNet, load_mobilefacenet
from segtalker.nets.tensors import rgb_channels
from segtalker.utils.errors import BadInputError

_MOST_CLIPS = 20_000  # all pairs are compared


@cache
def load_face_net(path: Path) -> MobileFaceNet:
    """Reads MobileFaceNet once a process."""
    torch.set_num_threads(1)
    return load_mobilefacenet(path)


@torch.inference_mode()
def embed_faces(net: MobileFaceNet, frames: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """One vector for the person in some frames.

    Args:
        net: MobileFaceNet.
        frames: RGB, `(T, H, W, 3)`, uint8.
        landmarks: `(T, 68, 2)`, px.

    Returns:
        Mean of the frames' unit vectors, of length 1, `(128,)`, float32.
    """
    faces = align_faces(frames, five_points(landmarks), np.array(FACE_TEMPLATE), FACE_SIZE)
    vectors = net(rgb_channels(torch.from_numpy(faces)).contiguous()).numpy()
    mean = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).mean(axis=0)
    return (mean / np.linalg.norm(mean)).astype(np.float32)


def name_people(vectors: Mapping[str, np.ndarray], distance: float) -> dict[str, str]:
    """Clusters clips by who they show (average linkage of cosine distances).

    Args:
        vectors: of each clip, `(D,)`.
        distance: above it, clusters are two people.

    Returns:
        A name for each clip: `person_` and the first clip of the person.

    Raises:
        BadInputError: more clips than can be compared pair by pair.
    """
    clips = sorted(vectors)
    if len(clips) > _MOST_CLIPS:
        raise BadInputError(
            f"{len(clips)} clips are too many to be told apart by face; set download.folder.subject to folder"
        )
    if len(clips) < 2:
        return {clip: f"person_{clip}" for clip in clips}
    tree = linkage(np.stack([vectors[clip] for clip in clips]).astype(np.float64), "average", "cosine")
    labels = fcluster(tree, distance, "distance")
    first: dict[int, str] = {}
    for clip, label in zip(clips, labels, strict=True):
        first.setdefault(int(label), clip)
    return {clip: f"person_{first[int(label)]}" for clip, label in zip(clips, labels, strict=True)}


def alike_subjects(
    vectors: Mapping[str, np.ndarray], subjects: Mapping[str, str], distance: float
) -> list[AlikeSubjects]:
    """Finds subjects who may be one person.

    Two subjects are as far apart as their clips on average, which is what `name_people` clusters by: none that it
    named apart are found here.

    Args:
        vectors: of each clip, `(D,)`, of length 1.
        subjects: who is in each of these clips.
        distance: cosine distance below which two are alike.

    Returns:
        The pairs, most alike first.
    """
    names = sorted({subjects[clip] for clip in vectors})
    members: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for clip, vector in vectors.items():
        members[subjects[clip]].append(vector)
    # the mean over all pairs of their clips is the product of the means
    means = np.array([np.mean(members[name], axis=0, dtype=np.float64) for name in names])
    pairs = []
    for place, name in enumerate(names):
        apart = 1.0 - means[place + 1 :] @ means[place]
        pairs += [
            AlikeSubjects(name, names[place + 1 + later], round(float(apart[later]), 3))
            for later in np.flatnonzero(apart < distance)
        ]
    return sorted(pairs, key=lambda pair: pair.distance)
