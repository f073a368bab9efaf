"""A folder of photographs with region maps: which belong together, and a hash that tells when one changes."""

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from segtalker.config.params import Params
from segtalker.config.stages import Stage
from segtalker.utils.errors import BadInputError
from segtalker.utils.hashing import FileHashes
from segtalker.utils.paths import expand_path, is_hidden
from segtalker.utils.progress import progress

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
_KNOWN_FILE = Path(".cache", "pairs.json")


def find_pairs(root: Path) -> list[tuple[Path, Path]]:
    """Image and label files with equal stems under `root/images` and `root/labels`, in order of name.

    Raises:
        BadInputError: there are none.
    """
    labels = {path.stem: path for path in sorted(root.glob("labels/*.png"))}
    images = [path for path in sorted(root.glob("images/*")) if path.suffix.lower() in IMAGE_SUFFIXES]
    images = [path for path in images if not is_hidden(path.relative_to(root))]
    pairs = [(path, labels[path.stem]) for path in images if path.stem in labels]
    if not pairs:
        raise BadInputError(f"{root}: no images/NAME.jpg with labels/NAME.png; set training.pairs.root")
    return pairs


def pairs_sha256(root: Path, project: Path) -> str:
    """Hash of the names and contents of all pairs, wherever the folder lies: 64 hex digits.

    Files are read once: where size and time of change are those of the last call, their hash is remembered.

    Args:
        root: the folder, see `find_pairs`.
        project: in its `.cache` hashes are kept.

    Raises:
        BadInputError: there are no pairs, or one cannot be read.
    """
    paths = [path for pair in find_pairs(root) for path in pair]
    names = hashlib.sha256()
    try:
        with FileHashes(project / _KNOWN_FILE) as hashes:
            for path in progress(paths, len(paths), "photographs", unit="file"):
                names.update(f"{path.relative_to(root).as_posix()}\0{hashes.sha256(path)}\n".encode())
    except OSError as error:
        raise BadInputError(f"{error.filename}: cannot be read ({error.strerror}); see training.pairs.root") from error
    return names.hexdigest()


def pairs_overrides(params: Params, stages: Collection[Stage], project: Path) -> dict[str, Any]:
    """What `experiment.yaml` says of the photographs, by whose hash alone DVC and signatures see them.

    Args:
        params: of the experiment.
        stages: that are to run.
        project: its folder, in which stages run.

    Returns:
        `pairs_sha256` of each of the stages that learns from photographs; nothing where none does.

    Raises:
        BadInputError: see `pairs_sha256`.
    """
    readers = [stage for stage in params.pairs_readers if stage in stages]
    if not readers:
        return {}
    sha256 = pairs_sha256(project / expand_path(params.training.pairs.root, "training.pairs.root"), project)
    return {stage: {"pairs_sha256": sha256} for stage in readers}
