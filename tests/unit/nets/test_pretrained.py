"""Where pretrained files are looked for, and how they get there."""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from web import Server, one_file

from segtalker.config.params import load_params
from segtalker.nets.pretrained import (
    METRIC_WEIGHTS,
    WEIGHTS,
    Weights,
    cache_folder,
    fetch_weights,
    known_weights,
    resolve_weights,
    verify_weights,
    weights_state,
)
from segtalker.utils.errors import BadInputError, MissingWeightsError
from segtalker.utils.hashing import file_sha256

ROOT = os.environ.get("SEGTALKER_REAL_DATA", "")
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
        assert str(error.value).endswith(f"segtalker weights fetch {name}")


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
    with pytest.raises(MissingWeightsError, match=f"damaged or another file.*segtalker weights fetch {NAME}$"):
        resolve_weights(NAME, "", "k")
    digest = hashlib.sha256(b"published").hexdigest()
    monkeypatch.setitem(WEIGHTS, NAME, replace(WEIGHTS[NAME], sha256=digest[:10]))
    assert resolve_weights(NAME, "", "k") == file


def test_the_table_is_whole() -> None:
    for weights in (WEIGHTS | METRIC_WEIGHTS).values():
        assert weights.url.startswith("https://")
        assert weights.licence
        assert re.fullmatch("[0-9a-f]{64}", weights.sha256)


@pytest.mark.real
@pytest.mark.skipif(not ROOT, reason="SEGTALKER_REAL_DATA is not set")
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mediapipe_face_landmarker", "face_landmarker.task"),
        ("lpips_heads", "lpips_v0.1_alex.pth"),
        ("mobilefacenet", "mobilefacenet_068.ckpt"),
    ],
)
def test_hashes_are_those_of_the_published_files(name: str, file: str) -> None:
    assert known_weights()[name].sha256 == file_sha256(Path(ROOT) / "weights" / file)


@pytest.fixture
def server() -> Iterator[Server]:
    """Gives what a test asks it to."""
    with one_file(b"published") as made:
        yield made


def _offer(server: Server, monkeypatch: pytest.MonkeyPatch, sha256: str, table: dict[str, Weights], name: str) -> None:
    monkeypatch.setitem(table, name, replace(table[name], url=server.url, sha256=sha256))


@pytest.mark.parametrize(("table", "name"), [(WEIGHTS, NAME), (METRIC_WEIGHTS, "syncnet")])
@pytest.mark.parametrize("digits", [0, 10, 64])
def test_files_are_fetched_once(
    table: dict[str, Weights], name: str, digits: int, server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _offer(server, monkeypatch, hashlib.sha256(b"published").hexdigest()[:digits], table, name)
    assert weights_state(name) == "missing"
    file = fetch_weights(name)
    assert file == cache / table[name].file
    assert file.read_bytes() == b"published"
    assert weights_state(name) == verify_weights()[name] == ("here" if digits else "unchecked")
    assert fetch_weights(name) == file
    assert server.asked == 1
    assert [path.name for path in cache.iterdir()] == [file.name]


def test_a_damaged_file_is_fetched_again(server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _offer(server, monkeypatch, hashlib.sha256(b"published").hexdigest(), WEIGHTS, NAME)
    (cache / WEIGHTS[NAME].file).write_bytes(b"publ")
    assert weights_state(NAME) == "damaged"
    assert fetch_weights(NAME).read_bytes() == b"published"


@pytest.mark.parametrize(
    ("sha256", "content", "message"),
    [("0" * 64, b"published", "another file than expected"), ("", b"\n<!DOCTYPE html>", "a web page came")],
)
def test_what_is_not_the_file_is_not_kept(
    sha256: str, content: bytes, message: str, server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _offer(server, monkeypatch, sha256, WEIGHTS, NAME)
    server.content = content
    with pytest.raises(BadInputError, match=message):
        fetch_weights(NAME)
    assert list(cache.iterdir()) == []


def test_what_only_a_person_can_fetch_is_said(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_hand = [name for name, weights in known_weights().items() if weights.by_hand]
    assert by_hand == ["bisenet_face_parsing"]
    with pytest.raises(
        BadInputError, match=rf"open https://drive.google.com/.* save the file as {cache}/79999_iter.pth"
    ):
        fetch_weights(by_hand[0])
    (cache / "79999_iter.pth").write_bytes(b"saved by hand")
    with pytest.raises(BadInputError, match=r"damaged or another file; open https://drive.google.com/"):
        fetch_weights(by_hand[0])
    digest = hashlib.sha256(b"saved by hand").hexdigest()
    monkeypatch.setitem(WEIGHTS, by_hand[0], replace(WEIGHTS[by_hand[0]], sha256=digest))
    assert fetch_weights(by_hand[0]) == cache / "79999_iter.pth"


def test_unknown_names_are_said() -> None:
    with pytest.raises(BadInputError, match=r"weights nonsense: not known; there are: .*syncnet"):
        fetch_weights("nonsense")


def test_params_that_name_the_files_exist() -> None:
    params = load_params(Path(__file__).parents[3]).model_dump()
    for weights in known_weights().values():
        section, key = weights.key.split(".")
        assert params[section][key] == ""
