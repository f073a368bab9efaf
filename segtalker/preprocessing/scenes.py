"""Scene cuts as frames come, by PySceneDetect's adaptive detector.

A jump cut, from one sentence of an interview to another, hardly changes the picture: the wall stays, only the face
jumps. So a window around the face is watched too.

A picture that stutters is no cut. The detector asks whether a frame differs more from the one before than its
neighbours do from theirs, and after a frozen frame, or where frames were lost, movement catches up at once. Such a step
is as large as the movement of some frames together, while a cut is larger: that is asked too.
"""

from collections import deque
from collections.abc import Sequence

import cv2
import numpy as np
from scenedetect import FrameTimecode
from scenedetect.detectors import AdaptiveDetector

from segtalker.media.decoders import TimedFrame

_SIDE = 256  # px; larger frames are scaled down to it
_RATE = 25.0  # PySceneDetect counts in frames; times are kept here
_WINDOW = 1.3  # side of the window around a face, in its sizes
_WINDOW_SIDE = 128  # px it is scaled to
_DRIFT = 0.35  # how far a face may move inside its window, in its sizes
_GROWTH = 1.4
_STEP_FRAMES = 3  # what a jump is compared with is the movement over so many frames, and as many more as stood still
_MOST_FROZEN = 5
_LARGER = 1.4  # than that movement a cut is; joins of two real recordings begin at 2
_STILL = 0.03  # of a jump: by so little a frame differs that repeats the one before, for it was coded anew
_LOOK_AHEAD = _STEP_FRAMES + _MOST_FROZEN
_RECENT = 2 * _LOOK_AHEAD + 1  # frames kept, on either side of a jump


class SceneCuts:
    """Looks at frames one after the other and remembers where a new scene begins.

    Args:
        threshold: how many times more than its neighbours a frame must differ from the one before.
    """

    def __init__(self, threshold: float) -> None:
        self._detector = AdaptiveDetector(adaptive_threshold=threshold, min_scene_len=1)
        self._times: list[float] = []
        self._recent: deque[np.ndarray] = deque(maxlen=_RECENT)
        self._jumps: list[int] = []  # not yet known to be cuts
        self._cuts: list[int] = []

    @property
    def times(self) -> list[float]:
        """When scenes begin, but for the first one."""
        return [self._times[index] for index in [*self._cuts, *filter(self._is_cut, self._jumps)]]

    def see(self, frame: np.ndarray, time_s: float) -> None:
        """Takes in the next frame, RGB, `(H, W, 3)`, uint8."""
        factor = _SIDE / max(frame.shape[:2])
        small = cv2.resize(frame, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA) if factor < 1 else frame
        timecode = FrameTimecode(len(self._times), _RATE)
        self._times.append(time_s)
        self._recent.append(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
        self._jumps += [jump.frame_num for jump in self._detector.process_frame(timecode, self._recent[-1])]
        if self._jumps and len(self._times) > self._jumps[0] + _LOOK_AHEAD:
            if self._is_cut(self._jumps[0]):
                self._cuts.append(self._jumps[0])
            self._jumps.pop(0)

    def _is_cut(self, jump: int) -> bool:
        """Whether a jump is larger than the movement on either side of it, inside the scenes there."""
        before, after = self._scene_frames(jump - 1, -1), self._scene_frames(jump, 1)
        size = _difference(before[0], after[0])
        places, later_places = (_places(frames, _STILL * size) for frames in (before, after))
        frozen = places[1] - 1 if len(places) > 1 else 0
        steps = _STEP_FRAMES + min(frozen, _MOST_FROZEN)
        earlier, later = before[places[: steps + 1][-1]], after[later_places[: steps + 1][-1]]
        return size > _LARGER * max(_difference(before[0], earlier), _difference(after[0], later))

    def _scene_frames(self, start: int, step: int) -> list[np.ndarray]:
        """The frames from `start` on, forward or back, up to the next jump, as far as they are kept."""
        oldest, starts = len(self._times) - len(self._recent), {*self._cuts, *self._jumps}
        frames: list[np.ndarray] = []
        while oldest <= start < len(self._times) and len(frames) <= _LOOK_AHEAD:
            frames.append(self._recent[start - oldest])
            if max(start, start + step) in starts:
                break
            start += step
        return frames


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(cv2.absdiff(one, other).mean())


def _places(frames: Sequence[np.ndarray], still: float) -> list[int]:
    """Which frames are not a repeat of the one before, the first included."""
    return [0, *(n for n in range(1, len(frames)) if _difference(frames[n - 1], frames[n]) > still)]


class FaceCuts:
    """Jump cuts in a window around the largest face.

    The window stands still as long as the face stays in it. When it has to move, the detector begins anew, for frames
    before and after cannot be compared.

    Args:
        threshold: see `SceneCuts`.
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._cuts = SceneCuts(threshold)
        self._found: list[float] = []
        self._middle, self._size = np.zeros(2), 0.0

    @property
    def times(self) -> list[float]:
        """When the face jumped."""
        return [*self._found, *self._cuts.times]

    def aim(self, faces: Sequence[np.ndarray]) -> None:
        """Moves the window if it has to; faces as landmarks, each `(68, 2)`, px of the recording."""
        if not faces:
            return
        sizes = [float(np.ptp(points, axis=0).max()) for points in faces]
        size = max(sizes)
        points = faces[sizes.index(size)]
        middle = (points.min(axis=0) + points.max(axis=0)) / 2
        has_drifted = np.abs(middle - self._middle).max() > _DRIFT * self._size
        if has_drifted or not self._size / _GROWTH < size < self._size * _GROWTH:
            self._found += self._cuts.times
            self._cuts, self._middle, self._size = SceneCuts(self._threshold), middle, size

    def see(self, frame: TimedFrame) -> None:
        """Takes in the next frame; before there was a face, nothing is looked at."""
        if not self._size:
            return
        side = _WINDOW * self._size
        factor = min(_WINDOW_SIDE / side, 1.0)
        left, top = ((self._middle - side / 2) * factor).round().astype(int).clip(0)
        pixels = max(round(side * factor), 2)
        window = frame.scaled(factor)[top : top + pixels, left : left + pixels]
        if min(window.shape[:2]) > 1:
            self._cuts.see(window, frame.time_s)


def all_cuts(scenes: SceneCuts, jumps: FaceCuts, together_s: float) -> list[float]:
    """Cuts of both kinds in order of time; those closer together than `together_s` are one."""
    cuts: list[float] = []
    for time_s in sorted([*scenes.times, *jumps.times]):
        if not cuts or time_s - cuts[-1] > together_s:
            cuts.append(time_s)
    return cuts
