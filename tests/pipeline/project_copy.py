"""A copy of the project to run in, as a stranger's fresh clone is."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
SEGTALKER = Path(sys.executable).with_name("segtalker")
LIMIT_S = 900


class Project:
    """A copy of the project.

    Args:
        root: where it is.
        prefect: address of a server that its runs are told to; each starts its own where there is none.
    """

    def __init__(self, root: Path, prefect: str = "") -> None:
        self.root = root
        self.prefect = prefect

    def environment(self) -> dict[str, str]:
        """Variables as a stranger has them."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "MLFLOW"))}
        path = os.pathsep.join([str(SEGTALKER.parent), os.environ.get("PATH", "")])
        server = {"PREFECT_API_URL": self.prefect} if self.prefect else {}
        return kept | server | {"PATH": path, "PYTHONPATH": str(self.root), "OMP_WAIT_POLICY": "PASSIVE"}

    def command(self, *arguments: str) -> list[str]:
        """How `segtalker` is called."""
        return [str(SEGTALKER), *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs `segtalker` with arguments to its end."""
        return self._run(*self.command(*arguments))

    def dvc(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs `dvc` with arguments to its end."""
        return self._run(sys.executable, "-m", "dvc", *arguments)

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.root,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def kill_when(self, reached: Callable[[], bool], *arguments: str) -> None:
        """Starts `segtalker` and kills it, without a warning, once `reached()`."""
        process = subprocess.Popen(
            self.command(*arguments),
            cwd=self.root,
            env=self.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + LIMIT_S
        while not reached():
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def read(self, name: str) -> bytes:
        """A file's bytes."""
        return (self.root / name).read_bytes()


def copy_project(target: Path, prefect: str = "") -> Project:
    """Copies what git tracks, into a repository of its own."""
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in names.splitlines():
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    for command in (["init", "-q"], ["add", "-A"], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "t"]):
        subprocess.run(["git", *command], cwd=target, check=True)
    return Project(target, prefect)
