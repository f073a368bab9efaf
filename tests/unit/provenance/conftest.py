"""A drawn person who talks, and a key to sign with."""

from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_people import face_mask
from signing_keys import write_keys

from segtalker.provenance.credentials import SigningKey, read_signing_key
from segtalker.provenance.origin import Origin
from segtalker.regions import colourise

SIDE = 128


def draw_talk(seed: int, frames: int = 20) -> np.ndarray:
    """A person in front of a wall, drawn with grain, who sways and talks: RGB, `(T, 128, 128, 3)`, uint8."""
    rng = np.random.default_rng(seed)
    wall = cv2.resize(rng.uniform(60, 200, (4, 4, 3)).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    grain = cv2.GaussianBlur(rng.normal(0, 5, (SIDE, SIDE, 3)), (0, 0), 1)
    pictures = []
    for index in range(frames):
        pose = (SIDE / 2 + 3 * np.sin(index / 9 + seed), SIDE * 0.4, SIDE * 0.24, 0.3 * abs(np.sin(index / 3)))
        mask = face_mask(SIDE, *pose)
        pictures.append(np.where(mask[..., None] == 0, wall, colourise(mask)) + grain)
    return np.clip(pictures, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def talk() -> np.ndarray:
    """A person who talks."""
    return draw_talk(0)


@pytest.fixture(scope="session")
def origin() -> Origin:
    """Where a file may come from."""
    return Origin("demo", "a5c" + "0" * 61, datetime(2026, 11, 29, 3, 4, 5, tzinfo=UTC))


@pytest.fixture(scope="session")
def key_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A key and its certificates."""
    return write_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def signing_key(key_files: tuple[Path, Path]) -> SigningKey:
    """The same, read."""
    return read_signing_key(*key_files)
