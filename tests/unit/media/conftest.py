"""Small videos whose frames can be told apart after any codec."""

import subprocess
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest

from segtalker.media.video import Decoder, open_video

SIZE = 64
BITS = 8
CLOCK = 90_000


def numbered_image(number: int, height: int = SIZE, width: int = SIZE) -> np.ndarray:
    """A frame that carries its number as black and white stripes, the top half; the lower half is grey."""
    image = np.full((height, width, 3), 128, np.uint8)
    for bit in range(BITS):
        level = 235 if number >> bit & 1 else 20
        image[: height // 2, bit * width // BITS : (bit + 1) * width // BITS] = level
    return image


def read_number(image: np.ndarray) -> int:
    """The number in a frame made by `numbered_image`."""
    height, width = image.shape[:2]
    middles = [(2 * bit + 1) * width // (2 * BITS) for bit in range(BITS)]
    return sum(1 << bit for bit, x in enumerate(middles) if image[height // 4, x].mean() > 128)


@pytest.fixture
def draw_number() -> Callable[..., np.ndarray]:
    """`numbered_image`."""
    return numbered_image


@pytest.fixture
def ffmpeg() -> Callable[..., None]:
    """Runs ffmpeg with arguments."""

    def run(*arguments: object) -> None:
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-y", "-v", "error", *map(str, arguments)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)

    return run


@pytest.fixture
def numbers() -> Callable[..., list[int]]:
    """Numbers of the frames of a video that come out at a rate."""

    def read(path: Path, decoder: Decoder, fps: float) -> list[int]:
        video = open_video(path, decoder)
        return [read_number(frame.image) for frame in video.at_rate(fps, video.start_s)]

    return read


@pytest.fixture
def write_timed(tmp_path: Path) -> Callable[..., Path]:
    """Writes numbered frames at given times, and sound that begins at a given time."""

    def write(
        name: str,
        times: Sequence[float],
        codec: str = "libx264",
        sound: np.ndarray | None = None,
        sound_rate: int = 16000,
        sound_start: float = 0.0,
        sound_codec: str = "aac",
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            picture = container.add_stream(codec, rate=25, options={"bf": "2"} if codec == "libx264" else {})
            picture.width = picture.height = SIZE
            picture.pix_fmt = "yuv420p"
            clock = CLOCK if codec == "libx264" else 25
            picture.codec_context.time_base = Fraction(1, clock)
            audio = container.add_stream(sound_codec, rate=sound_rate, layout="mono") if sound is not None else None
            for number, time in enumerate(times):
                frame = av.VideoFrame.from_ndarray(numbered_image(number), format="rgb24").reformat(format="yuv420p")
                frame.pts, frame.time_base = round(time * clock), Fraction(1, clock)
                container.mux(picture.encode(frame))
            container.mux(picture.encode(None))
            if audio is not None and sound is not None:
                block = av.AudioFrame.from_ndarray(sound[None].astype(np.float32), format="fltp", layout="mono")
                block.sample_rate, block.time_base = sound_rate, Fraction(1, sound_rate)
                block.pts = round(sound_start * sound_rate)
                for part in _blocks(audio, block):
                    container.mux(audio.encode(part))
                container.mux(audio.encode(None))
        return path

    return write


def _blocks(stream: av.AudioStream, block: av.AudioFrame) -> list[av.AudioFrame]:
    """The block in the encoder's format."""
    context = stream.codec_context
    resampler = av.AudioResampler(context.format.name, "mono", context.sample_rate, context.frame_size or 1024)
    return [*resampler.resample(block), *resampler.resample(None)]
