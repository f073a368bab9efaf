"""Where pretrained files are looked for."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from segtalker.errors import BadInputError, MissingWeightsError
from segtalker.weights import METRIC_WEIGHTS, WEIGHTS, cache_folder, resolve_weights

NAME = "mediapipe_face_landmarker"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("SEGTALKER_WEIGHTS", str(tmp_path))
    assert cache_folder() == tmp_path
    return tmp_path


def test_missing_files_say_what_to_fetch(cache: Path) -> None:
    for name, weights in WEIGHTS.items():
        with pytest.raises(MissingWeightsError) as error:
            resolve_weights(name, "", "some.key")
        assert all(part in str(error.value) for part in (weights.url, weights.licence, str(cache), "some.key"))


def test_a_file_or_its_folder_may_be_named(tmp_path: Path, cache: Path) -> None:
    file = tmp_path / "mine" / WEIGHTS[NAME].file
    file.parent.mkdir()
    file.write_bytes(b"anything")
    assert resolve_weights(NAME, str(file), "k") == resolve_weights(NAME, str(file.parent), "k") == file
    with pytest.raises(MissingWeightsError, match=r"other\.task: missing"):
        resolve_weights(NAME, str(tmp_path / "other.task"), "k")
    with pytest.raises(BadInputError, match="NOWHERE is not set"):
        resolve_weights(NAME, "${NOWHERE}/x.task", "k")


def test_cached_files_are_checked(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = cache / WEIGHTS[NAME].file
    file.write_bytes(b"published")
    with pytest.raises(MissingWeightsError, match="damaged or another file"):
        resolve_weights(NAME, "", "k")
    digest = hashlib.sha256(b"published").hexdigest()
    monkeypatch.setitem(WEIGHTS, NAME, replace(WEIGHTS[NAME], sha256=digest[:10]))
    assert resolve_weights(NAME, "", "k") == file


def test_the_table_is_whole() -> None:
    for weights in (WEIGHTS | METRIC_WEIGHTS).values():
        assert weights.url.startswith("https://")
        assert weights.licence
        assert set(weights.sha256) <= set("0123456789abcdef")
