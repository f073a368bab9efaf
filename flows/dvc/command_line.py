"""The only wrapper of the DVC command line."""

import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from ruamel.yaml import YAML, YAMLError

from flows.dvc.fork_server import ForkedProcess, ServerGoneError, fork_server
from flows.dvc.stage_process import StageNotes
from segtalker.tracking.provenance import read_lock
from segtalker.utils.errors import SegTalkerError
from segtalker.utils.progress import notice

_GRACE_S = 10.0
_HASH = re.compile(r"[0-9a-f]{32}(\.dir)?")
# what `dvc status` and `dvc repro` import, so that they start at once
_MODULES = (
    "dvc.cli.parser", "dvc.repo.status", "dvc.repo.reproduce", "dvc.repo.checkout", "dvc.repo.index", "dvc.repo.stage",
    "dvc.repo.open_repo", "dvc.stage.run", "dvc.stage.cache", "dvc.scm", "dvc.lock", "dvc.rwlock", "dvc.dirs",
    "dvc.repo.artifacts", "dvc.repo.params", "dvc.cachemgr", "dvc.data_cloud", "dvc_render", "pyparsing",
    "dvc.parsing.context", "dvc.utils.strictyaml", "dvc_data.hashfile.db.local", "dulwich.ignore", "dulwich.repo",
    "scmrepo.git", "dvc.cli",
)  # fmt: skip


class StageKilledError(SegTalkerError):
    """A stage went without a word: something outside ended it."""


@dataclass(frozen=True)
class Reproduced:
    """What became of a stage.

    Args:
        ran: whether its command ran.
        has_new_outputs: whether its outputs are others now; also where DVC took them from its cache.
    """

    ran: bool
    has_new_outputs: bool


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


def _is_dvc(pid: int) -> bool:
    try:
        return b"dvc" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def recover(root: Path) -> None:
    """Removes what a killed DVC left half-done, so that the next run can begin.

    A lock of a process that is gone would block for ever once its number is given to another. A torn `dvc.lock` would
    stop DVC; without it stages are taken up from the locks of earlier runs, and clips and checkpoints where they lie.
    """
    lock = root / ".dvc" / "tmp" / "rwlock"
    if lock.is_file():
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            lock_content = json.loads(lock.read_bytes())
            readers = [info for infos in lock_content.get("read", {}).values() for info in infos]
            if any(_is_dvc(int(info["pid"])) for info in [*readers, *lock_content.get("write", {}).values()]):
                return
        lock.unlink()
    if not _is_whole(root / "dvc.lock"):
        (root / "dvc.lock").unlink()
        notice("dvc.lock was torn and is written anew; what the stages made before is found again")


def _is_whole(path: Path) -> bool:
    """Whether DVC can read a lock: each stage has its command and every file its path and hash."""
    try:
        lock = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        files = [
            item
            for entry in lock["stages"].values()
            for item in (*entry.get("deps", ()), *entry["outs"])
            if isinstance(entry["cmd"], str)
        ]
        return lock["schema"] == "2.0" and all(item["path"] and _HASH.fullmatch(item["md5"]) for item in files)
    except FileNotFoundError:
        return True
    except (YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        return False


def follow_git(root: Path) -> None:
    """Tells DVC whether there is a git repository: without one it would not run, as in a source archive.

    The local configuration, which git ignores, says so; of a project that became a repository later it is taken back.
    """
    path = root / ".dvc" / "config.local"
    inside = any((folder / ".git").exists() for folder in (root.resolve(), *root.resolve().parents))
    own = path.is_file() and path.read_text(encoding="utf-8") == _WITHOUT_GIT
    if inside and own:
        path.unlink()
    elif not inside and not path.exists():
        path.write_text(_WITHOUT_GIT, encoding="utf-8")


_WITHOUT_GIT = "[core]\n    no_scm = true\n"


class RunningStage:
    """A stage that DVC brings up to date, in a process of its own.

    Args:
        root: the project folder.
        stage: its name.
        process: DVC's.
        scratch: where the stage leaves its notes.
    """

    def __init__(self, root: Path, stage: str, process: ForkedProcess, scratch: tempfile.TemporaryDirectory) -> None:
        self._root, self._stage, self._process, self._scratch = root, stage, process, scratch
        self._notes = StageNotes(Path(scratch.name))
        self._outs = _outs(root, stage)
        self._code: Future[int] = Future()
        Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        try:
            self._code.set_result(self._process.wait())
        except ServerGoneError:
            self._code.set_result(-signal.SIGKILL)

    def wait(self) -> Reproduced:
        """Waits until it is done.

        Raises:
            StageKilledError: something outside ended it.
            SegTalkerError: it failed; the message is the stage's own where it left one.
        """
        code = self._code.result()
        try:
            if code:
                raise self._failure()
            return Reproduced(self._notes.pid is not None, _outs(self._root, self._stage) != self._outs)
        finally:
            self._scratch.cleanup()

    def end(self) -> None:
        """Lets the stage close its MLflow run, then sees to it that nothing is left of it."""
        if self._notes.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._notes.pid, signal.SIGINT)
            with suppress(TimeoutError):
                self._code.result(_GRACE_S)
        self._process.kill()
        self._code.result()

    def _failure(self) -> SegTalkerError:
        notes, stage = self._notes, self._stage
        if notes.error:
            return SegTalkerError(f"stage {stage} failed: {notes.error}")
        if notes.killed:
            return StageKilledError(
                f"stage {stage} was killed, by a person or for want of memory; run it again to go on"
            )
        return SegTalkerError(f"stage {stage}: DVC failed; `dvc repro --single-item {stage}` says why")


