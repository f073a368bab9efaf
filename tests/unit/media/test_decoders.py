"""Frames as decoders give them: whole, in part, scaled, their fields apart."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from segtalker.media.video import Decoder, open_video

Writer = Callable[..., Path]


@pytest.mark.parametrize("decoder", ["decord", "pyav"])
def test_scaled_frames_are_the_frames_made_smaller(decoder: Decoder, write_timed: Writer) -> None:
    frame = next(iter(open_video(write_timed("a.mp4", np.arange(5) / 25), decoder)))
    small = frame.scaled(0.5)
    assert small.shape == (32, 32, 3)
    assert np.abs(small[4:-4, 4:-4].astype(int) - frame.image[8:-8:2, 8:-8:2]).mean() < 12


def test_fields_woven_together_are_taken_apart(tmp_path: Path) -> None:
    path = tmp_path / "woven.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"flags": "+ildct+ilme", "x264-params": "tff=1"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for step in range(20):
            image = np.full((64, 64, 3), 20, np.uint8)
            image[0::2, step * 2 : step * 2 + 8] = image[1::2, step * 2 + 1 : step * 2 + 9] = 230
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    video = open_video(path, "decord")
    assert video.is_interlaced
    assert (video.decoder, video.decoder_reason) == ("pyav", "decord cannot deinterlace")
    frames = list(video)
    assert len(frames) == 20
    assert np.diff([frame.time_s for frame in frames]) == pytest.approx(0.04, abs=1e-3)

    def combing(image: np.ndarray) -> float:
        rows = image[8:-8, :, 1].astype(float)
        return np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean()

    with av.open(str(path)) as container:
        woven = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert np.mean([combing(frame.image) for frame in frames]) < 0.3 * np.mean([combing(image) for image in woven])


@pytest.mark.parametrize("decoder", ["decord", "pyav"])
@pytest.mark.parametrize("codec", ["libx264", "mjpeg"])
def test_a_region_has_the_pixels_of_the_frame(decoder: Decoder, codec: str, tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuvj444p" if codec == "mjpeg" else "yuv420p"
        noise = np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
        container.mux(stream.encode(None))
    frame = next(iter(open_video(tmp_path / "a.mkv", decoder)))
    assert frame.memory in (64 * 64 * 3, 64 * 64 * 2, 64 * 64 * 3 // 2)
    for box in ((10, 12, 40, 41), (-5.5, -9, 20.2, 30.7), (50, 3, 90, 99), (0, 0, 63, 63), (70, 80, 90, 99)):
        part, (x, y) = frame.region(*box)
        height, width = part.shape[:2]
        assert np.array_equal(part, frame.image[y : y + height, x : x + width])
        low, high = np.clip(box[:2], 0, 63), np.clip(box[2:], 0, 63)
        assert (np.array([x, y]) <= low).all()
        assert (np.array([x + width, y + height]) > high).all()
    less = frame.part(9.3, 12, 40, 45.5)
    assert less.memory < 0.5 * frame.memory
    for box in ((10, 12, 40, 41), (9.3, 12, 40, 45.5), (20.5, 20, 21, 31)):
        assert less.holds(*box)
        part, origin = less.region(*box)
        assert origin == frame.region(*box)[1]
        assert np.array_equal(part, frame.region(*box)[0])
    for box in ((5, 12, 40, 45), (10, 12, 40, 49), (-5, -5, 70, 70)):
        assert frame.holds(*box)
        assert not less.holds(*box)
    with pytest.raises(ValueError, match="part of the frame"):
        less.image.any()
    assert frame.part(-5, -5, 60, 70) is frame
