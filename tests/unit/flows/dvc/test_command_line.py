"""DVC's command line in a small project of its own."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.dvc.command_line import Dvc, follow_git, open_dvc, read_lock, recover

STAGES = """
vars: [active.yaml]
stages:
  make:
    cmd: mkdir -p data && echo ${dataset} > data/${dataset}
    outs:
      - data/${dataset}
"""


@pytest.fixture(scope="module")
def empty_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `dvc init` leaves; DVC takes seconds to start, so it does so once."""
    folder = tmp_path_factory.mktemp("empty")
    command = [sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def dvc(tmp_path: Path, empty_project: Path) -> Iterator[Dvc]:
    shutil.copytree(empty_project, tmp_path, dirs_exist_ok=True)
    (tmp_path / "dvc.yaml").write_text(STAGES)
    with open_dvc(tmp_path, os.environ) as opened:
        yield opened


def run(dvc: Dvc, dataset: str) -> Path:
    """Makes a dataset; a copy of the lock that says so."""
    (dvc.root / "active.yaml").write_text(f"dataset: {dataset}\n")
    assert dvc.start_stage("make", force=False, extra={}).wait().has_new_outputs
    return Path(shutil.copy(dvc.root / "dvc.lock", dvc.root / f"{dataset}.lock"))


def test_going_back_to_one_dataset_leaves_the_others_where_they_are(dvc: Dvc) -> None:
    first = run(dvc, "one")
    run(dvc, "two")
    (dvc.root / "data" / "one").unlink()
    (dvc.root / "active.yaml").write_text("dataset: one\n")
    shutil.copy(first, dvc.root / "dvc.lock")
    dvc.checkout()
    assert {path.name for path in (dvc.root / "data").iterdir()} == {"one", "two"}
    assert dvc.status() == set()


def test_two_stages_run_at_once(dvc: Dvc) -> None:
    """Each waits until the other runs."""
    meet = "mkdir -p data; touch {0}.on; for i in $(seq 600); do [ -e {1}.on ] && exec touch data/{0}; sleep .1; done"
    stages = {name: {"cmd": meet.format(name, other), "outs": [f"data/{name}"]} for name, other in ("ab", "ba")}
    (dvc.root / "dvc.yaml").write_text(json.dumps({"stages": stages}))
    for stage in [dvc.start_stage(name, force=False, extra={}) for name in "ab"]:
        assert stage.wait().has_new_outputs
    assert dvc.status() == set()


def test_a_stage_that_is_ended_leaves_no_process(dvc: Dvc) -> None:
    stages = {"long": {"cmd": "sleep 600 & echo $$ $! > pid; wait", "outs": ["data"]}}
    (dvc.root / "dvc.yaml").write_text(json.dumps({"stages": stages}))
    stage = dvc.start_stage("long", force=False, extra={})
    pid = dvc.root / "pid"
    while not pid.is_file() or not pid.read_text():
        time.sleep(0.05)
    stage.end()
    deadline = time.monotonic() + 2
    while any(runs(int(number)) for number in pid.read_text().split()):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def test_dvc_is_told_whether_there_is_a_repository(tmp_path: Path) -> None:
    (tmp_path / ".dvc").mkdir()
    local = tmp_path / ".dvc" / "config.local"
    follow_git(tmp_path)
    assert "no_scm = true" in local.read_text()
    (tmp_path / ".git").mkdir()
    follow_git(tmp_path)
    assert not local.exists()
    local.write_text("[core]\n    remote = lab\n")
    follow_git(tmp_path)
    assert "lab" in local.read_text()


def test_after_a_torn_lock_stages_go_on(dvc: Dvc) -> None:
    run(dvc, "one")
    before = read_lock(dvc.root)["make"]["outs"][0]["md5"]
    whole = (dvc.root / "dvc.lock").read_bytes()
    for share in (0.0, 0.3, 0.5, 0.8, 0.95):
        (dvc.root / "dvc.lock").write_bytes(whole[: int(share * len(whole))])
        recover(dvc.root)
        dvc.start_stage("make", force=False, extra={}).wait()
        assert read_lock(dvc.root)["make"]["outs"][0]["md5"] == before, share
        assert dvc.status() == set(), share


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"stages: 3", b"schema: '2.0'", b"\xff\xfe", bytes(64), b"schema: '1.0'\nstages: {}"],
)
def test_what_is_no_lock_is_removed_and_named(tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "dvc.lock").write_bytes(content)
    recover(tmp_path)
    assert not (tmp_path / "dvc.lock").exists()
    assert capsys.readouterr().err.startswith("dvc.lock was torn")


def test_a_whole_lock_stays(dvc: Dvc, capsys: pytest.CaptureFixture) -> None:
    run(dvc, "one")
    whole = (dvc.root / "dvc.lock").read_bytes()
    recover(dvc.root)
    assert (dvc.root / "dvc.lock").read_bytes() == whole
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b'{"read": 3}', b'{"write": {"a": {}}}'])
def test_a_torn_lock_of_a_process_is_removed(tmp_path: Path, content: bytes) -> None:
    held = tmp_path / ".dvc" / "tmp" / "rwlock"
    held.parent.mkdir(parents=True)
    held.write_bytes(content)
    recover(tmp_path)
    assert not held.exists()
