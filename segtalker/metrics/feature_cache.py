"""Features of reference videos, kept by content: a reference is run through a large network once, whoever asks."""

import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np

from segtalker.utils.atomic import atomic_file


def feature_key(video_sha256: str, extractor: str, code_sha256: str, weights_sha256: str) -> str:
    """Names features by what they depend on, and by nothing else such as a path or a date; 64 hex digits."""
    return hashlib.sha256(json.dumps([video_sha256, extractor, code_sha256, weights_sha256]).encode()).hexdigest()


class FeatureCache:
    """Features on disk by key, each file with the checksum of its content.

    Args:
        folder: may be deleted at any time.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.npz"

    def load(self, key: str) -> np.ndarray | None:
        """Features kept under a key, `(T, D)`, float32, or None; also where the file is damaged."""
        try:
            with np.load(self._path(key)) as arrays:
                return arrays["features"]
        except (OSError, ValueError, EOFError, LookupError, zipfile.BadZipFile):
            return None

    def save(self, key: str, features: np.ndarray) -> None:
        """Keeps features, `(T, D)`, float32."""
        with atomic_file(self._path(key)) as temporary:
            np.savez(temporary, features=features)
