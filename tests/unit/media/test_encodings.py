"""Videos with transparency: colours and alpha come back."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace

from segtalker.media.encodings import ENCODINGS
from segtalker.media.video import write_video


@pytest.mark.parametrize(("suffix", "decoder", "tolerance"), [(".webm", "libvpx-vp9", 6), (".mov", "prores", 3)])
def test_alpha_and_colours_come_back(tmp_path: Path, suffix: str, decoder: str, tolerance: int) -> None:
    frame = np.zeros((64, 96, 4), np.uint8)
    frame[..., :3] = (180, 70, 40)
    frame[:, 32:64, 3], frame[:, 64:, 3] = 128, 255
    path = tmp_path / f"clear{suffix}"
    sound = np.random.default_rng(0).uniform(-0.1, 0.1, 3200).astype(np.float32)
    assert write_video(path, iter([frame] * 5), 25, sound, 16000, 10) == 5
    with av.open(str(path)) as container:
        assert len(container.streams.audio) == 1
        stream = container.streams.video[0]
        # FFmpeg's own decoder of VP9 leaves alpha out
        context = av.CodecContext.create(decoder, "r")
        context.extradata = stream.codec_context.extradata
        context.width, context.height = 96, 64
        packets = [packet for packet in container.demux(stream) if packet.size]
        images = [image.to_ndarray(format="rgba") for packet in packets for image in context.decode(packet)]
    assert images
    for image in (images[0].astype(int), images[-1].astype(int)):
        assert image.shape == frame.shape
        for part, alpha in ((np.s_[:, 2:30], 0), (np.s_[:, 34:62], 128), (np.s_[:, 66:94], 255)):
            assert np.abs(image[part][..., 3] - alpha).max() <= tolerance
        assert np.abs(image[:, 66:94, :3] - (180, 70, 40)).max() < 12


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 4), dtype=np.uint8)
    for suffix in (".webm", ".mov"):
        for name in ("a", "b"):
            write_video(tmp_path / f"{name}{suffix}", iter(frames), 25, None, 16000, 20)
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".mov"])
def test_a_picture_is_what_the_codec_is_handed_by_hand(tmp_path: Path, suffix: str) -> None:
    """Stages' videos must keep their bytes: the conversion is spelled out here a second time."""
    encoding, fps = ENCODINGS[suffix], Fraction(30000, 1001)
    images = np.random.default_rng(2).integers(0, 256, (3, 32, 128, 3 + encoding.has_alpha), dtype=np.uint8)
    for number, image in enumerate(images[:, :, ::-1]):
        frame = encoding.picture(image, number, fps)
        kind = "rgba" if encoding.has_alpha else "rgb24"
        expected = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format=kind)
        expected = expected.reformat(format=encoding.pix_fmt, dst_colorspace=Colorspace.ITU601)
        assert (frame.format.name, frame.pts, frame.time_base) == (encoding.pix_fmt, number, 1 / fps)
        assert [bytes(plane) for plane in frame.planes] == [bytes(plane) for plane in expected.planes]
    path, by_hand = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    write_video(path, iter(images), fps, None, 16000, 20)
    options = {"fflags": "+bitexact"} | ({"movflags": "+faststart"} if suffix != ".webm" else {})
    with av.open(f"file:{by_hand}", "w", format=encoding.container, options=options) as container:
        stream = encoding.picture_stream(container, (32, 128), fps, 20)
        for number, image in enumerate(images):
            container.mux(stream.encode(encoding.picture(image, number, fps)))
        container.mux(stream.encode(None))
    assert path.read_bytes() == by_hand.read_bytes()
