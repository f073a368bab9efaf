"""The only wrapper of the DVC command line."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError

from flows.dvc.stage_process import StageNotes, die_with_parent
from segtalker.utils.errors import SegTalkerError

_GRACE_S = 10.0


class StageKilledError(SegTalkerError):
    """A stage went without a word: something outside ended it."""


@dataclass(frozen=True)
class Reproduced:
    """What became of a stage.

    Args:
        ran: whether its command ran.
        renewed: whether its outputs are others now; also where DVC took them from its cache.
    """

    ran: bool
    renewed: bool


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "dvc", *arguments]


def _environment(**extra: str) -> dict[str, str]:
    # the commands in dvc.yaml say `python`: the one that runs this
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return os.environ | {"PATH": path, "DVC_NO_ANALYTICS": "1", "DVC_STUDIO_OFFLINE": "1"} | extra


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


def _read_lock(root: Path) -> dict[str, Any]:
    """The stages in `dvc.lock`.

    Raises:
        YAMLError: it is not whole.
    """
    path = root / "dvc.lock"
    lock = YAML(typ="safe").load(path.read_text(encoding="utf-8")) if path.is_file() else None
    return (lock or {}).get("stages", {})


def _is_dvc(pid: int) -> bool:
    try:
        return b"dvc" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def recover(root: Path) -> None:
    """Removes what a killed DVC left half-done, so that the next run can begin.

    A lock of a process that is gone would block for ever once its number is given to another. A torn `dvc.lock`
    cannot be read; without it DVC finds outputs again in its cache.
    """
    lock = root / ".dvc" / "tmp" / "rwlock"
    if lock.is_file():
        text = lock.read_text(encoding="utf-8")
        with suppress(json.JSONDecodeError):
            held = json.loads(text)
            readers = [info for infos in held.get("read", {}).values() for info in infos]
            if any(_is_dvc(int(info["pid"])) for info in [*readers, *held.get("write", {}).values()]):
                return
        lock.unlink()
    try:
        _read_lock(root)
    except YAMLError:
        (root / "dvc.lock").unlink()


def status(root: Path) -> set[str]:
    """The stages whose code, params, inputs or outputs differ from `dvc.lock`.

    Raises:
        SegTalkerError: DVC cannot tell, with its message.
    """
    answer = subprocess.run(
        _command("status", "--json"), cwd=root, env=_environment(), capture_output=True, text=True, check=False
    )
    if answer.returncode:
        raise SegTalkerError(f"dvc status failed: {_last_line(answer.stderr)}")
    return set(json.loads(answer.stdout))


def checkout(root: Path) -> None:
    """Outputs as `dvc.lock` has them, from the cache; what is not there is left to the stages.

    The stages are named, or DVC would remove what it knows of other datasets and experiments.
    """
    command = _command("checkout", "--force", "--quiet", *_read_lock(root))
    subprocess.run(command, cwd=root, env=_environment(), capture_output=True, check=False)


def reproduce_stage(root: Path, stage: str, force: bool) -> Reproduced:
    """Runs one stage if anything it depends on changed; its output goes straight to the terminal.

    Args:
        root: the project folder.
        stage: its name.
        force: run it even if nothing DVC knows of changed.

    Raises:
        StageKilledError: something outside ended it.
        SegTalkerError: it failed; the message is the stage's own where it left one.
    """
    before = _read_lock(root).get(stage, {}).get("outs")
    with tempfile.TemporaryDirectory() as scratch:
        notes = StageNotes(Path(scratch))
        process = subprocess.Popen(
            _command("repro", "--quiet", "--single-item", *(["--force"] if force else []), stage),
            cwd=root,
            env=_environment(**notes.environment()),
            stdin=subprocess.DEVNULL,
            process_group=0,  # Ctrl-C reaches this process alone, which ends the stage in order
            preexec_fn=partial(die_with_parent, os.getpid(), signal.SIGKILL),
        )
        try:
            code = process.wait()
        except BaseException:
            _end(process, notes)
            raise
        if code:
            raise _failure(stage, notes)
        return Reproduced(notes.pid is not None, _read_lock(root).get(stage, {}).get("outs") != before)


def _end(process: subprocess.Popen, notes: StageNotes) -> None:
    """Lets the stage close its MLflow run, then sees to it that nothing is left of it."""
    if notes.pid is not None:
        with suppress(ProcessLookupError):
            os.kill(notes.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _failure(stage: str, notes: StageNotes) -> SegTalkerError:
    if notes.error:
        return SegTalkerError(f"stage {stage} failed: {notes.error}")
    if notes.pid is not None and not notes.finished:
        return StageKilledError(f"stage {stage} was killed, by a person or for want of memory; run it again to go on")
    return SegTalkerError(f"stage {stage}: DVC failed; `dvc repro --single-item {stage}` says why")
