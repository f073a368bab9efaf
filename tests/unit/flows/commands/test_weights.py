"""`segtalker weights`."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner
from web import Server, one_file

from flows.cli import app
from segtalker.nets.pretrained import METRIC_WEIGHTS, cache_folder, known_weights


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("SEGTALKER_WEIGHTS", str(tmp_path))
    assert cache_folder() == tmp_path
    return tmp_path


@pytest.fixture
def server() -> Iterator[Server]:
    """Gives what a test asks it to."""
    with one_file(b"published") as made:
        yield made


def _say(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["weights", *arguments])


def test_the_command_lists_fetches_and_verifies(server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = replace(METRIC_WEIGHTS["syncnet"], url=server.url, sha256=hashlib.sha256(b"published").hexdigest())
    monkeypatch.setitem(METRIC_WEIGHTS, "syncnet", changed)
    before = _say("list")
    assert before.exit_code == 0
    for name, weights in known_weights().items():
        assert all(part in before.output for part in (name, weights.file, weights.licence, weights.url))
    assert f"--set evaluate.syncnet_weights={cache / 'syncnet_v2.model'}" in _say("fetch", "syncnet").output
    row = next(line for line in _say("list").output.splitlines() if line.startswith(" syncnet "))
    assert row.split()[1:4] == ["here", "0.0", "MiB"]
    assert _say("verify").exit_code == 0
    (cache / "syncnet_v2.model").write_bytes(b"publ")
    verified = _say("verify")
    assert verified.exit_code == 1
    assert "syncnet: damaged" in verified.output
