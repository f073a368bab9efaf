"""`segtalker doctor`: what works on this machine."""

import ctypes.util
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Column, Table

from flows.needed_files import missing_files
from segtalker.config.params import load_params
from segtalker.config.stages import STAGES
from segtalker.config.workspace import project_root
from segtalker.nets.pretrained import WEIGHTS, Weights, cache_folder

_PACKAGES = ("torch", "pytorch-lightning", "prefect", "dvc", "mlflow", "pandas", "decord", "face-alignment", "pyiqa")
_NEEDED_GIB = 5.0
_MARKS = {True: "[green]yes[/]", False: "[red]no[/]", None: "[yellow]optional, no[/]"}


@dataclass(frozen=True)
class Check:
    """One row.

    Args:
        what: what is looked at.
        works: True, False, or None where it is missing but only some uses need it.
        detail: what was found, or what to do.
    """

    what: str
    works: bool | None
    detail: str


def _python() -> Check:
    works = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Check("Python", works, platform.python_version() + ("" if works else "; 3.11, 3.12 or 3.13 is needed"))


def _packages() -> list[Check]:
    checks = []
    for name in _PACKAGES:
        try:
            checks.append(Check(name, True, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            checks.append(Check(name, False, "not installed; run make env"))
    return checks


def _gpu() -> Check:
    # in a child: flow files stay free of torch, and a broken driver cannot take this process with it
    code = "import torch; print(*[torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())], sep=', ')"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    names = answer.stdout.strip()
    return Check("GPU", True if names else None, names or "none; training runs on the CPU")


def _codecs() -> Check:
    import av

    codecs = {("libx264", "w"), ("aac", "w"), ("h264", "r"), ("hevc", "r"), ("aac", "r")}
    missing = []
    for name, mode in sorted(codecs):
        try:
            av.codec.Codec(name, mode)  # type: ignore[arg-type]
        except av.codec.codec.UnknownCodecError:
            missing.append(name)
    return Check("codecs", not missing, f"missing: {', '.join(missing)}" if missing else "H.264, HEVC, AAC by PyAV")


def _speech() -> Check:
    from segtalker.synthetic.speech import Voice, speak
    from segtalker.utils.errors import SegTalkerError

    try:
        seconds = speak("Hello.", Voice("en-us", "f2", 150, 50, 50)).seconds
    except SegTalkerError as error:
        return Check("speech synthesis", False, str(error))
    return Check("speech synthesis", True, f"espeak-ng spoke for {seconds:.1f} s")


def _mediapipe() -> Check:
    missing = [name for name in ("EGL", "GLESv2") if ctypes.util.find_library(name) is None]
    if missing:
        return Check("MediaPipe", None, "needs libEGL and libGLESv2: apt-get install libegl1 libgles2")
    try:
        return Check("MediaPipe", True, importlib.metadata.version("mediapipe"))
    except importlib.metadata.PackageNotFoundError:
        return Check("MediaPipe", None, "not installed; pip install segtalker[mediapipe]")


def _weights(name: str, weights: Weights) -> Check:
    file = cache_folder() / weights.file
    here = file.is_file()
    return Check(f"weights {name}", True if here else None, str(file) if here else f"segtalker weights fetch {name}")


def _disk(root: Path) -> Check:
    free = shutil.disk_usage(root).free / 2**30
    works = free >= _NEEDED_GIB
    return Check("disk", works, f"{free:.0f} GiB free in {root}" + ("" if works else f"; {_NEEDED_GIB:.0f} are needed"))


def _machine() -> Check:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return Check("machine", True, f"{os.cpu_count()} cores, {memory:.0f} GiB memory")


def _needed_files(root: Path) -> list[Check]:
    """What the active experiment needs from outside: a row for each file that is missing."""
    params = load_params(root)
    what = f"files of {params.active.experiment}"
    lines = missing_files(params, STAGES, root)
    return [Check(what, False, line) for line in lines] or [Check(what, True, "all are there")]


def checks(root: Path) -> list[Check]:
    """Everything `doctor` looks at, in order."""
    single: list[Callable[[], Check]] = [_machine, lambda: _disk(root), _gpu, _codecs, _speech, _mediapipe]
    return [
        _python(),
        *_packages(),
        *(check() for check in single),
        *_needed_files(root),
        *starmap(_weights, WEIGHTS.items()),
    ]


def doctor() -> None:
    """Show what works on this machine; exit code 1 if the active experiment cannot run."""
    table = Table("", "works", Column("", overflow="fold"), show_lines=False, box=None)
    check_results = checks(project_root())
    for check in check_results:
        table.add_row(check.what, _MARKS[check.works], check.detail)
    Console().print(table)
    if any(check.works is False for check in check_results):
        raise typer.Exit(1)
