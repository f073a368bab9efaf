"""Pictures as a viewer shows them."""

import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from segtalker.media.images import count_pictures, read_image
from segtalker.utils.errors import BadInputError

RAMP = np.linspace(0, 65535, 64 * 48).reshape(48, 64).astype(np.uint16)


def to_eight(values: np.ndarray) -> np.ndarray:
    """16 bits as 8."""
    return np.rint(values / 257).astype(int)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_grey_of_sixteen_bits_keeps_its_levels(tmp_path: Path, name: str) -> None:
    Image.fromarray(RAMP).save(tmp_path / name)
    assert Image.open(tmp_path / name).mode == "I;16"
    np.testing.assert_array_equal(read_image(tmp_path / name), np.dstack([to_eight(RAMP)] * 3))


@pytest.mark.parametrize("channels", [3, 4])
def test_colours_of_sixteen_bits_keep_their_levels(tmp_path: Path, channels: int) -> None:
    colours = np.dstack([RAMP, RAMP[::-1], RAMP[:, ::-1], np.full_like(RAMP, 32896)][:channels])
    cv2.imwrite(str(tmp_path / "a.png"), colours)
    share = 1.0 if channels == 3 else 128 / 255
    expected = 255 + (to_eight(colours[..., 2::-1]) - 255) * share  # OpenCV writes BGR; white shines through
    assert np.abs(read_image(tmp_path / "a.png") - expected).max() <= 1.5


def test_grey_of_sixteen_bits_with_alpha(tmp_path: Path) -> None:
    alpha = np.where(np.arange(64) < 32, 65535, 0).astype(np.uint16)
    content = _png(64, 48, depth=16, colour_type=4, samples=np.dstack([RAMP, np.broadcast_to(alpha, RAMP.shape)]))
    (tmp_path / "a.png").write_bytes(content)
    image = read_image(tmp_path / "a.png")
    assert np.abs(image[:, :32, 0] - to_eight(RAMP[:, :32])).max() <= 1
    assert (image[:, 32:] == 255).all()


def _png(width: int, height: int, depth: int, colour_type: int, samples: np.ndarray) -> bytes:
    """A PNG that Pillow does not write."""
    import struct
    import zlib

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_numbers_without_a_range_are_refused(tmp_path: Path, kind: type) -> None:
    Image.fromarray(RAMP.astype(kind)).save(tmp_path / "a.tif")
    with pytest.raises(BadInputError, match=r"a\.tif: numbers of 32 bits, whose range no file says"):
        read_image(tmp_path / "a.tif")


@pytest.fixture
def photograph() -> Image.Image:
    """A smooth coloured picture, 64 wide and 48 high."""
    rows, columns = np.mgrid[:48, :64]
    return Image.fromarray(np.dstack([columns * 3, rows * 4, 200 - columns]).astype(np.uint8))


@pytest.mark.parametrize("name", ["a.heic", "a.avif", "a.webp", "a.png", "a.gif", "a.bmp", "a.tif", "a.jpg"])
def test_pictures_of_any_format(tmp_path: Path, photograph: Image.Image, name: str) -> None:
    if name == "a.heic":
        pillow_heif.from_pillow(photograph).save(tmp_path / name, quality=95)
    else:
        photograph.save(tmp_path / name)
    assert count_pictures(tmp_path / name) == 1
    assert np.abs(read_image(tmp_path / name).astype(int) - np.asarray(photograph)).mean() < 8
    # what a file is, is told by its content
    (tmp_path / name).rename(tmp_path / "renamed.png")
    assert count_pictures(tmp_path / "renamed.png") == 1
    assert read_image(tmp_path / "renamed.png").shape == (48, 64, 3)


def test_a_photograph_of_a_phone_is_upright(tmp_path: Path, photograph: Image.Image) -> None:
    stored = photograph.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    stored.save(tmp_path / "a.jpg", exif=exif, quality=95)
    pillow_heif.from_pillow(stored).save(tmp_path / "a.heic", exif=exif.tobytes(), quality=95)
    Image.fromarray(np.rot90(RAMP)).save(tmp_path / "a.png", exif=exif)
    for name in ("a.jpg", "a.heic"):
        assert np.abs(read_image(tmp_path / name).astype(int) - np.asarray(photograph)).mean() < 8
    np.testing.assert_array_equal(read_image(tmp_path / "a.png")[..., 0], to_eight(RAMP))


def test_colours_of_another_profile_are_shown_in_srgb(tmp_path: Path) -> None:
    linear = _linear_profile()
    Image.new("RGB", (8, 8), (55, 55, 55)).save(tmp_path / "a.png", icc_profile=linear)
    assert np.abs(read_image(tmp_path / "a.png").astype(int) - 128).max() <= 2  # 55/255 of the light is 128 in sRGB
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.new("RGB", (8, 8), (55, 80, 200)).save(tmp_path / "b.png", icc_profile=srgb)
    assert (read_image(tmp_path / "b.png") == (55, 80, 200)).all()
    Image.new("RGB", (8, 8), (55, 80, 200)).save(tmp_path / "c.png", icc_profile=b"no profile")
    assert (read_image(tmp_path / "c.png") == (55, 80, 200)).all()


def _linear_profile() -> bytes:
    """sRGB's primaries with linear curves: the curves of the profile are replaced."""
    content = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(content[128:132], "big")
    for entry in range(count):
        tag = content[132 + 12 * entry : 144 + 12 * entry]
        start = int.from_bytes(tag[4:8], "big")
        if tag[:4] in (b"rTRC", b"gTRC", b"bTRC"):
            content[start : start + 12] = b"curv" + bytes(8)  # no entries: the identity
        if tag[:4] == b"desc":
            text = bytes(content[start : start + int.from_bytes(tag[8:12], "big")])
            content[start : start + len(text)] = text.replace("sRGB".encode("utf-16-be"), "flat".encode("utf-16-be"))
    return bytes(content)


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp"])
def test_an_animation_is_no_still(tmp_path: Path, photograph: Image.Image, name: str) -> None:
    others = [photograph.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    photograph.save(tmp_path / name, save_all=True, append_images=others, duration=100)
    assert count_pictures(tmp_path / name) == 2


def test_pages_are_no_animation(tmp_path: Path, photograph: Image.Image) -> None:
    photograph.save(tmp_path / "a.tif", save_all=True, append_images=[photograph])
    assert count_pictures(tmp_path / "a.tif") == 1


def test_no_picture_is_no_still(tmp_path: Path, write_timed: Callable[..., Path]) -> None:
    for name, codec in (("a.mp4", "libx264"), ("a.mpg", "mpeg1video")):
        assert count_pictures(write_timed(name, np.arange(5) / 25, codec=codec)) == 0
    (tmp_path / "a.png").write_bytes(b"words" * 50)
    assert count_pictures(tmp_path / "a.png") == 0
    buffer = io.BytesIO()
    Image.fromarray(RAMP).save(buffer, format="PNG")
    (tmp_path / "cut.png").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    assert count_pictures(tmp_path / "cut.png") == 1
    with pytest.raises(BadInputError, match=r"cut\.png: a damaged image"):
        read_image(tmp_path / "cut.png")
