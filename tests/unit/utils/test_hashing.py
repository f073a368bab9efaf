"""Facts of files are asked for once, and again where a file has changed."""

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from segtalker.utils import hashing as file_hashes
from segtalker.utils.hashing import FileHashes


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Written a minute ago."""
    path = tmp_path / "a.mp4"
    path.write_bytes(b"content")
    _age(path)
    return path


def _age(path: Path, seconds: float = 60.0) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


def _lengths(file: Path, cache: Path, times: int = 1) -> int:
    """Asks for a fact in a run of its own; returns how often the file was read for it."""
    asked = []
    with FileHashes(cache) as known:
        for _ in range(times):
            assert known.fact(file, "length", lambda path: asked.append(path) or path.stat().st_size) == len(
                file.read_bytes()
            )
    return len(asked)


def test_hashes_are_right_and_kept(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FileHashes(tmp_path / "deep" / "known.json") as known:
        assert known.sha256(file) == hashlib.sha256(b"content").hexdigest()
    monkeypatch.setattr(file_hashes, "file_sha256", lambda _: "read again")
    with FileHashes(tmp_path / "deep" / "known.json") as known:
        assert known.sha256(file) == hashlib.sha256(b"content").hexdigest()


def test_a_file_is_read_once(file: Path, tmp_path: Path) -> None:
    cache = tmp_path / "known.json"
    assert [_lengths(file, cache, 3), _lengths(file, cache)] == [1, 0]


@pytest.mark.parametrize("change", ["size", "time"])
def test_a_changed_file_is_read_again(change: str, file: Path, tmp_path: Path) -> None:
    cache = tmp_path / "known.json"
    _lengths(file, cache)
    if change == "size":
        before = file.stat()
        file.write_bytes(b"longer content")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    else:
        _age(file, 30.0)
    assert [_lengths(file, cache), _lengths(file, cache)] == [1, 0]


def test_other_facts_of_a_changed_file_are_forgotten(file: Path, tmp_path: Path) -> None:
    with FileHashes(tmp_path / "known.json") as known:
        first = known.sha256(file)
        file.write_bytes(b"CONTENT")
        _age(file, 30.0)
        known.fact(file, "length", lambda _: 7)
        assert known.sha256(file) == hashlib.sha256(b"CONTENT").hexdigest() != first


def test_a_file_still_being_written_is_not_trusted(file: Path, tmp_path: Path) -> None:
    cache = tmp_path / "known.json"
    os.utime(file)
    assert [_lengths(file, cache), _lengths(file, cache)] == [1, 1]


def test_errors_are_not_kept_but_what_was_learnt_before_is(file: Path, tmp_path: Path) -> None:
    def broken(_: Path) -> None:
        raise ValueError("broken")

    cache = tmp_path / "known.json"
    with FileHashes(cache) as known:
        known.sha256(file)
        with pytest.raises(ValueError, match="broken"):
            known.fact(file, "video", broken)
    with FileHashes(cache) as known:
        assert known.fact(file, "video", lambda _: "fine") == "fine"
    assert "sha256" in cache.read_text()


@pytest.mark.parametrize("content", ["{", "[1]", '{"x": 1'])
def test_a_damaged_record_is_begun_anew(content: str, file: Path, tmp_path: Path) -> None:
    (tmp_path / "known.json").write_text(content)
    assert [_lengths(file, tmp_path / "known.json"), _lengths(file, tmp_path / "known.json")] == [1, 0]


def test_threads_share_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_hashes, "_SAVE_EVERY_S", 0.0)
    files = [tmp_path / f"{number}.bin" for number in range(60)]
    for path in files:
        path.write_text(path.name)
        _age(path)
    with FileHashes(tmp_path / "known.json") as known, ThreadPoolExecutor(8) as pool:
        hashes = list(pool.map(known.sha256, files))
    assert hashes == [hashlib.sha256(path.name.encode()).hexdigest() for path in files]
    with FileHashes(tmp_path / "known.json") as known:
        assert [known.fact(path, "sha256", lambda _: "") for path in files] == hashes
