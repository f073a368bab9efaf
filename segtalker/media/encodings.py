"""How videos are encoded, by the suffix of their file: for every player, or with transparency.

MP4 holds no transparency that players show. WebM does in VP9, which browsers show; QuickTime does in ProRes 4444, which
editing programs take.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

_PRESET = "veryfast"  # 0.4 of the time of medium, for a tenth more bytes and 0.3 dB less


@dataclass(frozen=True)
class Encoding:
    """One kind of video file.

    Args:
        container: FFmpeg's name of it.
        codec: of the picture.
        pix_fmt: FFmpeg's name of how pixels are stored.
        options: of the codec; `crf` is added where it takes one.
        takes_crf: whether quality is said by one number, 0 (lossless) to 51 as x264 counts.
        sound_codec: of the sound.
        has_alpha: whether pictures are RGBA.
    """

    container: str
    codec: str
    pix_fmt: str
    options: Mapping[str, str]
    takes_crf: bool
    sound_codec: str
    has_alpha: bool

    def picture_stream(self, container: OutputContainer, size: tuple[int, int], fps: Fraction, crf: int) -> VideoStream:
        """The stream that pictures of one size go into, see `picture`.

        Args:
            container: an open file.
            size: height and width, px.
            fps: frames a second.
            crf: quality.
        """
        options = dict(self.options) | ({"crf": str(crf)} if self.takes_crf else {})
        stream = container.add_stream(self.codec, rate=fps, options=options)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = size
        stream.pix_fmt = self.pix_fmt
        stream.codec_context.colorspace = Colorspace.ITU601
        stream.codec_context.color_range = ColorRange.MPEG
        return stream

    def picture(self, image: np.ndarray, number: int, fps: Fraction) -> av.VideoFrame:
        """A picture as the codec takes it.

        Args:
            image: RGB, `(H, W, 3)`, or RGBA, `(H, W, 4)`, where there is transparency, uint8.
            number: how many come before it.
            fps: frames a second.
        """
        frame = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(image), format="rgba" if self.has_alpha else "rgb24"
        ).reformat(format=self.pix_fmt, dst_colorspace=Colorspace.ITU601)
        frame.pts, frame.time_base = number, 1 / fps
        return frame


ENCODINGS = {
    ".mp4": Encoding(
        container="mp4",
        codec="libx264",
        pix_fmt="yuv420p",
        # x264's macroblock tree reads memory nobody wrote (core 165 with AVX-512): the same frames, other bytes
        options={"preset": _PRESET, "threads": "1", "flags": "+bitexact", "x264-params": "no-mbtree=1"},
        takes_crf=True,
        sound_codec="aac",
        has_alpha=False,
    ),
    ".webm": Encoding(
        container="webm",
        codec="libvpx-vp9",
        pix_fmt="yuva420p",
        options={
            "b": "0", "deadline": "realtime", "cpu-used": "6", "threads": "1", "auto-alt-ref": "0",
            "flags": "+bitexact",
        },
        takes_crf=True,
        sound_codec="libopus",
        has_alpha=True,
    ),
    ".mov": Encoding(
        container="mov",
        codec="prores_ks",
        pix_fmt="yuva444p10le",
        options={"profile": "4444", "threads": "1", "flags": "+bitexact", "vendor": "apl0"},
        takes_crf=False,
        sound_codec="aac",
        has_alpha=True,
    ),
}  # fmt: skip
