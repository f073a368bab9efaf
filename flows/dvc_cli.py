"""The only wrapper of the DVC command line."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from flows.lifeline import die_with_parent
from segtalker.errors import SegTalkerError

_ERROR_FILE = "SEGTALKER_ERROR_FILE"


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "dvc", *arguments]


def _environment(**extra: str) -> dict[str, str]:
    # the commands in dvc.yaml say `python`: the one that runs this
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return os.environ | {"PATH": path, "DVC_NO_ANALYTICS": "1", "DVC_STUDIO_OFFLINE": "1"} | extra


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


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


def reproduce_stage(root: Path, stage: str, force: bool) -> None:
    """Runs one stage if anything it depends on changed; its output goes straight to the terminal.

    Args:
        root: the project folder.
        stage: its name.
        force: run it even if nothing DVC knows of changed.

    Raises:
        SegTalkerError: it failed; the message is the stage's own where it left one.
    """
    with tempfile.TemporaryDirectory() as scratch:
        error_file = Path(scratch) / "error"
        process = subprocess.Popen(
            _command("repro", "--quiet", "--single-item", *(["--force"] if force else []), stage),
            cwd=root,
            env=_environment(**{_ERROR_FILE: str(error_file)}),
            stdin=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )
        try:
            code = process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise
        if code:
            reason = error_file.read_text(encoding="utf-8") if error_file.is_file() else "see its output above"
            raise SegTalkerError(f"stage {stage} failed: {reason}")
