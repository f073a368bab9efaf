"""Where Prefect keeps what it knows."""

import os
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from flows.prefect_server import configure


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
