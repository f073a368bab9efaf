"""Who ran something, where and with what: owner, host, workspace, hardware and packages."""

import fcntl
import getpass
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from segtalker.utils.hashing import file_sha256

WORKSPACE_FILE = ".segtalker.workspace"
_LOCK_FILE = "requirements.lock"
_CPU_INFO = Path("/proc/cpuinfo")
# the widest first: numbers differ by it in their last digits
_INSTRUCTION_SETS = {"avx512f": "AVX512", "avx2": "AVX2"}
_MAIN_PACKAGES = ("torch", "torchvision", "pytorch-lightning", "numpy", "opencv-python-headless", "av", "mlflow", "dvc")
_GPU_PATIENCE_S = 10


@dataclass(frozen=True)
class RunOwner:
    """Whose run it is.

    Args:
        user: name of the account.
        host: name of the machine.
        workspace: of the project folder, 32 hex digits; see `workspace_id`.
    """

    user: str
    host: str
    workspace: str


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's number without a name
        return str(os.getuid())


def run_owner(root: Path) -> RunOwner:
    """Whose runs those of a project folder are, made by this process.

    Args:
        root: the project folder.
    """
    return RunOwner(_user(), platform.node(), workspace_id(root))


@contextmanager
def workspace_lock(root: Path) -> Iterator[None]:
    """Holds what the stages of one project folder must not do at the same time."""
    with (root / WORKSPACE_FILE).open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def workspace_id(root: Path) -> str:
    """Names a project folder, drawn at random when it is first asked for: 32 hex digits.

    A copy of the folder is another one, though the file that keeps the name is copied with it: the file says of which
    folder it speaks.
    """
    folder, path = str(root.resolve()), root / WORKSPACE_FILE
    with workspace_lock(root):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["folder"] == folder:
                return str(content["id"])
        except (ValueError, KeyError, TypeError):
            pass
        name = uuid.uuid4().hex
        # in place: another process may hold the lock on this very file
        path.write_text(json.dumps({"id": name, "folder": folder}), encoding="utf-8")
    return name


def _cpu_facts() -> tuple[str, str]:
    """Model of the processor and the widest set of vector instructions it has."""
    text = _CPU_INFO.read_text(encoding="utf-8", errors="replace") if _CPU_INFO.is_file() else ""
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}
    flags = facts.get("flags", "").split()
    sets = [name for flag, name in _INSTRUCTION_SETS.items() if flag in flags]
    return facts.get("model name") or platform.processor() or platform.machine(), sets[0] if sets else "none"


def _gpu_names() -> str:
    """Names of the GPUs, comma-separated, `none` without any; torch, which would know, takes seconds to import."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return "none"
    command = [tool, "--query-gpu=name", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=_GPU_PATIENCE_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return "none"
    return ", ".join(answer.stdout.split("\n")).strip(", ") or "none"


def hardware() -> dict[str, str]:
    """What the machine is: `processor`, `instructions`, `cores`, `memory_gib`, `gpus`."""
    processor, instructions = _cpu_facts()
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": processor,
        # a narrower one may have been asked for
        "instructions": os.environ.get("ATEN_CPU_CAPABILITY", instructions).upper(),
        "cores": f"{usable} of {os.cpu_count()}",
        "memory_gib": f"{memory:.0f}",
        "gpus": _gpu_names(),
    }


def package_versions() -> dict[str, str]:
    """Every installed package and its version, by normalised name (PEP 503).

    The names of the folders say both; `importlib.metadata` would read a file of each package, a quarter of a second
    a stage.
    """
    folders = (folder.stem for place in sys.path for folder in Path(place).glob("*.dist-info"))
    versions = {name.replace("_", "-").lower(): version for name, _, version in map(_split_last, folders)}
    return dict(sorted(versions.items()))


def _split_last(text: str) -> tuple[str, str, str]:
    return text.rpartition("-")


def origin_tags(root: Path, packages: Mapping[str, str]) -> dict[str, str]:
    """Hardware, Python, the main packages and the hashes of all and of the lock file, as tags of a run.

    Args:
        root: the project folder.
        packages: see `package_versions`.
    """
    lock = root / _LOCK_FILE
    packages_hash = hashlib.sha256(json.dumps(dict(packages)).encode()).hexdigest()
    tags = {f"segtalker.{name}": value for name, value in hardware().items()}
    tags |= {f"segtalker.version.{name}": packages[name] for name in _MAIN_PACKAGES if name in packages}
    tags["segtalker.version.python"] = ".".join(map(str, sys.version_info[:3]))
    tags["segtalker.packages_sha256"] = packages_hash
    return tags | {"segtalker.lock_sha256": file_sha256(lock) if lock.is_file() else "none"}