def _outs(root: Path, stage: str) -> Any:
    return read_lock(root).get(stage, {}).get("outs")


@dataclass(frozen=True)
class Dvc:
    """DVC in a project.

    Args:
        root: the project folder.
        server: address of a fork server that has imported DVC.
        environment: variables of what it runs.
    """

    root: Path
    server: str
    environment: Mapping[str, str]

    def status(self) -> set[str]:
        """The stages whose code, params, inputs or outputs differ from `dvc.lock`.

        Raises:
            SegTalkerError: DVC cannot tell, with its message.
        """
        with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as complaint:
            code = self._start(["status", "--json"], answer.fileno(), complaint.fileno()).wait()
            answer.seek(0), complaint.seek(0)
            if code:
                raise SegTalkerError(f"dvc status failed: {_last_line(complaint.read().decode())}")
            return set(json.loads(answer.read()))

    def checkout(self) -> None:
        """Outputs as `dvc.lock` has them, from the cache; what is not there is left to the stages.

        The stages are named, or DVC would remove what it knows of other datasets and experiments.
        """
        with open(os.devnull, "wb") as nowhere:
            stages = read_lock(self.root)
            self._start(["checkout", "--force", "--quiet", *stages], nowhere.fileno(), nowhere.fileno()).wait()

    def start_stage(self, stage: str, force: bool, extra: Mapping[str, str]) -> RunningStage:
        """Runs one stage if anything it depends on changed; its output goes straight to the terminal.

        Args:
            stage: its name.
            force: run it even if nothing DVC knows of changed.
            extra: more variables for it.
        """
        scratch = tempfile.TemporaryDirectory()
        options = ["--quiet", "--single-item", *(["--force"] if force else [])]
        environment = {**extra, **StageNotes(Path(scratch.name)).environment()}
        process = self._start(["--wait-for-lock", "repro", *options, stage], 1, 2, environment)
        return RunningStage(self.root, stage, process, scratch)

    def _start(
        self, arguments: Sequence[str], output: int, errors: int, extra: Mapping[str, str] | None = None
    ) -> ForkedProcess:
        environment = {**self.environment, **(extra or {})}
        with open(os.devnull, "rb") as nothing:
            streams = (nothing.fileno(), output, errors)
            return ForkedProcess(self.server, "dvc.cli:main", arguments, environment, self.root, "dvc.cli", streams)


@contextmanager
def open_dvc(root: Path, environment: Mapping[str, str]) -> Iterator[Dvc]:
    """DVC, imported once for all calls of a run.

    Args:
        root: the project folder.
        environment: variables of what it runs.
    """
    # the commands in dvc.yaml say `python`: the one that runs this
    path = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    own = {"PATH": path, "DVC_NO_ANALYTICS": "1", "DVC_STUDIO_OFFLINE": "1"}
    variables = {**environment, **own}
    with fork_server(_MODULES, variables, root) as address:
        yield Dvc(root, address, variables)
