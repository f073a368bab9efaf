"""Turns a person, what the mouth does and how the head moves into frames, masks and landmarks."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from segtalker.regions import BACKGROUND
from segtalker.synthetic.anatomy import EYE_LINE, Mouth, landmarks, shape_at
from segtalker.synthetic.background import paint_backdrop
from segtalker.synthetic.eyes_and_mouth import Gaze, draw_eye, draw_glasses, draw_mouth
from segtalker.synthetic.motion import Motion
from segtalker.synthetic.painter import Layer, paint_person
from segtalker.synthetic.person import Person
from segtalker.synthetic.visemes import Articulation

_TEXELS_PER_PIXEL = 2
_PARALLAX = 0.16
_HAIR_DEPTH, _BODY_DEPTH = -0.10, 0.0
_NECK = 0.55
_JAW_DROP = 0.042


class Rendered(NamedTuple):
    """One frame: RGB `(H, W, 3)` uint8, regions `(H, W)` uint8, 68 landmarks `(68, 2)` float32 pixels."""

    frame: np.ndarray
    regions: np.ndarray
    landmarks: np.ndarray


class Renderer:
    """Renders the frames of one clip.

    Args:
        person: who.
        height: of the frame, pixels.
        width: of the frame, pixels.
        backdrop_seed: chooses the background.
    """

    def __init__(self, person: Person, height: int, width: int, backdrop_seed: int) -> None:
        self.person = person
        self.height, self.width = height, width
        self.size = _TEXELS_PER_PIXEL * min(height, width)
        self.layers = paint_person(person, self.size)
        self.backdrop = paint_backdrop(height, width, backdrop_seed)
        unit = min(height, width) / 2
        # a row and a column: what is done to each by itself is not done for every pixel
        self.x = ((np.arange(width, dtype=np.float32) + 0.5 - width / 2) / unit)[None]
        self.y = ((np.arange(height, dtype=np.float32) + 0.5 - height / 2) / unit)[:, None]
        self.unit = unit
        self._upper: tuple[Gaze, Layer] | None = None

    def render(self, articulation: Articulation, motion: Motion) -> Iterator[Rendered]:
        """Frames in order, one at a time."""
        for index in range(len(articulation)):
            yield self._render(index, shape_at(articulation, index), motion)

    def _render(self, index: int, shape: dict[str, float], motion: Motion) -> Rendered:
        mouth = Mouth(self.person, shape, motion.smile)
        openness = float(motion.openness[index])
        gaze = Gaze(float(motion.gaze[index, 0]), float(motion.gaze[index, 1]), openness)
        head = self._draw_features(mouth, shape, gaze)
        pose = _Pose(motion, index, shape["jaw"], self.person.mouth_y)
        frame = self.backdrop.copy()
        regions = np.full((self.height, self.width), BACKGROUND, np.uint8)
        for layer, maps in (
            (self.layers.hair, self._maps(pose, _HAIR_DEPTH, share=1.0)),
            (self.layers.body, self._maps(pose, _BODY_DEPTH, share=0.35)),
            (head, self._head_maps(pose)),
        ):
            self._lay(frame, regions, layer, maps)
        points = landmarks(self.person, mouth, openness)
        return Rendered(frame, regions, self._project(points, pose))

    def _draw_features(self, mouth: Mouth, shape: dict[str, float], gaze: Gaze) -> Layer:
        # eyes rest most of the time: they are drawn when they move
        if self._upper is None or self._upper[0] != gaze:
            self._upper = gaze, self._draw_eyes(gaze)
        upper = self._upper[1]
        rgba, labels = upper.rgba.copy(), upper.labels.copy()
        draw_mouth(rgba, labels, self.person, mouth, shape)
        return Layer(rgba, labels)

    def _draw_eyes(self, gaze: Gaze) -> Layer:
        rgba, labels = self.layers.head.rgba.copy(), self.layers.head.labels.copy()
        for side in (-1, 1):
            draw_eye(rgba, labels, self.person, side, gaze)
        if self.person.glasses != "none":
            draw_glasses(rgba, labels, self.person)
        return Layer(rgba, labels)

    def _texels(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        half = self.size / 2
        return ((x + 1) * half - 0.5).astype(np.float32), ((y + 1) * half - 0.5).astype(np.float32)

    def _maps(self, pose: "_Pose", depth: float, share: float) -> tuple[np.ndarray, np.ndarray]:
        """Where each pixel looks in a flat layer at one depth that follows the head by `share`."""
        x, y = pose.upright(self.x, self.y, share)
        return self._texels(x - depth * _PARALLAX * pose.yaw, y - depth * _PARALLAX * pose.pitch)

    def _head_maps(self, pose: "_Pose") -> tuple[np.ndarray, np.ndarray]:
        """Where each pixel looks in the head: parallax by depth, and the jaw's drop."""
        x, y = pose.upright(self.x, self.y, 1.0)
        depth = cv2.remap(self.layers.depth, *self._texels(x, y), cv2.INTER_LINEAR)
        x = x - depth * _PARALLAX * pose.yaw
        y = y - depth * _PARALLAX * pose.pitch - pose.jaw_drop(y)
        return self._texels(x, y)

    def _lay(self, frame: np.ndarray, regions: np.ndarray, layer: Layer, maps: tuple[np.ndarray, np.ndarray]) -> None:
        rgba = cv2.remap(layer.rgba, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        through = cv2.cvtColor(255 - rgba[..., 3], cv2.COLOR_GRAY2RGB)
        colour = cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB)  # a copy without gaps, over which adding is ten times as fast
        np.copyto(frame, cv2.add(cv2.multiply(frame, through, scale=1 / 255), colour))
        labels = cv2.remap(layer.labels, *maps, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
        np.copyto(regions, labels, where=labels != 255)

    def _project(self, points: np.ndarray, pose: "_Pose") -> np.ndarray:
        """Landmarks from face units at rest to pixels of the frame, the inverse of `_head_maps`."""
        x, y = points[:, 0].copy(), points[:, 1].copy()
        for _ in range(4):
            map_x, map_y = self._texels(x[None], y[None])
            depth = cv2.remap(self.layers.depth, map_x, map_y, cv2.INTER_LINEAR)[0]
            x = points[:, 0] + depth * _PARALLAX * pose.yaw
            y = points[:, 1] + depth * _PARALLAX * pose.pitch + pose.jaw_drop(y)
        x, y = pose.turned(x, y)
        pixels = np.stack([x * self.unit + self.width / 2 - 0.5, y * self.unit + self.height / 2 - 0.5], 1)
        return pixels.astype(np.float32)


class _Pose:
    """The head's place in one frame."""

    def __init__(self, motion: Motion, index: int, jaw: float, mouth_y: float) -> None:
        self.yaw, self.pitch = float(motion.yaw[index]), float(motion.pitch[index])
        self.roll, self.scale = float(motion.roll[index]), float(motion.scale[index])
        self.shift = [float(value) for value in motion.shift[index]]
        self.jaw, self.mouth_y = jaw, mouth_y

    def upright(self, x: np.ndarray, y: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
        """Frame to face units: takes back shift, roll about the neck, and scale, each by `share`."""
        x, y = x - self.shift[0] * share, y - self.shift[1] * share - _NECK
        cosine, sine = math.cos(self.roll * share), -math.sin(self.roll * share)
        scale = 1 + (self.scale - 1) * share
        return (x * cosine - y * sine) / scale, (x * sine + y * cosine) / scale + _NECK

    def turned(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Face units to the frame, the inverse of `upright`."""
        x, y = x * self.scale, (y - _NECK) * self.scale
        cosine, sine = math.cos(self.roll), math.sin(self.roll)
        return x * cosine - y * sine + self.shift[0], x * sine + y * cosine + _NECK + self.shift[1]

    def jaw_drop(self, y: np.ndarray) -> np.ndarray:
        """How far the jaw has moved what is at height `y`: nothing above the mouth, all of it at the chin."""
        share = np.clip((y - self.mouth_y - 0.02) / 0.16, 0, 1)
        return self.jaw * _JAW_DROP * share * share * (3 - 2 * share) * (y > EYE_LINE)
