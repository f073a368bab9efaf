"""However a run ends nothing of it is left, and what stands in an environment does not stop it."""

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from project_copy import LIMIT_S, Project, copy_project

from segtalker.config.stages import STAGES

UNTIL_CUT = ("reproduce", "--experiment", "tiny", "--until", "cut")
Finished = tuple[Project, subprocess.CompletedProcess[str]]


class Process(NamedTuple):
    parent: int
    command: str


def processes(root: Path) -> dict[int, Process]:
    """All processes that work in a folder; one that ends while it is read is not among them."""
    working = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if state != "Z" and Path(os.readlink(entry / "cwd")).is_relative_to(root):
                    command = (entry / "cmdline").read_text().replace("\0", " ")
                    working[int(entry.name)] = Process(int(parent), command)
    return working


def assert_gone(root: Path, within_s: float = 15.0) -> None:
    deadline = time.monotonic() + within_s
    while (left := processes(root)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left


def stage_process(root: Path) -> int | None:
    """The process of the stage that runs, forked from the one that imported all of them."""
    servers = {
        pid: process.parent for pid, process in processes(root).items() if "flows.stages.preload" in process.command
    }
    return next((pid for pid, parent in servers.items() if parent in servers), None)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    copied = copy_project(tmp_path / "project")
    yield copied
    assert_gone(copied.root)


def started(project: Project, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        project.command(*arguments),
        cwd=project.root,
        env=project.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_stage(project: Project, run: subprocess.Popen[str]) -> int:
    deadline = time.monotonic() + LIMIT_S
    while (pid := stage_process(project.root)) is None:
        assert run.poll() is None, run.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return pid


@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.5, 5.0, 8.0])
def test_killed_while_it_starts_it_leaves_no_process(project: Project, seconds: float) -> None:
    began = time.monotonic()
    project.kill_when(lambda: time.monotonic() - began > seconds, *UNTIL_CUT)
    assert_gone(project.root)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_ended_while_a_stage_runs_it_leaves_no_process(project: Project, how: signal.Signals) -> None:
    with started(project, *UNTIL_CUT) as run:
        wait_for_stage(project, run)
        run.send_signal(how)
        _, errors = run.communicate(timeout=LIMIT_S)
    assert_gone(project.root)
    if how != signal.SIGKILL:
        assert run.returncode == 130
        assert errors.strip().splitlines()[-1] == "error: interrupted; the same command goes on where it stopped"
        assert "Traceback" not in errors


def test_a_stage_that_is_killed_goes_on_once(project: Project) -> None:
    with started(project, *UNTIL_CUT) as run:
        os.kill(wait_for_stage(project, run), signal.SIGKILL)
        said, errors = run.communicate(timeout=LIMIT_S)
    assert run.returncode == 0, errors
    assert "2 stages ran, 0 cached" in said


def test_proxies_and_no_repository_do_not_stop_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.upper(), "socks5://127.0.0.1:9")
    (project.root / ".git").rename(project.root.parent / "elsewhere")
    answer = project.run(*UNTIL_CUT)
    assert answer.returncode == 0, answer.stderr
    assert "2 stages ran, 0 cached" in answer.stdout


def test_a_server_that_cannot_start_is_told_with_its_reason(project: Project) -> None:
    (project.root / ".prefect").mkdir()
    (project.root / ".prefect" / "prefect.db").mkdir()
    began = time.monotonic()
    answer = project.run(*UNTIL_CUT)
    assert answer.returncode == 2
    assert "error: the Prefect server did not start" in answer.stderr
    assert "unable to open database file" in answer.stderr
    assert time.monotonic() - began < LIMIT_S / 3


def test_prefect_has_a_task_a_stage(finished: Finished) -> None:
    store = sqlite3.connect(finished[0].root / ".prefect" / "prefect.db")
    flow_id, state = next(store.execute("select id, state_type from flow_run where name = 'tiny' order by created"))
    assert state == "COMPLETED"
    tasks = store.execute("select name, state_type from task_run where flow_run_id = ?", (flow_id,)).fetchall()
    assert sorted(tasks) == sorted((stage, "COMPLETED") for stage in STAGES)


def test_a_stage_says_how_far_the_run_is(finished: Finished) -> None:
    lines = [line for line in finished[1].stdout.splitlines() if line.startswith("[")]
    assert [line.split()[0] for line in lines] == [f"[{number}/{len(STAGES)}]" for number in range(1, len(STAGES) + 1)]
    assert {line.split()[1] for line in lines} == set(STAGES)


def test_at_the_end_stand_scores_and_what_to_try_next(finished: Finished) -> None:
    project, answer = finished
    assert f"report: {project.root / 'reports' / 'index.html'}" in answer.stdout
    rows = [line.split()[0] for line in answer.stdout.splitlines() if line.strip()]
    assert {"segtalker", "ground_truth", "static"} <= set(rows)
    talk = next(line for line in answer.stdout.splitlines() if "segtalker talk" in line).partition("segtalker ")[2]
    assert all((project.root / name).is_file() for name in talk.split() if name.startswith("results/"))
    # the tiny parser has learned too little to find the face it is shown
    assert "no face found" in project.run(*talk.split()).stderr
