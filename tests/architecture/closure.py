"""Which files modules are made of, by grimp: an oracle for `segtalker.utils.code_hash`."""

from functools import cache
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
PACKAGES = ("segtalker", "flows", "lightning_modules", "datamodules")
# how work is run, told and written down; none of it changes what comes out
WITHOUT_EFFECT = (
    "flows.dvc", "flows.stages.common", "segtalker.clips.worker_pools", "segtalker.config", "segtalker.tracking",
    "segtalker.utils",
)  # fmt: skip


@cache
def import_graph() -> grimp.ImportGraph:
    """Imports among the project's packages, but for those of the type checker and of what has no effect."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None, exclude_type_checking_imports=True)
    for module in WITHOUT_EFFECT:
        for name in {module, *graph.find_descendants(module)}:
            graph.remove_module(name)
    return graph


def module_files(module: str) -> set[str]:
    """Every Python file whose change can change what a module does, relative to the project."""
    modules = {module, *import_graph().find_upstream_modules(module)}
    paths = (ROOT.joinpath(*name.split(".")) for name in modules)
    files = {path / "__init__.py" if path.is_dir() else path.with_suffix(".py") for path in paths}
    return {path.relative_to(ROOT).as_posix() for path in files}
