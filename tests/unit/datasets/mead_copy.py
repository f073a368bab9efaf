"""A small copy of MEAD's layout, and params of it."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from segtalker.config.data import Mead

FRONT = [f"M003/video/front/{cell}.mp4" for cell in ("angry/level_1/001", "angry/level_3/002", "neutral/level_1/001")]
ALL = [*FRONT, "M003/video/left_30/angry/level_1/001.mp4", "W009/video/front/sad/level_2/001.mp4"]


def put(root: Path, names: Sequence[str], data: bytes) -> None:
    """Writes files of one content, long ago."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
        os.utime(root / name, (time.time() - 60,) * 2)


def settings(root: Path | str, **changes: object) -> Mead:
    """Params of the source."""
    values = {"root": str(root), "unpack_to": "raw/mead", "actors": (), "views": ("front",), "emotions": ()}
    return Mead.model_validate(values | {"levels": (), "split": "published", "max_gib": 0.1} | changes)
