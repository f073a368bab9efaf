"""Real recordings through the readers: every codec, odd rates, sound that is late, missing or silent."""

import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from segtalker.clips.record import ClipRecord
from segtalker.config.params import Params, load_params
from segtalker.media.audio import load_audio, load_sound
from segtalker.media.video import open_video
from segtalker.preprocessing.crop import make_timeline
from segtalker.utils.errors import BadClipError

ROOT = Path(os.environ.get("SEGTALKER_REAL_DATA", ""))
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif("SEGTALKER_REAL_DATA" not in os.environ, reason="SEGTALKER_REAL_DATA is not set"),
]
VIDEOS = ROOT / "videos"
FRAME = 640  # samples of a frame at 25 fps and 16 kHz


@pytest.fixture(scope="module")
def params() -> Params:
    """The project's."""
    return load_params(Path(__file__).parents[2])


@pytest.mark.parametrize(
    ("name", "decoder", "size", "frames"),
    [
        ("hdtf/WDA_AlexandriaOcasioCortez_000.mp4", "decord", (512, 512), 200),
        ("mead/M030_sad_3_001.mp4", "decord", (1920, 1080), 93),
        ("grid/brbk7n.mpg", "pyav", (360, 288), 75),
        ("sync/example.avi", "decord", (224, 224), 317),
        ("wild/hevc_portrait_1080x1920.mp4", "decord", (1080, 1920), 250),
        ("wild/variable_rate_22fps.mp4", "decord", (700, 700), 153),
        ("wild/d10.mp4", "decord", (512, 512), 373),
    ],
)
def test_decoders_agree_and_the_rate_is_kept(name: str, decoder: str, size: tuple[int, int], frames: int) -> None:
    wanted, other = open_video(VIDEOS / name, "decord"), open_video(VIDEOS / name, "pyav")
    assert wanted.decoder == decoder
    assert (wanted.width, wanted.height) == size
    pairs = list(zip(islice(wanted, 30), islice(other, 30), strict=True))
    assert max(abs(left.time_s - right.time_s) for left, right in pairs) < 1e-3
    for left, right in pairs[:3]:
        np.testing.assert_array_equal(left.image, right.image)
    assert sum(1 for _ in wanted.at_rate(25, wanted.start_s)) == frames


def test_variable_rate_follows_the_container_not_the_count() -> None:
    video = open_video(VIDEOS / "wild/variable_rate_22fps.mp4", "decord")
    assert video.start_s == pytest.approx(0.033, abs=1e-3)
    picked = list(video.at_rate(25, video.start_s))
    wanted = video.start_s + np.arange(len(picked)) / 25
    assert np.abs([frame.time_s for frame in picked] - wanted).max() < 0.034
    assert len(picked) / 25 == pytest.approx(6.10, abs=0.03)


def sound_lag(name: str, params: Params) -> float:
    """Samples by which the sound of a clip lags behind that of the clip in sync, their pictures laid together."""
    clips = []
    for file in ("test_offset_0.avi", name):
        timeline = make_timeline(ClipRecord(clip_id="clip", source=VIDEOS / "sync" / file), params.base, params.crop)
        frames = [frame.image for frame in islice(timeline.frames(), 60)]
        clips.append((np.stack(frames).astype(np.int16), timeline.sound.cut(timeline.start_s, 10.0)))
    (pictures, reference), (others, shifted) = clips
    later = int(np.abs(others - pictures[30]).mean((1, 2, 3)).argmin()) - 30
    spectrum = np.fft.rfft(shifted, 1 << 19) * np.conj(np.fft.rfft(reference, 1 << 19))
    lag = int(np.fft.irfft(spectrum).argmax())
    return lag - later * FRAME


def test_sound_five_frames_late_is_found_five_frames_late(params: Params) -> None:
    assert sound_lag("example.avi", params) == 0
    assert sound_lag("test_offset_5.avi", params) == pytest.approx(5 * FRAME, abs=FRAME // 4)


def test_encoder_delay_is_no_sound() -> None:
    late = load_sound(VIDEOS / "sync/test_offset_5.avi", 16000)
    in_time = load_sound(VIDEOS / "sync/test_offset_0.avi", 16000)
    spectrum = np.fft.rfft(late.samples, 1 << 19) * np.conj(np.fft.rfft(in_time.samples, 1 << 19))
    assert int(np.fft.irfft(spectrum).argmax()) == 5 * FRAME
    assert late.start_s == pytest.approx(1105 / 16000)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("mead/contempt.mp4", "no sound track, and no sound file beside it"),
        ("wild/silent_mpeg4_30fps_129.mp4", "no sound track, and no sound file beside it"),
        ("wild/s32.mp4", "its sound track is silent"),
    ],
)
def test_clips_without_sound_have_a_reason(name: str, reason: str, params: Params) -> None:
    with pytest.raises(BadClipError, match=reason):
        make_timeline(ClipRecord(clip_id="clip", source=VIDEOS / name), params.base, params.crop)


def test_sound_beside_a_silent_video(params: Params) -> None:
    source = VIDEOS / "wild/Obama_clip2_silent_30fps.mp4"
    record = ClipRecord(clip_id="clip", source=source, audio=source.with_suffix(".wav"))
    timeline = make_timeline(record, params.base, params.crop)
    assert timeline.sound.end_s == pytest.approx(30.0, abs=0.01)
    assert sum(1 for _ in timeline.frames()) in range(749, 753)


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("RD_Radio31_000.wav", 8.0),
        ("bus_chinese_48k_stereo.wav", 3.376),
        ("chinese_poem1_24k.wav", 5.472),
        ("retalking_1_44k_stereo.wav", 5.015),
        ("audio_only_container.mov", 6.316),
    ],
)
def test_speech_of_any_rate(name: str, seconds: float) -> None:
    samples = load_audio(ROOT / "speech" / name, 16000)
    assert len(samples) / 16000 == pytest.approx(seconds, abs=0.002)
    assert np.abs(samples).max() <= 1.001


def test_memory_does_not_grow_with_the_video() -> None:
    script = """
import resource, sys
from pathlib import Path
from segtalker.media.video import open_video
video = open_video(Path(sys.argv[1]), "decord")
frames = video.at_rate(25, video.start_s)
peaks = []
for index, frame in enumerate(frames):
    frame.image
    if index in (40, 249):
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
print(peaks[1] - peaks[0])
"""
    video = VIDEOS / "wild/hevc_portrait_1080x1920.mp4"
    command = [sys.executable, "-c", script, str(video)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert float(answer.stdout) < 60  # MiB; the 209 frames between are 1300
