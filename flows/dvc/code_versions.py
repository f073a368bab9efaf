"""The code of each stage as DVC sees it: `code.yaml`, a hash a stage.

`python -m flows.dvc.code_versions` writes it, `make deps` calls that, and so does every `segtalker reproduce`.
"""

import hashlib
from pathlib import Path

from segtalker.config.params import CODE_FILE, read_yaml
from segtalker.config.stages import STAGES, Stage
from segtalker.config.workspace import project_root
from segtalker.utils.atomic import write_text
from segtalker.utils.code_hash import code_hash, project_files
from segtalker.utils.errors import BadInputError

_STAMP = Path(".dvc/tmp/code_stamp")
_HEADER = """\
# Written by `make deps`: a hash of the code of each stage, comments and docstrings apart. `dvc.yaml` depends on it.
"""


def stage_code_hash(stage: Stage) -> str:
    """Hash of all code a stage is made of, see `segtalker.utils.code_hash`: 64 hex digits."""
    return code_hash(f"flows.stages.{stage}")


def write_code_file(root: Path) -> None:
    """Writes `code.yaml` of a project, atomically, where it differs from the code.

    Reading all code takes two seconds; where no file was touched since the last time, it is not read.
    """
    path, stamp = root / CODE_FILE, root / _STAMP
    if _is_fresh(root):
        return
    text = _HEADER + "".join(f"{stage}: {stage_code_hash(stage)}\n" for stage in STAGES)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
    write_text(stamp, _stamp(path))


def current_code(root: Path) -> dict[Stage, str]:
    """The hash of each stage's code as it is now; `code.yaml` of the project is left as it is."""
    if _is_fresh(root):
        code_content = read_yaml(root / CODE_FILE)
        return {stage: str(code_content.get(stage)) for stage in STAGES}
    return {stage: stage_code_hash(stage) for stage in STAGES}


def _is_fresh(root: Path) -> bool:
    """Whether no file was touched since `code.yaml` was written."""
    path, stamp = root / CODE_FILE, root / _STAMP
    return path.is_file() and stamp.is_file() and stamp.read_text(encoding="utf-8") == _stamp(path)


def _stamp(code_file: Path) -> str:
    """Sizes and times of change of all files that may count, and of `code.yaml` itself."""
    files = [code_file, *project_files()]
    facts = ((str(file), stat.st_size, stat.st_mtime_ns) for file in files if (stat := file.stat()))
    return hashlib.sha256(repr(sorted(facts)).encode()).hexdigest()


def check_code_file(root: Path, stage: Stage) -> None:
    """Sees to it that DVC records the code that runs.

    Raises:
        BadInputError: `code.yaml` tells of other code.
    """
    path = root / CODE_FILE
    if not path.is_file() or read_yaml(path).get(stage) != stage_code_hash(stage):
        raise BadInputError(f"{CODE_FILE}: the code of {stage} is another one; run make deps, then again")


if __name__ == "__main__":
    write_code_file(project_root())
