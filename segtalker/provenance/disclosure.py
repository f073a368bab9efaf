"""All that a generated file is told to say of itself, in one hand."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segtalker.provenance.credentials import SigningKey, sign_file
from segtalker.provenance.origin import BOXED, Origin, append_xmp
from segtalker.provenance.watermark import PAYLOAD_BITS, Watermark

_DIGIT_BITS = 4


def payload_of(signature: str) -> int:
    """What of an experiment's signature the watermark holds: its first three hex digits."""
    return int(signature[: PAYLOAD_BITS // _DIGIT_BITS], 16)


@dataclass(frozen=True)
class Disclosure:
    """How files say that they are generated.

    Args:
        origin: what their metadata says.
        is_marked: whether pictures get the invisible watermark.
        signing_key: what content credentials are signed with; None writes none.
    """

    origin: Origin
    is_marked: bool
    signing_key: SigningKey | None

    def frames(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The frames of a video as they are to be written, each as it is asked for.

        Args:
            frames: RGB or RGBA, `(H, W, 3)` or `(H, W, 4)`, uint8.
        """
        return Watermark(payload_of(self.origin.signature)).frames(frames) if self.is_marked else iter(frames)

    def still(self, picture: np.ndarray) -> np.ndarray:
        """A picture as it is to be written, likewise."""
        return next(self.frames([picture]))

    def finish(self, path: Path) -> None:
        """Adds to a written file what goes into it last, in place: XMP where a video holds it, content credentials.

        Args:
            path: a file nobody sees yet, whose suffix says its kind.

        Raises:
            BadInputError: the signing key is not taken.
        """
        if path.suffix.lower() in BOXED:
            append_xmp(path, self.origin.xmp)
        if self.signing_key is not None:
            sign_file(path, self.origin, self.signing_key)
