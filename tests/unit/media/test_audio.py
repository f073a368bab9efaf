"""Sound from any file, on the container's clock."""

import struct
import wave
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from scipy.signal import resample_poly

from segtalker.media.audio import Sound, load_audio, load_sound, sound_pieces
from segtalker.utils.errors import BadClipError

Writer = Callable[..., Path]
RATE = 16000


def click(seconds: float, at: float, rate: int) -> np.ndarray:
    """Quiet noise with one loud click."""
    samples = np.random.default_rng(0).normal(0, 0.003, round(seconds * rate)).astype(np.float32)
    samples[round(at * rate) : round((at + 0.004) * rate)] = 0.9
    return samples


def click_time(sound: Sound) -> float:
    """Container time at which the click begins."""
    return sound.start_s + int((np.abs(sound.samples) > 0.4).argmax()) / sound.sample_rate_hz


def write_pcm(path: Path, samples: np.ndarray, rate: int) -> None:
    """Writes 16-bit sound, `(S, channels)`."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(samples.shape[1])
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((samples * 32767).astype("<i2").tobytes())


@pytest.mark.parametrize(("rate", "up", "down"), [(44100, 160, 441), (48000, 1, 3), (8000, 2, 1), (16000, 1, 1)])
def test_resampling_and_mixing_agree_with_scipy(tmp_path: Path, rate: int, up: int, down: int) -> None:
    time = np.arange(2 * rate) / rate
    left, right = 0.4 * np.sin(2 * np.pi * 440 * time), 0.3 * np.sin(2 * np.pi * 1000 * time**1.1)
    write_pcm(tmp_path / "a.wav", np.stack([left, right], axis=1), rate)
    expected = resample_poly((left + right) / 2, up, down)
    loaded = load_audio(tmp_path / "a.wav", 16000)
    assert loaded.dtype == np.float32
    assert abs(len(loaded) - 32000) <= 32
    inner = slice(400, 31000)
    assert np.abs(loaded[inner] - expected[inner]).max() < 0.01


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [("a.mp4", "aac", 44100), ("a.mp4", "aac", 16000), ("a.mkv", "libmp3lame", 44100), ("a.mov", "pcm_s16le", 48000)],
)
def test_encoder_delay_is_taken_off(write_timed: Writer, name: str, codec: str, rate: int) -> None:
    sound = click(2.0, 1.0, rate)
    path = write_timed(name, np.arange(50) / 25, sound=sound, sound_rate=rate, sound_codec=codec)
    assert click_time(load_sound(path, 16000)) == pytest.approx(1.0, abs=0.003)


def test_mp3_in_avi_whose_delay_nobody_tells(write_timed: Writer) -> None:
    sound = click(2.0, 1.0, 16000)
    path = write_timed("a.avi", np.arange(50) / 25, codec="mpeg4", sound=sound, sound_codec="libmp3lame")
    loaded = load_sound(path, 16000)
    assert loaded.start_s == pytest.approx(1105 / 16000)
    begins = int((np.abs(loaded.samples) > 0.4).argmax())
    assert begins == pytest.approx(16000, abs=32)


def test_sound_that_starts_later_keeps_its_time(write_timed: Writer) -> None:
    sound = click(1.5, 0.5, 16000)
    loaded = load_sound(write_timed("a.mkv", np.arange(50) / 25, sound=sound, sound_start=0.3), 16000)
    assert loaded.start_s == pytest.approx(0.3, abs=0.07)
    assert click_time(loaded) == pytest.approx(0.8, abs=0.004)


def test_lost_packets_become_silence_of_their_length(tmp_path: Path, write_timed: Writer) -> None:
    whole = write_timed("a.mkv", np.arange(100) / 25, sound=click(4.0, 3.0, 16000), sound_codec="pcm_s16le")
    with av.open(str(whole)) as source, av.open(str(tmp_path / "holes.mkv"), "w") as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.pts is not None and not 1.0 <= float(packet.pts * packet.time_base) < 2.0:
                packet.stream = stream
                target.mux(packet)
    loaded = load_sound(tmp_path / "holes.mkv", 16000)
    assert click_time(loaded) == pytest.approx(3.0, abs=0.01)
    assert np.abs(loaded.cut(1.2, 0.6)).max() == 0.0


def test_cut_pads_with_silence() -> None:
    sound = Sound(np.arange(1, 11, dtype=np.float32), 10, start_s=1.0)
    assert sound.end_s == 2.0
    assert sound.cut(1.2, 0.3).tolist() == [3, 4, 5]
    assert sound.cut(0.8, 0.4).tolist() == [0, 0, 1, 2]
    assert sound.cut(1.8, 0.4).tolist() == [9, 10, 0, 0]
    assert sound.cut(0.0, 0.3).tolist() == [0, 0, 0]
    assert sound.cut(5.0, 0.3).tolist() == [0, 0, 0]


def test_no_track_silence_and_rubbish_have_reasons(tmp_path: Path, write_timed: Writer) -> None:
    with pytest.raises(BadClipError, match=r"mute\.mp4: no sound track"):
        load_sound(write_timed("mute.mp4", np.arange(10) / 25), 16000)
    with pytest.raises(BadClipError, match="sound track is silent"):
        load_sound(write_timed("still.mp4", np.arange(10) / 25, sound=np.zeros(8000, np.float32)), 16000)
    (tmp_path / "rubbish.wav").write_bytes(b"RIFF" + b"x" * 200)
    with pytest.raises(BadClipError, match=r"rubbish\.wav: its sound cannot be read"):
        load_sound(tmp_path / "rubbish.wav", 16000)
    with pytest.raises(BadClipError, match=r"none\.wav: its sound cannot be read"):
        load_sound(tmp_path / "none.wav", 16000)


def write_floats(path: Path, samples: np.ndarray) -> None:
    """Writes sound of floats, `(S, channels)`, at 16 kHz."""
    content, channels = samples.astype("<f4").tobytes(), samples.shape[1]
    header = struct.pack("<HHIIHH", 3, channels, 16000, 64000 * channels, 4 * channels, 32)
    chunks = b"fmt " + struct.pack("<I", 16) + header + b"data" + struct.pack("<I", len(content)) + content
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)


@pytest.fixture
def tone() -> np.ndarray:
    """Two seconds of a tone, `(S,)`."""
    return 0.5 * np.sin(np.arange(32000) * 0.1)


@pytest.mark.parametrize(("left", "right"), [(1.0, -1.0), (-0.6, 1.0), (1.0, -0.9)])
def test_channels_that_cancel_each_other_are_heard(tmp_path: Path, tone: np.ndarray, left: float, right: float) -> None:
    write_pcm(tmp_path / "a.wav", np.stack([left * tone, right * tone], axis=1), 16000)
    loudest = tone * (left if abs(left) >= abs(right) else right)
    loaded = load_audio(tmp_path / "a.wav", 16000)
    assert np.abs(loaded - loudest).max() < 1e-3
    pieces = np.concatenate([piece.samples for piece in sound_pieces(tmp_path / "a.wav", 16000)])
    assert pieces.std() == pytest.approx(tone.std(), rel=0.05)


def test_other_channels_are_averaged(tmp_path: Path, tone: np.ndarray) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, len(tone))
    for name, other in (("silent", 0 * tone), ("equal", tone), ("noise", noise), ("soft", -0.2 * tone)):
        write_pcm(tmp_path / f"{name}.wav", np.stack([tone, other], axis=1), 16000)
        assert np.abs(load_audio(tmp_path / f"{name}.wav", 16000) - (tone + other) / 2).max() < 1e-3


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("rate", [16000, 8000])
def test_samples_that_are_no_numbers_are_refused(tmp_path: Path, tone: np.ndarray, value: float, rate: int) -> None:
    tone[20000:20010] = value
    write_floats(tmp_path / "a.wav", tone[:, None])
    with pytest.raises(BadClipError, match=r"a\.wav: samples that are no numbers \(NaN or infinite\) at 1\.2"):
        load_audio(tmp_path / "a.wav", rate)


def test_samples_beyond_full_scale(tmp_path: Path, tone: np.ndarray) -> None:
    write_floats(tmp_path / "loud.wav", 4 * tone[:, None])
    loaded = load_audio(tmp_path / "loud.wav", 16000)
    assert np.abs(loaded - (4 * tone).clip(-1, 1)).max() < 1e-6
    write_floats(tmp_path / "integers.wav", 32767 * tone[:, None])
    with pytest.raises(BadClipError, match=r"integers\.wav: a sample of 16383 where 1 is full scale"):
        load_audio(tmp_path / "integers.wav", 16000)


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "aac"), ("b.mp4", "libmp3lame"), ("c.mov", "pcm_s16le")])
def test_sound_of_a_stretch_lies_where_it_lies_in_the_whole(name: str, codec: str, write_timed: Writer) -> None:
    rng = np.random.default_rng(1)
    sound = (rng.normal(0, 0.1, 20 * RATE) * (1 + np.sin(np.arange(20 * RATE) / 4000))).astype(np.float32)
    path = write_timed(name, np.arange(500) / 25, sound=sound, sound_codec=codec)
    whole, part = load_sound(path, RATE), load_sound(path, RATE, 9.0, 11.0)
    assert len(part.samples) < 5 * RATE
    assert np.abs(part.cut(9.0, 2.0) - whole.cut(9.0, 2.0)).max() < 0.02
