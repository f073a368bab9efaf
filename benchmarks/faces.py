"""Faces with region masks for measurements: photographs where SEGTALKER_REAL_DATA is set, else rendered people."""

import os
from pathlib import Path

import numpy as np

from datamodules.labelled_images import PairFolder
from segtalker.datasets.pairs import find_pairs
from segtalker.synthetic.motion import draw_motion
from segtalker.synthetic.person import draw_person
from segtalker.synthetic.renderer import Renderer
from segtalker.synthetic.visemes import Articulation

_FPS = 25
_SEED = 7


def rendered_face(subject: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """A rendered person with an open mouth: RGB `(H, W, 3)` and regions `(H, W)`, uint8."""
    half = np.full(1, 0.5, np.float32)
    motion = draw_motion(1, _FPS, np.random.default_rng(subject))
    renderer = Renderer(draw_person(_SEED, subject), side, side, subject)
    image = next(iter(renderer.render(Articulation(half, half, half, half, half, half, half), motion)))
    return image.frame, image.regions


def labelled_faces(count: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Faces of different people.

    Returns:
        RGB `(N, side, side, 3)` and regions `(N, side, side)`, uint8.
    """
    root = os.environ.get("SEGTALKER_REAL_DATA")
    if root:
        folder = PairFolder(find_pairs(Path(root) / "masks")[:count], "celebamask_hq", side)
        pairs = [folder.read(index, 0) for index in range(count)]
    else:
        pairs = [rendered_face(subject, side) for subject in range(count)]
    images, labels = zip(*pairs, strict=True)
    return np.stack(images), np.stack(labels)
