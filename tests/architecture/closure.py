"""Which files a stage's code is made of, by its imports."""

from functools import cache
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
PACKAGES = ("segtalker", "flows", "lightning_modules", "datamodules")
# how a stage is run and told about; none of it changes what comes out
WITHOUT_EFFECT = {
    "flows/lifeline.py",
    "flows/stage_notes.py",
    "flows/trial.py",
    "flows/stages/common.py",
    "segtalker/clip_pools.py",
    "segtalker/errors.py",
    "segtalker/progress.py",
    "segtalker/provenance.py",
    "segtalker/tracking.py",
    "segtalker/data_params.py",
    "segtalker/params.py",
    "segtalker/training_params.py",
    "segtalker/workspace.py",
    "segtalker/paths.py",
}


@cache
def import_graph() -> grimp.ImportGraph:
    """Imports among the project's packages."""
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def file_of(module: str) -> str | None:
    """The file of a module, relative to the project; None for packages."""
    path = Path(*module.split(".")).with_suffix(".py")
    return path.as_posix() if (ROOT / path).is_file() else None


def stage_files(stage: str) -> set[str]:
    """Every file whose change can change what a stage writes."""
    return module_files(f"flows.stages.{stage}")


def module_files(module: str) -> set[str]:
    """Every file whose change can change what a module does."""
    modules = {module, *import_graph().find_upstream_modules(module)}
    files = {file for name in modules if (file := file_of(name))}
    return files - WITHOUT_EFFECT
