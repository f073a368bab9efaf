"""The sound of a video that is written: the user's own, in time however long it is."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from segtalker.media.audio import channel_pieces, load_sound
from segtalker.media.soundtrack import Soundtrack, open_soundtrack
from segtalker.media.video import write_video

NTSC = Fraction(30000, 1001)


def _write_tone(path: Path, seconds: float, rate_hz: int, layout: str) -> None:
    """A tone, each channel half as loud as the one before."""
    channels = av.AudioLayout(layout).nb_channels
    tone = 0.2 * np.sin(np.arange(round(seconds * rate_hz)) * 2 * np.pi * 220 / rate_hz)
    samples = np.stack([tone / 2**number for number in range(channels)]).astype(np.float32)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=rate_hz, layout=layout)
        values = np.ascontiguousarray((samples.T * 32767).astype(np.int16).reshape(1, -1))
        block = av.AudioFrame.from_ndarray(values, "s16", layout)
        block.sample_rate = rate_hz
        container.mux(stream.encode(block))
        container.mux(stream.encode(None))


def _ends(path: Path) -> tuple[float, float]:
    """When the last frame and the last sample of a video end, s, by its packets."""
    last = {"video": 0.0, "audio": 0.0}
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.pts is not None and not packet.is_discard:
                end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                last[packet.stream.type] = max(last[packet.stream.type], end)
    return last["video"], last["audio"]


def _minutes(minutes: int) -> Iterator[np.ndarray]:
    """A click 0.1 s before the end of each minute, at 8 kHz."""
    for _ in range(minutes):
        minute = np.zeros((1, 60 * 8000), np.float32)
        minute[0, -800] = 0.9
        yield minute


@pytest.mark.parametrize(("minutes", "fps"), [(1, NTSC), (10, Fraction(5))])
def test_picture_and_sound_end_together(tmp_path: Path, minutes: int, fps: Fraction) -> None:
    seconds, track = 60 * minutes, Soundtrack(8000, "mono", lambda: _minutes(minutes))
    still = np.zeros((16, 16, 3), np.uint8)
    write_video(tmp_path / "o.mp4", (still for _ in range(round(seconds * fps))), fps, track, 0, 30)
    picture_end, sound_end = _ends(tmp_path / "o.mp4")
    assert picture_end == pytest.approx(seconds, abs=0.5 / float(fps))
    assert abs(picture_end - sound_end) < min(1 / fps, 0.04)
    heard = load_sound(tmp_path / "o.mp4", 8000, seconds - 1, seconds)
    click = heard.start_s + np.abs(heard.samples).argmax() / 8000
    assert click == pytest.approx(seconds - 0.1, abs=0.002)


@pytest.mark.parametrize(
    ("rate_hz", "layout", "written_hz", "written_layout"),
    [(44100, "stereo", 44100, "stereo"), (8000, "mono", 8000, "mono"), (48000, "5.1", 48000, "5.1"),
     (37800, "quad", 44100, "stereo")],
)  # fmt: skip
def test_rate_and_channels_are_the_users_own(
    tmp_path: Path, rate_hz: int, layout: str, written_hz: int, written_layout: str
) -> None:
    _write_tone(tmp_path / "tone.flac", 1.0, rate_hz, layout)
    track = open_soundtrack(tmp_path / "tone.flac")
    assert (track.rate_hz, track.layout) == (written_hz, written_layout)
    write_video(tmp_path / "o.mp4", [np.zeros((16, 16, 3), np.uint8)] * 25, 25, track, 0, 30)
    with av.open(str(tmp_path / "o.mp4")) as container:
        stream = container.streams.audio[0]
        assert (stream.rate, stream.layout.name) == (written_hz, written_layout)
    given, written = (
        np.concatenate(list(channel_pieces(tmp_path / name, written_hz, written_layout)), axis=1)
        for name in ("tone.flac", "o.mp4")
    )
    part = slice(written_hz // 4, written_hz * 3 // 4)
    np.testing.assert_allclose(written[:, part].std(axis=1), given[:, part].std(axis=1), rtol=0.1, atol=0.01)


def test_blocks_are_even_whatever_the_pieces() -> None:
    samples = np.arange(5000, dtype=np.float32)[None]
    pieces = np.split(samples, [1, 30, 2000, 2000, 4990], axis=1)
    blocks = list(Soundtrack(16000, "mono", lambda: pieces).blocks())
    assert [block.samples for block in blocks] == [1024] * 4 + [904]
    assert [block.pts for block in blocks] == [0, 1024, 2048, 3072, 4096]
    np.testing.assert_array_equal(np.concatenate([block.to_ndarray() for block in blocks], axis=1), samples)
