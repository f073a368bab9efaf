"""Programs run by a process that imported them beforehand, and that none outlives who asked for it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.dvc.fork_server import ForkedProcess, ServerGoneError, fork_server

PROGRAMS = """
import os, signal, subprocess, sys, time
LOADED_BY = os.getpid()
def tell():
    print(os.getcwd(), os.environ["COLOUR"], sys.argv[1:], os.getppid() == LOADED_BY, sys.stdin.read(), flush=True)
def code(): return int(sys.argv[1])
def leave(): sys.exit("no bread")
def fail(): raise ValueError("nuts")
def die(): os.kill(os.getpid(), signal.SIGTERM)
def long():
    child = subprocess.Popen(["sleep", "600"])
    with open(sys.argv[1], "w") as out:
        print(os.getpid(), child.pid, file=out)
    time.sleep(600)
"""
RUN = """
import os, sys
from pathlib import Path
from flows.dvc.fork_server import ForkedProcess, fork_server
with fork_server(["forked_programs"], os.environ, Path(sys.argv[1])) as address:
    folder, out = map(Path, sys.argv[1:])
    ForkedProcess(address, "forked_programs:long", [str(out)], os.environ, folder, "forked_programs").wait()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "forked_programs.py").write_text(PROGRAMS)
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[str]:
    with fork_server(["forked_programs"], environment(folder), folder) as address:
        yield address


def environment(folder: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), *sys.path]), "COLOUR": "red"}


def start(server: str, folder: Path, name: str, *arguments: str, streams: tuple = (0, 1, 2)) -> ForkedProcess:
    variables = environment(folder) | {"COLOUR": "blue"}
    return ForkedProcess(server, f"forked_programs:{name}", arguments, variables, folder, "forked_programs", streams)


@pytest.mark.parametrize("modules", [(), ("json",)])
def test_a_program_whose_module_is_not_imported_imports_it(folder: Path, modules: tuple[str, ...]) -> None:
    with fork_server(modules, environment(folder), folder) as server:
        assert start(server, folder, "code", "3").wait() == 3
        assert start(server, folder, "code", "4").wait() == 4


def pids(file: Path) -> list[int]:
    """Of the program that wrote them, and of what it started."""
    deadline = time.monotonic() + 60
    while not file.is_file() or len(file.read_text().split()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return [int(word) for word in file.read_text().split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def gone(found: list[int], within_s: float = 2.0) -> bool:
    deadline = time.monotonic() + within_s
    while any(map(alive, found)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(map(alive, found))


def test_a_program_has_folder_variables_arguments_and_streams_of_its_own(server: str, folder: Path) -> None:
    (folder / "in").write_text("question")
    with (folder / "in").open() as given, (folder / "out").open("w") as said:
        streams = (given.fileno(), said.fileno(), said.fileno())
        assert start(server, folder, "tell", "a", "b c", streams=streams).wait() == 0
    assert (folder / "out").read_text() == f"{folder} blue ['a', 'b c'] True question\n"


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [("code", 7, ""), ("leave", 1, "no bread"), ("fail", 1, "ValueError: nuts"), ("die", -15, "")],
)
def test_the_way_it_ended_is_told(server: str, folder: Path, name: str, code: int, said: str) -> None:
    with (folder / "errors").open("w") as errors:
        assert start(server, folder, name, "7", streams=(0, 1, errors.fileno())).wait() == code
    assert said in (folder / "errors").read_text()


def test_several_run_at_once_and_one_is_killed_alone(server: str, folder: Path) -> None:
    first, second = (start(server, folder, "long", str(folder / name)) for name in ("one", "two"))
    of_first, of_second = pids(folder / "one"), pids(folder / "two")
    first.kill()
    assert first.wait() == -signal.SIGKILL
    assert gone(of_first)
    assert all(map(alive, of_second))
    second.kill()
    assert second.wait() == -signal.SIGKILL
    assert gone(of_second)


def test_without_a_server_nothing_is_run(folder: Path) -> None:
    with fork_server(["forked_programs"], environment(folder), folder) as address:
        process = start(address, folder, "long", str(folder / "one"))
        found = pids(folder / "one")
    assert gone(found)
    with pytest.raises(ServerGoneError):
        process.wait()
    with pytest.raises(ServerGoneError):
        start(address, folder, "code", "7")


@pytest.mark.parametrize("victim", ["run", "server"])
def test_killed_without_a_warning_it_takes_all_with_it(folder: Path, victim: str) -> None:
    command = [sys.executable, "-c", RUN, str(folder), str(folder / "one")]
    with subprocess.Popen(command, cwd=folder, env=environment(folder), stderr=subprocess.DEVNULL) as run:
        program, child = pids(folder / "one")
        server = int(Path(f"/proc/{program}/stat").read_text().split()[3])
        os.kill(run.pid if victim == "run" else server, signal.SIGKILL)
        assert gone([program, server] if victim == "server" else [program, server, child])
    if victim == "server":
        os.kill(child, signal.SIGKILL)
