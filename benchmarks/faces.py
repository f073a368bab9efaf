"""Faces with region masks for measurements: photographs where SEGTALKER_REAL_DATA is set, else rendered people."""

import os
from pathlib import Path

import numpy as np

from datamodules.labelled_images import PairFolder
from segtalker.datasets.pairs import find_pairs
from segtalker.synthetic.motion import draw_motion
from segtalker.synthetic.person import draw_person
from segtalker.synthetic.renderer import Rendered, Renderer
from segtalker.synthetic.visemes import Articulation

_FPS = 25
_SEED = 7


def _rendered(subject: int, side: int, frames: int) -> list[Rendered]:
    wave = (0.5 + 0.5 * np.sin(np.arange(frames) / 2.5)).astype(np.float32)
    still = np.zeros_like(wave)
    motion = draw_motion(frames, _FPS, np.random.default_rng(subject))
    speech = Articulation(wave, 0.5 + still, still, still, still, wave, still)
    return list(Renderer(draw_person(_SEED, subject), side, side, subject).render(speech, motion))


def rendered_person(subject: int, side: int, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """A rendered person who opens and closes the mouth: RGB `(T, H, W, 3)` and regions `(T, H, W)`, uint8."""
    rendered = _rendered(subject, side, frames)
    return np.stack([image.frame for image in rendered]), np.stack([image.regions for image in rendered])


def rendered_face(side: int) -> Rendered:
    """A rendered person's picture of `side` px with its regions and points."""
    return _rendered(0, side, 1)[0]


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
        pairs = [(frames[0], regions[0]) for frames, regions in (rendered_person(who, side, 1) for who in range(count))]
    images, labels = zip(*pairs, strict=True)
    return np.stack(images), np.stack(labels)
