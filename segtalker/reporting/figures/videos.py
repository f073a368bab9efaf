"""Sample videos for the page: truth, masks and every method of a clip, cut and scaled so that the page stays small."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import cv2
import numpy as np

from segtalker.regions import colourise
from segtalker.reporting.figures.samples import Sample, envelope
from segtalker.reporting.figures.style import webp_bytes
from segtalker.reporting.tables.methods import GROUND_TRUTH, Method

Encoder = Callable[[Iterable[np.ndarray], np.ndarray | None], bytes]
WAVE_POINTS = 160


@dataclass(frozen=True)
class Tile:
    """One screen of a player: a video (MP4) or a still (WebP).

    Args:
        label: what it is.
        note: one short line.
        colour: of the method's dot, or empty.
        video: MP4 bytes, or None.
        image: WebP bytes, or None.
        is_mask: shown with hard pixels.
        has_sound: can be listened to; where several screens have the same sound, one of them.
        is_heard: is listened to at first.
    """

    label: str
    note: str
    colour: str = ""
    video: bytes | None = None
    image: bytes | None = None
    is_mask: bool = False
    has_sound: bool = False
    is_heard: bool = False


@dataclass(frozen=True)
class Player:
    """A clip's screens, played as one; `wave` is the outline of its sound as an SVG path in a 100 x 100 box."""

    title: str
    note: str
    wave: str
    tiles: list[Tile]

    @property
    def heard_video(self) -> bytes | None:
        """MP4 of the screen that is listened to at first."""
        return next((tile.video for tile in self.tiles if tile.is_heard), None)

    @property
    def true_video(self) -> bytes | None:
        """MP4 of the recording."""
        return next((tile.video for tile in self.tiles if tile.label == GROUND_TRUTH.label), None)


def wave_path(samples: np.ndarray, points: int) -> str:
    """The sound as upright bars: an SVG path in a 100 x 100 box.

    Args:
        samples: `(S,)` float32.
        points: how many bars.
    """
    heights = envelope(samples, points)
    heights = 48 * heights / max(float(heights.max()), 1e-3) + 1.5
    step = 100 / points
    bars = [
        f"M{index * step:.2f} {50 - height:.1f}h{step * 0.62:.2f}v{2 * height:.1f}h-{step * 0.62:.2f}z"
        for index, height in enumerate(heights)
    ]
    return "".join(bars)


def scale(image: np.ndarray, size: int) -> np.ndarray:
    """A picture no larger than `size` px: `(H, W, 3)` uint8."""
    if image.shape[0] <= size:
        return image
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)


def paint(mask: np.ndarray, size: int) -> np.ndarray:
    """A region map `(H, W)` in colour at `size` px with hard edges: `(size, size, 3)` uint8."""
    return cv2.resize(colourise(mask), (size, size), interpolation=cv2.INTER_NEAREST_EXACT)


class PlayerMaker:
    """Makes players of one shape.

    Args:
        encode: frames and sound `(S,)` float32 -> MP4 bytes.
        size: side of a video, px.
        max_frames: longer clips are cut.
        fps: frames per second.
        rate_hz: of the sound.
    """

    def __init__(self, encode: Encoder, *, size: int, max_frames: int, fps: int, rate_hz: int) -> None:
        self.encode = encode
        self.size = size
        self.max_frames = max_frames
        self.fps = fps
        self.rate_hz = rate_hz

    def make(self, sample: Sample, system: str) -> Player:
        """All screens of a clip: source, mask, talking mask, output and truth first, then the other methods.

        Args:
            sample: the clip.
            system: the method whose talking mask is shown.
        """
        frames = min(sample.length, self.max_frames)
        sound = self._cut(np.asarray(sample.clip.audio), frames)
        source = scale(sample.clip.frames.read([sample.reference_frame])[0], self.size)
        mask = paint(sample.clip.masks.read([sample.reference_frame])[0], self.size)
        tiles = [
            Tile("Source", "who is to speak", image=webp_bytes(source, is_photo=True)),
            Tile(
                "Mask",
                "its face, region by region",
                image=webp_bytes(mask, is_photo=False),
                is_mask=True,
            ),
        ]
        talking = sample.masks(system)
        if talking is not None:
            images = (paint(frame, self.size) for frame in islice(talking, frames))
            tiles.append(Tile("Talking mask", "moved by the speech", video=self.encode(images, None), is_mask=True))
        methods = sorted(sample.methods, key=lambda method: method.name != system)
        tiles += [self._method(sample, method, frames, method.name == system) for method in methods]
        real = self.encode(self._scaled(sample.clip.frames, frames), sound)
        truth = Tile(GROUND_TRUTH.label, GROUND_TRUTH.short, GROUND_TRUTH.colour, real)
        tiles.insert(len(tiles) - len(methods) + 1, truth)
        return Player(sample.clip.clip_id, self._note(sample, frames), wave_path(sound, WAVE_POINTS), tiles)

    def _note(self, sample: Sample, frames: int) -> str:
        cut = "" if frames == sample.length else f"first {frames / self.fps:.1f} s of "
        why = f"{sample.remark} · " if sample.remark else ""
        return f"{why}{sample.clip.subject} · {cut}{sample.length / self.fps:.1f} s"

    def _method(self, sample: Sample, method: Method, frames: int, is_heard: bool) -> Tile:
        sound = self._cut(sample.sound(method.name), frames)
        video = self.encode(self._scaled(sample.frames(method.name), frames), sound)
        own = sample.sounds[method.name] == sample.clip.audio_path
        return Tile(method.label, method.short, method.colour, video, has_sound=is_heard or not own, is_heard=is_heard)

    def _scaled(self, frames: Iterable[np.ndarray], count: int) -> Iterator[np.ndarray]:
        return (scale(frame, self.size) for frame in islice(frames, count))

    def _cut(self, sound: np.ndarray, frames: int) -> np.ndarray:
        """The sound of so many frames, silence where it ends early."""
        sample_count = frames * self.rate_hz // self.fps
        return np.pad(sound[:sample_count], (0, max(0, sample_count - len(sound)))).astype(np.float32)
