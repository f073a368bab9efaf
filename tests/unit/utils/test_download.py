"""Files from the web: interrupted, wrong, gone."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from web import Web, small_web

from segtalker.utils import download as fetch
from segtalker.utils.download import fetch_file
from segtalker.utils.errors import BadInputError

CONTENT = np.random.default_rng(0).bytes(1_000_000)
HASH = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """One with a file."""
    monkeypatch.setattr(fetch, "_FIRST_WAIT_S", 0.01)
    with small_web() as served:
        served.files["/file.bin"] = CONTENT
        yield served


def test_a_file_is_fetched_once(web: Web, tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.bin"
    for _ in range(2):
        assert fetch_file(f"{web.address}/file.bin", path, HASH[:8], 0, "file") == path
    assert path.read_bytes() == CONTENT
    assert web.asked["/file.bin"] == 1
    assert [file.name for file in path.parent.iterdir()] == ["file.bin"]


def test_an_interrupted_transfer_goes_on_where_it_stopped(web: Web, tmp_path: Path) -> None:
    web.torn["/file.bin"] = 2
    fetch_file(f"{web.address}/file.bin", tmp_path / "f", HASH, 2, "file")
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert len(web.ranges) == 2


def test_a_killed_run_goes_on_too(web: Web, tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(CONTENT[:300_000])
    fetch_file(f"{web.address}/file.bin", tmp_path / "f", HASH, 0, "file")
    assert web.ranges == ["/file.bin"]
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_a_server_that_stumbles_is_asked_again(web: Web, tmp_path: Path) -> None:
    web.failures["/file.bin"] = 2
    fetch_file(f"{web.address}/file.bin", tmp_path / "f", HASH, 2, "file")
    web.failures["/file.bin"] = 9
    with pytest.raises(BadInputError, match="503 Service Unavailable"):
        fetch_file(f"{web.address}/file.bin", tmp_path / "g", HASH, 1, "file")


def test_what_is_gone_is_said_at_once(web: Web, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="404 Not Found"):
        fetch_file(f"{web.address}/none.bin", tmp_path / "f", HASH, 5, "file")
    assert web.asked["/none.bin"] == 1


def test_another_file_is_not_kept(web: Web, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="another file than expected"):
        fetch_file(f"{web.address}/file.bin", tmp_path / "f", "0" * 64, 0, "file")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "f").write_bytes(b"mine")
    with pytest.raises(BadInputError, match="delete it"):
        fetch_file(f"{web.address}/file.bin", tmp_path / "f", HASH, 0, "file")
    assert (tmp_path / "f").read_bytes() == b"mine"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "/etc/passwd"])
def test_nothing_but_the_web(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="only http"):
        fetch_file(url, tmp_path / "f", "", 0, "file")


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(BadInputError) as error:
        fetch_file("http://127.0.0.1:9/x", tmp_path / "f", "", 0, "file")
    said = "http://127.0.0.1:9/x: cannot be fetched (no connection, ConnectionError); try again later"
    assert str(error.value) == said
