"""What is handed to `segtalker talk` is looked at before torch is there."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flows.commands.talk import talk
from segtalker.clips.store import write_wav
from segtalker.inference.talk_inputs import open_portrait, read_background_picture
from segtalker.media.images import write_png
from segtalker.media.video import Video, write_video
from segtalker.utils.errors import BadInputError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A portrait and a second of speech."""
    write_png(tmp_path / "face.png", np.full((64, 64, 3), 90, np.uint8))
    write_wav(tmp_path / "speech.wav", np.random.default_rng(0).uniform(-0.3, 0.3, 16000).astype(np.float32), 16000)
    return tmp_path


def test_every_wrong_input_is_named_on_a_line_of_its_own(files: Path) -> None:
    with pytest.raises(BadInputError) as raised:
        talk(
            files / "absent.png",
            files / "face.png",
            ROOT / "results" / "o.mp4",
            experiment="absent",
            swap=["hair=absent.png", "beard=face.png", f"lip={files / 'face.png'}"],
            mask=files / "absent_mask.png",
            background="#12",
            save_mask=files / "mask.jpg",
        )
    lines = str(raised.value).splitlines()
    expected = (
        "absent.png: no such file", "face.png: no sound track", "absent_mask.png: no such file", "#12: not a colour",
        "absent.png: no such file", "'beard': no such region", "mask.jpg: only .png can be written",
        "results belongs to a stage", "absent",
    )  # fmt: skip
    assert len(lines) == len(expected)
    for line, reason in zip(lines, expected, strict=True):
        assert reason in line


def test_nothing_heavy_is_loaded_for_a_wrong_input(files: Path) -> None:
    script = """
import sys
from flows.cli import main
try:
    main()
except SystemExit as end:
    heavy = {"torch", "pandas", "mlflow", "prefect", "scipy", "matplotlib"} & set(sys.modules)
    sys.exit(f"loaded: {heavy}" if heavy else end.code)
"""
    arguments = ["talk", "--portrait", files / "absent.png", "--audio", files / "no.wav", "--out", files / "o.mp4"]
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 2, done.stderr
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == ["error"] * 3
    assert done.stdout == ""


def test_portraits_are_told_by_their_content(files: Path) -> None:
    moving = [Image.new("RGB", (32, 32), (shade, 0, 0)) for shade in (0, 90, 180)]
    moving[0].save(files / "one.gif")
    moving[0].save(files / "three.gif", save_all=True, append_images=moving[1:], duration=100)
    write_video(files / "video.png", [np.zeros((32, 32, 3), np.uint8)] * 3, 25, None, 16000, 20)
    assert isinstance(open_portrait(files / "one.gif", "pyav"), np.ndarray)
    assert isinstance(open_portrait(files / "face.png", "pyav"), np.ndarray)
    for name in ("three.gif", "video.png"):
        video = open_portrait(files / name, "pyav")
        assert isinstance(video, Video)
        assert len(list(video)) == 3


def test_what_is_no_portrait_has_its_true_reason(files: Path, write_wav_video: Callable[[Path], None]) -> None:
    (files / "text.png").write_text("words")
    write_wav_video(files / "sound.mp4")
    moving = [Image.new("RGB", (32, 32), (shade, 0, 0)) for shade in (0, 90)]
    moving[0].save(files / "moving.webp", save_all=True, append_images=moving[1:], duration=100)
    for name, reason in (
        ("text.png", "text.png: neither an image nor a readable video"),
        ("sound.mp4", "sound.mp4: no picture in it"),
        ("moving.webp", "moving.webp: an animation that FFmpeg does not read"),
        (".", "not a file; name a file in it"),
    ):
        with pytest.raises(BadInputError, match=reason):
            open_portrait(files / name, "pyav")


@pytest.fixture
def write_wav_video() -> Callable[[Path], None]:
    """Writes an MP4 with sound alone."""
    import av

    def write(path: Path) -> None:
        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=16000, layout="mono")
            block = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            block.sample_rate = 16000
            container.mux(stream.encode(block))
            container.mux(stream.encode(None))

    return write


def test_backgrounds(files: Path) -> None:
    assert (read_background_picture("#2f6f5f") == (0x2F, 0x6F, 0x5F)).all()
    assert read_background_picture(str(files / "face.png")).shape == (64, 64, 3)
    with pytest.raises(BadInputError, match="#xyzxyz: not a colour"):
        read_background_picture("#xyzxyz")
