"""Pictures in and out: photographs, drawings, screenshots."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from segtalker.utils.atomic import atomic_file
from segtalker.utils.errors import BadInputError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")


def read_image(path: Path) -> np.ndarray:
    """Reads a picture upright, as its camera noted; what is transparent turns white.

    Args:
        path: a file in any format Pillow reads.

    Returns:
        RGB, `(H, W, 3)`, uint8.

    Raises:
        BadInputError: missing, damaged, too large to be honest, or not a picture.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                upright = ImageOps.exif_transpose(image).convert("RGBA")
    except FileNotFoundError as error:
        raise BadInputError(f"{path}: no such file") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadInputError(f"{path}: more than {Image.MAX_IMAGE_PIXELS} pixels; scale it down first") from error
    except UnidentifiedImageError as error:
        raise BadInputError(f"{path}: not an image in a known format; save it as PNG or JPEG") from error
    except (OSError, ValueError, SyntaxError) as error:
        raise BadInputError(f"{path}: a damaged image ({error}); save it anew") from error
    white = Image.new("RGBA", upright.size, (255, 255, 255, 255))
    return np.asarray(Image.alpha_composite(white, upright).convert("RGB"))


def write_png(path: Path, image: np.ndarray) -> None:
    """Writes RGB, `(H, W, 3)` uint8, as PNG, atomically."""
    with atomic_file(path) as temporary:
        Image.fromarray(image).save(temporary, format="PNG")
