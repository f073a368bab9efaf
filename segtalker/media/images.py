"""Pictures in and out: photographs, drawings, screenshots."""

import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image, ImageCms, ImageOps, PngImagePlugin, UnidentifiedImageError

from segtalker.utils.atomic import atomic_file
from segtalker.utils.errors import BadInputError

pillow_heif.register_heif_opener()
# Pillow also takes an MPEG stream or a PDF for a picture, of which it reads nothing
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "HEIF", "JPEG2000", "PPM")
_ANIMATIONS = ("GIF", "PNG", "WEBP", "AVIF")  # in others, further pictures are pages, depths or thumbnails
_EXIF_ORIENTATION = 0x0112
_GREY_16 = ("I;16", "I;16L", "I;16B")


def count_pictures(path: Path) -> int:
    """How many pictures a file shows one after the other, by its content: 0 where it is none, such as a video.

    Raises:
        BadInputError: too large to be honest.
    """
    try:
        with _open_image(path) as image:
            return getattr(image, "n_frames", 1) if image.format in _ANIMATIONS else 1
    except (OSError, ValueError, SyntaxError):
        return 0


def read_image(path: Path) -> np.ndarray:
    """Reads a picture as a viewer shows it: upright, in sRGB, 8 bits deep; what is transparent turns white.

    Args:
        path: a file, in any of `_FORMATS`, whatever its name ends in; of an animation the first picture.

    Returns:
        RGB, `(H, W, 3)`, uint8.

    Raises:
        BadInputError: missing, damaged, too large to be honest, of numbers without a range, or not a picture.
    """
    try:
        with _open_image(path) as image:
            upright = ImageOps.exif_transpose(_in_srgb(_eight_bits(image, path))).convert("RGBA")
    except FileNotFoundError as error:
        raise BadInputError(f"{path}: no such file") from error
    except UnidentifiedImageError as error:
        raise BadInputError(f"{path}: not an image in a known format; save it as PNG or JPEG") from error
    except (OSError, ValueError, SyntaxError) as error:
        raise BadInputError(f"{path}: a damaged image ({error}); save it anew") from error
    white = Image.new("RGBA", upright.size, (255, 255, 255, 255))
    return np.asarray(Image.alpha_composite(white, upright).convert("RGB"))


@contextmanager
def _open_image(path: Path) -> Iterator[Image.Image]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as image:
                yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadInputError(f"{path}: more than {Image.MAX_IMAGE_PIXELS} pixels; scale it down first") from error


def _eight_bits(image: Image.Image, path: Path) -> Image.Image:
    """A picture of 16 bits of grey in 8, which Pillow's own conversion cuts off at 255; others as they are."""
    if image.mode in ("I", "F"):
        raise BadInputError(f"{path}: numbers of 32 bits, whose range no file says; save it with 8 or 16 bits")
    if image.mode not in _GREY_16:
        return image
    values = np.asarray(image)
    grey = Image.fromarray(np.rint(values / 257.0).astype(np.uint8))
    if "transparency" in image.info:
        grey.putalpha(Image.fromarray(np.where(values == image.info["transparency"], np.uint8(0), np.uint8(255))))
    grey.info, grey.getexif()[_EXIF_ORIENTATION] = {}, image.getexif().get(_EXIF_ORIENTATION, 1)
    return grey


def _in_srgb(image: Image.Image) -> Image.Image:
    """Colours as an ordinary screen shows them; phones store them in Display P3."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "L", "CMYK"):
        return image
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(own).casefold():
            return image
        return ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode=mode) or image
    except (ImageCms.PyCMSError, OSError):
        return image  # a viewer leaves out a profile it cannot read


def write_png(path: Path, image: np.ndarray, tags: Mapping[str, str] | None = None) -> None:
    """Writes a PNG atomically.

    Args:
        path: the file to write.
        image: RGB, `(H, W, 3)`, or with how opaque it is, `(H, W, 4)`, uint8.
        tags: text chunks by keyword.
    """
    chunks = PngImagePlugin.PngInfo()
    for name, text in (tags or {}).items():
        chunks.add_itxt(name, text)
    with atomic_file(path) as temporary:
        Image.fromarray(image).save(temporary, format="PNG", pnginfo=chunks)
