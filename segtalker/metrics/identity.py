"""How alike two faces are: the cosine of their embeddings."""

import numpy as np

from segtalker.faces.alignment import align_faces, five_points
from segtalker.metrics.frame_chunks import ChunkFrames, FrameChunk, once_per_chunk
from segtalker.metrics.registry import MetricNet, frame_metric
from segtalker.nets.external.mobilefacenet import FACE_SIZE, FACE_TEMPLATE, load_mobilefacenet
from segtalker.nets.tensors import to_images

MOBILEFACENET = MetricNet(load_mobilefacenet, {"mobilefacenet": "identity_weights"})


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cosine of the vectors of two sets, `(T, D)` each: `(T,)`, float64 in [-1, 1]."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    return (a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))


@once_per_chunk
def face_embeddings(frames: ChunkFrames) -> np.ndarray:
    """Of the face of each frame, placed by the reference's landmarks, `(T, D)`, float32."""
    points = five_points(frames.clip.landmarks[frames.numbers])
    faces = align_faces(frames.own, points, np.array(FACE_TEMPLATE), FACE_SIZE)
    images = to_images(faces, frames.nets.device).contiguous()
    return frames.nets[MOBILEFACENET](images).cpu().numpy()


@frame_metric(
    needs=MOBILEFACENET,
    unit="",
    higher_is_better=True,
    protocol="cosine of MobileFaceNet embeddings (068.ckpt) of frame and reference, placed by the reference's "
    "landmarks",
    source="Chen et al., CCBR 2018",
)
def identity_mobilefacenet(chunk: FrameChunk) -> np.ndarray:
    """Of each frame, `(T,)`, float64."""
    return cosines(face_embeddings(chunk.reference), face_embeddings(chunk.video))
