"""What a player shows of a file, and that both readers show it."""

import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from segtalker.media.audio import load_sound
from segtalker.media.video import Decoder, open_video, write_video
from segtalker.utils.errors import BadClipError

Writer = Callable[..., Path]
Numbers = Callable[[Path, Decoder, float], list[int]]
Tool = Callable[..., None]
BOTH = pytest.mark.parametrize("decoder", ["decord", "pyav"])


def scene(height: int, width: int) -> np.ndarray:
    """A picture whose four quarters differ, `(H, W, 3)`."""
    image = np.full((height, width, 3), 128, np.uint8)
    image[: height // 2, : width // 2] = (220, 40, 40)
    image[height // 2 :, : width // 2] = (40, 200, 60)
    return image


def write_stored(path: Path, image: np.ndarray, aspect: Fraction) -> None:
    """Five frames of a picture, stored as it is, with pixels of an aspect."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "5"})
        stream.height, stream.width, stream.pix_fmt = *image.shape[:2], "yuv420p"
        stream.codec_context.sample_aspect_ratio = aspect
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))


def put_cover_first(path: Path) -> None:
    """Moves the tags of an MP4, cover art among them, before its tracks; what they point at comes before both."""
    content = path.read_bytes()
    start = content.rindex(b"moov") - 4
    boxes, place = [], start + 8
    while place < len(content):
        size = int.from_bytes(content[place : place + 4], "big")
        boxes.append(content[place : place + size])
        place += size
    boxes.sort(key=lambda box: (b"mvhd", b"udta").index(box[4:8]) if box[4:8] in (b"mvhd", b"udta") else 2)
    path.write_bytes(content[: start + 8] + b"".join(boxes))


@BOTH
@pytest.mark.parametrize(
    ("aspect", "shown"),
    [(Fraction(4, 3), (128, 96)), (Fraction(16, 11), (140, 96)), (Fraction(3, 4), (96, 128)), (Fraction(1), (96, 96))],
)
def test_pixels_that_are_not_square(tmp_path: Path, decoder: Decoder, aspect: Fraction, shown: tuple[int, int]) -> None:
    write_stored(tmp_path / "a.mp4", scene(96, 96), aspect)
    video = open_video(tmp_path / "a.mp4", decoder)
    assert (video.width, video.height) == shown
    frame = next(iter(video))
    assert (frame.width, frame.height) == shown
    assert np.abs(frame.image.astype(int) - scene(shown[1], shown[0])).mean() < 4
    assert frame.scaled(0.5).shape[:2] == (shown[1] // 2, shown[0] // 2)
    for held in (frame, frame.part(4, 6, 40, 50)):
        part, (x, y) = held.region(10, 12, 40, 41)
        assert np.array_equal(part, frame.image[y : y + part.shape[0], x : x + part.shape[1]])


@BOTH
def test_frames_that_an_edit_list_hides(
    write_timed: Writer, tmp_path: Path, decoder: Decoder, numbers: Numbers, ffmpeg: Tool
) -> None:
    sound = np.random.default_rng(0).normal(0, 0.003, 32000).astype(np.float32)
    sound[16000:16064] = 0.9  # at frame 25
    whole = write_timed("whole.mp4", np.arange(50) / 25, sound=sound)
    ffmpeg("-ss", 0.52, "-i", whole, "-c", "copy", tmp_path / "trim.mp4")
    assert numbers(tmp_path / "trim.mp4", decoder, 25) == list(range(13, 50))
    video, heard = open_video(tmp_path / "trim.mp4", decoder), load_sound(tmp_path / "trim.mp4", 16000)
    click_s = np.abs(heard.cut(video.start_s, 1.4)).argmax() / 16000
    assert click_s == pytest.approx(1.0 - 0.52, abs=0.01)
    assert video.decoder == "pyav"
    if decoder == "decord":
        assert video.decoder_reason == "decord counts 50 frames, 37 are shown"


@BOTH
def test_cover_art_is_no_video(
    write_timed: Writer, tmp_path: Path, decoder: Decoder, numbers: Numbers, ffmpeg: Tool
) -> None:
    video = write_timed("a.mp4", np.arange(20) / 25, sound=np.full(12800, 0.1, np.float32))
    Image.new("RGB", (320, 180), "red").save(tmp_path / "cover.jpg")
    first = ("-map", 0, "-map", 1, "-c", "copy", "-disposition:v:0", "attached_pic")
    ffmpeg("-i", tmp_path / "cover.jpg", "-i", video, *first, tmp_path / "covered.mp4")
    put_cover_first(tmp_path / "covered.mp4")
    with av.open(str(tmp_path / "covered.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "mjpeg"
    assert numbers(tmp_path / "covered.mp4", decoder, 25) == list(range(20))
    song = ("-map", 0, "-map", "1:a", "-c:v", "copy", "-c:a", "libmp3lame", "-disposition:v", "attached_pic")
    ffmpeg("-i", tmp_path / "cover.jpg", "-i", video, *song, tmp_path / "song.mp3")
    with pytest.raises(BadClipError, match=r"song\.mp3: no picture in it but its cover"):
        open_video(tmp_path / "song.mp3", decoder)


@BOTH
@pytest.mark.parametrize(
    ("name", "encoder", "codec"),
    [("a.mp4", "libx265", "hevc"), ("a.mp4", "libsvtav1", "av1"), ("a.webm", "libvpx-vp9", "vp9")],
)
def test_codecs(
    write_timed: Writer, name: str, encoder: str, codec: str, tmp_path: Path, decoder: Decoder, numbers: Numbers,
    ffmpeg: Tool,
) -> None:  # fmt: skip
    ffmpeg("-i", write_timed("h264.mp4", np.arange(20) / 25), "-c:v", encoder, "-crf", 20, tmp_path / name)
    assert open_video(tmp_path / name, decoder).codec == codec
    assert numbers(tmp_path / name, decoder, 25) == list(range(20))


@pytest.mark.parametrize("name", ["a.webm", "a.mkv"])
def test_a_file_written_to_a_pipe_has_a_length(
    write_timed: Writer, tmp_path: Path, name: str, numbers: Numbers, ffmpeg: Tool
) -> None:
    codec = "libvpx" if name.endswith("webm") else "copy"
    ffmpeg("-i", write_timed("a.mp4", np.arange(40) / 25), "-c:v", codec, "-live", 1, tmp_path / name)
    video = open_video(tmp_path / name, "pyav")
    assert video.stated_seconds is None
    assert video.seconds == pytest.approx(1.6, abs=0.002)
    assert numbers(video.path, "pyav", 25) == list(range(40))


@pytest.mark.parametrize("name", ["a.h264", "a.hevc"])
def test_a_bare_stream_goes_by_the_rate_it_states(
    write_timed: Writer, tmp_path: Path, name: str, numbers: Numbers, ffmpeg: Tool
) -> None:
    encoder = "libx265" if name.endswith("hevc") else "libx264"
    ffmpeg("-i", write_timed("a.mp4", np.arange(40) / 50), "-c:v", encoder, "-r", 50, "-frames:v", 40, tmp_path / name)
    video = open_video(tmp_path / name, "decord")
    assert (video.decoder, video.decoder_reason) == ("pyav", "decord makes up times of its own")
    assert (video.fps, video.seconds) == (50.0, pytest.approx(0.8))
    assert numbers(tmp_path / name, "pyav", 25) == list(range(0, 40, 2))


def test_a_bare_stream_without_a_rate_is_refused(write_timed: Writer, tmp_path: Path, ffmpeg: Tool) -> None:
    ffmpeg("-i", write_timed("a.mp4", np.arange(10) / 25), "-c:v", "mjpeg", "-f", "mjpeg", tmp_path / "a.mjpeg")
    with pytest.raises(BadClipError, match=r"a\.mjpeg: a bare mjpeg stream without times or frame rate; ffmpeg -fr"):
        open_video(tmp_path / "a.mjpeg", "pyav")


def test_mpeg_program_streams_are_measured(write_timed: Writer) -> None:
    video = open_video(write_timed("a.mpg", np.arange(40) / 25, codec="mpeg1video"), "pyav")
    assert video.seconds == pytest.approx(1.6, abs=0.001)


@BOTH
@pytest.mark.parametrize("name", ["take:1.mp4", "50%d.mp4", "-x.mp4", "a b'c.mp4", "file:x.mp4"])
def test_names_of_any_kind(
    tmp_path: Path, name: str, decoder: Decoder, numbers: Numbers, draw_number: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    sound = np.full(6400, 0.5, np.float32)
    assert write_video(Path(name), [draw_number(number) for number in range(10)], 25, sound, 16000, crf=10) == 10
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert numbers(Path(name), decoder, 25) == list(range(10))
    assert len(load_sound(Path(name), 16000).samples) >= 6400


@BOTH
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_mirrored_video_is_shown_mirrored(tmp_path: Path, decoder: Decoder, degrees: int, ffmpeg: Tool) -> None:
    upright = scene(48, 96)
    stored = np.rot90(upright[:, ::-1], k=degrees // 90)
    write_video(tmp_path / "stored.mp4", [stored] * 5, 25, None, 16000, crf=8)
    turn = ("-display_rotation", degrees, "-display_hflip")
    ffmpeg(*turn, "-i", tmp_path / "stored.mp4", "-c", "copy", tmp_path / "turned.mp4")
    ffmpeg("-i", tmp_path / "turned.mp4", "-frames:v", 1, tmp_path / "shown.png")
    shown = np.asarray(Image.open(tmp_path / "shown.png"))
    image = next(iter(open_video(tmp_path / "turned.mp4", decoder))).image
    assert image.shape == shown.shape
    assert np.abs(image.astype(int) - shown).mean() < 4


def test_a_slant_is_refused(tmp_path: Path, ffmpeg: Tool) -> None:
    write_video(tmp_path / "stored.mp4", [scene(48, 96)] * 5, 25, None, 16000, crf=8)
    ffmpeg("-display_rotation", 45, "-i", tmp_path / "stored.mp4", "-c", "copy", tmp_path / "turned.mp4")
    with pytest.raises(BadClipError, match="shown at a slant"):
        open_video(tmp_path / "turned.mp4", "pyav")


def test_pixels_that_nobody_can_mean_are_refused(tmp_path: Path, ffmpeg: Tool) -> None:
    write_stored(tmp_path / "a.mp4", scene(64, 64), Fraction(1))
    ffmpeg("-i", tmp_path / "a.mp4", "-c", "copy", "-aspect", "50:1", tmp_path / "wide.mkv")
    with pytest.raises(BadClipError, match=r"wide\.mkv: its header says pixels of 50:1"):
        open_video(tmp_path / "wide.mkv", "pyav")


@pytest.mark.parametrize(("height", "reason"), [(128, ""), (96, "changes from 64x64 to 128x96 at 0.40 s")])
def test_a_shape_that_changes_on_the_way(tmp_path: Path, ffmpeg: Tool, height: int, reason: str) -> None:
    content = b""
    for name, image, later_s in (("a", scene(64, 64), 0.0), ("b", scene(height, 128), 0.4)):
        write_video(tmp_path / f"{name}.mp4", [image] * 10, 25, None, 16000, crf=8)
        ts = ("-c", "copy", "-muxpreload", 0, "-muxdelay", 0, "-output_ts_offset", later_s)
        ffmpeg("-i", tmp_path / f"{name}.mp4", *ts, tmp_path / f"{name}.ts")
        content += (tmp_path / f"{name}.ts").read_bytes()
    (tmp_path / "both.ts").write_bytes(content)
    video = open_video(tmp_path / "both.ts", "pyav")
    if reason:
        with pytest.raises(BadClipError, match=reason):
            list(video)
    else:
        shown = list(video)
        assert shown[-1].time_s > 0.6
        assert {frame.image.shape for frame in shown} == {(64, 64, 3)}


@pytest.mark.parametrize(("default", "said"), [(1, "the default one, fra"), (None, "the first one, eng")])
def test_the_default_of_several_sound_tracks_is_heard(
    write_timed: Writer, tmp_path: Path, default: int | None, said: str, ffmpeg: Tool
) -> None:
    tracks = []
    for level in (0.1, 0.2, 0.3):
        path = tmp_path / f"{level}.wav"
        with wave.open(str(path), "wb") as out:
            out.setparams((1, 2, 16000, 0, "NONE", ""))
            out.writeframes((np.full(16000, level) * 32767).astype("<i2").tobytes())
        tracks += ["-i", path]
    maps = [part for index in range(4) for part in ("-map", index)]
    chosen = [f"-disposition:a:{default}", "default"] if default is not None else []
    names = [
        part
        for index, name in enumerate(("eng", "fra", "deu"))
        for part in (f"-metadata:s:a:{index}", f"language={name}")
    ]
    video = write_timed("a.mp4", np.arange(25) / 25)
    ffmpeg("-i", video, *tracks, *maps, "-c", "copy", "-disposition:a", 0, *chosen, *names, tmp_path / "many.mkv")
    place = default or 0
    assert open_video(tmp_path / "many.mkv", "pyav").sound_choice == f"sound track {place + 1} of 3 is heard: {said}"
    assert load_sound(tmp_path / "many.mkv", 16000).samples.mean() == pytest.approx((0.1, 0.2, 0.3)[place], abs=0.01)


def test_what_an_animation_leaves_transparent_is_white(tmp_path: Path) -> None:
    frames = []
    for place in range(3):
        frame = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
        frame.paste((200, 30, 30, 255), (place * 8, 0, place * 8 + 8, 32))
        frames.append(frame)
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=100, disposal=2)
    shown = [frame.image for frame in open_video(tmp_path / "a.gif", "decord")]
    assert len(shown) == 3
    for place, image in enumerate(shown):
        assert (image[:, place * 8 + 1] == (200, 30, 30)).all()
        assert (image[:, 28] == 255).all()
