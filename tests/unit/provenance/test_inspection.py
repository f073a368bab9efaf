"""What is found in files, of this tool and of others."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from segtalker.clips.store import write_wav
from segtalker.media.images import write_png
from segtalker.media.video import write_video
from segtalker.provenance.credentials import SigningKey
from segtalker.provenance.disclosure import Disclosure
from segtalker.provenance.inspection import inspect_file
from segtalker.provenance.origin import Origin
from segtalker.utils.errors import BadInputError


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory, talk: np.ndarray, origin: Origin, signing_key: SigningKey
) -> dict[str, Path]:
    """A video and a picture that say all there is to say."""
    folder = tmp_path_factory.mktemp("made")
    disclosure = Disclosure(origin, True, signing_key)
    write_video(folder / "a.mp4", disclosure.frames(talk), 25, None, 16000, 16, origin.video_tags)
    write_png(folder / "a.png", disclosure.still(talk[0]), origin.png_tags)
    for path in folder.iterdir():
        disclosure.finish(path)
    return {".mp4": folder / "a.mp4", ".png": folder / "a.png"}


@pytest.mark.parametrize(("suffix", "kind"), [(".mp4", "h264 video, 128x128, 0.8 s"), (".png", "PNG picture, 128x128")])
def test_all_is_found(suffix: str, kind: str, made: dict[str, Path], origin: Origin) -> None:
    inspection = inspect_file(made[suffix])
    assert inspection.source == "trainedAlgorithmicMedia"
    assert inspection.mark.payload == 0xA5C
    first, metadata, watermark, credentials = inspection.lines()
    assert first == f"{kind}: generated, by what it says of itself"
    assert metadata == f"metadata: {origin.sentence}"
    assert "SegTalker's, of an experiment whose signature starts with a5c" in watermark
    assert credentials.startswith(
        "content credentials: valid; that the signer is who it says is not checked; signed by"
    )


def test_the_watermark_tells_where_all_else_is_gone(made: dict[str, Path], tmp_path: Path) -> None:
    with Image.open(made[".png"]) as image:
        image.convert("RGB").resize((200, 180)).save(tmp_path / "shared.jpg", quality=70)
    first, metadata, watermark, credentials = inspect_file(tmp_path / "shared.jpg").lines()
    assert first == "JPEG picture, 200x180: generated, by what it says of itself"
    assert metadata == "metadata: nothing of where it comes from"
    assert "starts with a5c" in watermark
    assert credentials == "content credentials: none"


def test_a_file_changed_after_it_was_signed_is_said(made: dict[str, Path], tmp_path: Path) -> None:
    shutil.copyfile(made[".mp4"], tmp_path / "a.mp4")
    with (tmp_path / "a.mp4").open("r+b") as video:
        video.seek(-100, 2)
        video.write(b"!")
    assert "INVALID" in inspect_file(tmp_path / "a.mp4").lines()[3]


def test_files_of_others_say_what_they_say(talk: np.ndarray, tmp_path: Path) -> None:
    packet = "<x>http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia</x>"
    chunks = PngImagePlugin.PngInfo()
    chunks.add_itxt("XML:com.adobe.xmp", packet)
    chunks.add_text("Software", "Another Tool 2")
    Image.fromarray(talk[0]).save(tmp_path / "other.png", pnginfo=chunks)
    lines = inspect_file(tmp_path / "other.png").lines()
    assert lines[0].endswith("generated, by what it says of itself")
    assert lines[1] == "metadata: digital source type algorithmicMedia; software 'Another Tool 2'"
    assert lines[2].startswith("watermark: none of SegTalker's (agreement 0.")
    cv2.imwrite(str(tmp_path / "plain.webp"), talk[0])
    lines = inspect_file(tmp_path / "plain.webp").lines()
    assert lines[0].endswith("nothing says that it is generated")
    assert lines[1] == "metadata: nothing of where it comes from"


def test_what_is_no_picture_is_said(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    write_wav(tmp_path / "sound.wav", np.zeros(1600, np.float32), 16000)
    for name, reason in (
        ("absent.png", "no such file"),
        ("text.png", "neither a picture nor a video that can be read"),
        ("sound.wav", "neither a picture nor a video that can be read"),
        (".", "not a file"),
    ):
        with pytest.raises(BadInputError, match=reason) as raised:
            inspect_file(tmp_path / name)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("suffix", [".png", ".webm", ".mov"])
def test_a_mark_is_read_where_the_wall_is_transparent(
    suffix: str, talk: np.ndarray, origin: Origin, tmp_path: Path
) -> None:
    alpha = np.zeros((*talk.shape[1:3], 1), np.uint8)
    alpha[30:, 30:-30] = 255
    frames = Disclosure(origin, True, None).frames(np.concatenate([frame, alpha], axis=2) for frame in talk[:6])
    path = tmp_path / f"clear{suffix}"
    if suffix == ".png":
        write_png(path, next(frames), origin.png_tags)
    else:
        write_video(path, frames, 25, None, 16000, 16, origin.video_tags)
    inspection = inspect_file(path)
    assert inspection.mark.payload == 0xA5C
    assert inspection.mark.is_there
    assert origin.sentence in inspection.lines()[1]


@pytest.mark.parametrize("name", ["cut.png", "damaged.mov"])
def test_a_damaged_file_is_said_in_one_line(name: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 4), dtype=np.uint8)
    path = tmp_path / name
    if path.suffix == ".png":
        write_png(path, noise[0])
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    else:
        write_video(path, iter(noise), 25, None, 16000, 16)
        data = bytearray(path.read_bytes())
        data[len(data) // 3 : 3 * len(data) // 4] = bytes(3 * len(data) // 4 - len(data) // 3)
        path.write_bytes(data)
    with pytest.raises(BadInputError, match=rf"{name}: neither .* that can be read \(damaged \(") as raised:
        inspect_file(path)
    assert "\n" not in str(raised.value)
