"""Where Prefect keeps what it knows."""

import os
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from flows.prefect_server import configure, prefect_server, set_damaged_aside


@pytest.mark.parametrize("name", ["project", "a?b", "a%25b", "a#b c"])
def test_the_database_lies_in_the_project_whatever_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for variable in [name for name in os.environ if name.startswith(("PREFECT", "DO_NOT", "NO_PROXY", "no_proxy"))]:
        monkeypatch.delenv(variable)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    configure(tmp_path / name)
    address = os.environ["PREFECT_API_DATABASE_CONNECTION_URL"]
    assert make_url(address).database == str(tmp_path / name / ".prefect" / "prefect.db")


@pytest.mark.parametrize(
    "content",
    [b"no database, but text that is long enough to be taken for one" * 40, b"SQLite format 3\0" + b"x" * 5000],
)
def test_a_damaged_database_is_set_aside(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    database = tmp_path / "prefect.db"
    database.write_bytes(content)
    set_damaged_aside(database)
    assert not database.exists()
    assert (tmp_path / "prefect.db.damaged").read_bytes() == content
    assert "prefect.db: damaged" in capsys.readouterr().out


def test_a_whole_database_and_none_are_left_alone(tmp_path: Path) -> None:
    database = tmp_path / "prefect.db"
    set_damaged_aside(database)
    assert not database.exists()
    with sqlite3.connect(database) as connection:
        connection.execute("create table runs (name text)")
    before = database.read_bytes()
    set_damaged_aside(database)
    assert database.read_bytes() == before


@pytest.mark.parametrize(("address", "proxy"), [("http://127.0.0.1:4200/api", "*"), ("https://a.example/api", None)])
def test_a_server_of_this_machine_is_asked_past_any_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, proxy: str | None
) -> None:
    own = {"PREFECT_HOME": str(tmp_path), "PREFECT_API_URL": address}
    monkeypatch.setattr(os, "environ", own)
    with prefect_server(tmp_path) as server:
        assert server.process is None
        assert os.environ.get("NO_PROXY") == proxy
    assert own == {"PREFECT_HOME": str(tmp_path), "PREFECT_API_URL": address}
