"""Videos with transparency: colours and alpha come back."""

from pathlib import Path

import av
import numpy as np
import pytest

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
