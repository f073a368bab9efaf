"""How a person moves while speaking: head, gaze, blinks. None of it depends on the sound."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Motion:
    """Per frame, each `(T,)`, float32.

    Args:
        yaw: turn of the head, about -1 to 1.
        pitch: nod, about -1 to 1.
        roll: tilt in radians.
        shift: of the head, `(T, 2)`, face units.
        scale: of the head, about 1.
        gaze: `(T, 2)`, -1 to 1.
        openness: of the eyes, 0 to 1.
        smile: lift of the mouth's corners, -1 to 1.
    """

    yaw: np.ndarray
    pitch: np.ndarray
    roll: np.ndarray
    shift: np.ndarray
    scale: np.ndarray
    gaze: np.ndarray
    openness: np.ndarray
    smile: float


def _drift(times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A smooth random curve within about -1 to 1, without any step."""
    waves = [
        rng.uniform(0.3, 0.6) * np.sin(2 * np.pi * rate * times + rng.uniform(0, 2 * np.pi))
        for rate in (rng.uniform(0.08, 0.18), rng.uniform(0.25, 0.45), rng.uniform(0.5, 0.8))
    ]
    return (waves[0] + 0.6 * waves[1] + 0.25 * waves[2]).astype(np.float32)


def _blinks(times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    openness, at = np.ones(len(times)), rng.uniform(0.4, 2.5)
    while at < times[-1]:
        openness *= 1 - np.exp(-(((times - at) / 0.075) ** 4))
        at += rng.uniform(1.8, 4.5)
    return openness


def _glances(times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    gaze, at, now = np.zeros((len(times), 2)), 0.0, np.zeros(2)
    while at < times[-1]:
        gaze[times >= at] = now
        at += rng.uniform(0.5, 1.8)
        now = rng.normal(0, 0.35, 2).clip(-0.9, 0.9) if rng.uniform() < 0.6 else np.zeros(2)
    return gaze


def draw_motion(frames: int, fps: int, rng: np.random.Generator) -> Motion:
    """Motion for a clip of so many frames."""
    times = np.arange(frames) / fps
    rest = rng.uniform(-0.45, 0.45, 2)
    return Motion(
        yaw=0.75 * _drift(times, rng) + rest[0],
        pitch=0.5 * _drift(times, rng) + 0.5 * rest[1],
        roll=0.045 * _drift(times, rng),
        shift=np.stack([0.035 * _drift(times, rng), 0.022 * _drift(times, rng)], 1),
        scale=1 + 0.015 * _drift(times, rng),
        gaze=_glances(times, rng).astype(np.float32),
        openness=(_blinks(times, rng) * rng.uniform(0.85, 1.0)).astype(np.float32),
        smile=float(rng.uniform(0.45, 1.25)),
    )
