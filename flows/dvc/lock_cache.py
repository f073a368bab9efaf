"""What every stage was once made from and what came out, so that nothing equal is made twice.

DVC remembers one result a stage, in `dvc.lock`. Its run cache would find older ones, but not outputs that outlive a run
(`persist`), and those are what interrupted training and clips done one by one stand on. Here the locks of all runs are
kept. An experiment takes up each of its stages that ran with the same code, params and inputs before, be it in another
experiment; the outputs come from DVC's cache.
"""

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError

from segtalker.config.params import Params, params_hash, read_yaml
from segtalker.config.stages import STAGES, Stage
from segtalker.utils.atomic import atomic_file

_FOLDER = Path(".dvc/tmp/experiments")
_LOCK = "dvc.lock"
_OWN_FOLDER = re.compile(r"^(models|results)/([^/]+)/")  # an experiment's, beside those of the dataset
Entry = dict[str, Any]


def save_lock(root: Path, params: Params) -> None:
    """Remembers what `dvc.lock` says of the experiment that ran."""
    if (root / _LOCK).is_file():
        name = params_hash(params.model_dump(mode="json", exclude={"machine"}))
        with atomic_file(root / _FOLDER / f"{name}.lock") as temporary:
            shutil.copyfile(root / _LOCK, temporary)


def restore_lock(root: Path, params: Params) -> list[Stage]:
    """Takes up the stages of an experiment that ran before, in it or in another one; `dvc checkout` is to follow.

    DVC still compares every stage with its code, params and inputs.

    Args:
        root: the project folder; its `experiment.yaml` tells of the experiment.
        params: of the experiment.

    Returns:
        Stages that `dvc.lock` did not hold so.
    """
    current, (entries, _) = _stages(root / _LOCK), _known_entries(root, params)
    restored_stages = [stage for stage in STAGES if entries.get(stage) != current.get(stage) and stage in entries]
    if restored_stages:
        with atomic_file(root / _LOCK) as temporary, temporary.open("w", encoding="utf-8") as out:
            YAML().dump({"schema": "2.0", "stages": entries}, out)
    return restored_stages


def made_before(root: Path, params: Params) -> set[Stage]:
    """The stages of an experiment that ran before with what they would run with now.

    Args:
        root: the project folder; its `experiment.yaml` tells of the experiment.
        params: of the experiment.
    """
    known = _known_entries(root, params)[1]
    return {stage for stage in STAGES if stage in known}


def _known_entries(root: Path, params: Params) -> tuple[dict[str, Entry], set[str]]:
    """What is to stand in `dvc.lock` of each stage, and the stages of which that is up to date."""
    current, saved_locks = _stages(root / _LOCK), _SavedLocks(root)
    entries: dict[str, Entry] = {}
    outputs: dict[str, str] = {}
    up_to_date = set[str]()
    read = cache(lambda name: read_yaml(root / name))  # once each: they are long
    for stage, template in read_yaml(root / "dvc.yaml")["stages"].items():
        values = _current_values(read, template["params"])
        candidates = (_renamed(lock.get(stage), template, params) for lock in chain([current], saved_locks))
        fresh = next((entry for entry in candidates if entry and _is_up_to_date(entry, values, outputs)), None)
        stage_lock = fresh or _renamed(current.get(stage), template, params)
        if fresh:
            up_to_date.add(stage)
        if stage_lock:
            entries[stage] = stage_lock
            outputs |= {out["path"]: out["md5"] for out in stage_lock["outs"]}
    return entries, up_to_date


class _SavedLocks:
    """Stages of the locks of all runs, the newest first; each is read when it is come to, once."""

    def __init__(self, root: Path) -> None:
        # files that another trial writes at this moment have names that begin with a dot
        paths = (root / _FOLDER).glob("[!.]*.lock")
        self._paths = sorted(paths, key=_modified_ns, reverse=True)
        self._read: list[dict[str, Entry]] = []

    def __iter__(self) -> Iterator[dict[str, Entry]]:
        for number, path in enumerate(self._paths):
            if number == len(self._read):
                self._read.append(_stages(path))
            yield self._read[number]


def _modified_ns(path: Path) -> int:
    """When a file was last written, in ns; 0 of one that is gone meanwhile."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _stages(lock: Path) -> dict[str, Entry]:
    """What a lock says of each stage; nothing of one that cannot be read, which only costs work."""
    try:
        # the parser in C: locks are long
        stages = (YAML(typ="safe").load(lock.read_text(encoding="utf-8")) or {}).get("stages", {})
        return {stage: entry for stage, entry in stages.items() if all(out["md5"] for out in entry["outs"])}
    except (OSError, YAMLError, UnicodeDecodeError, AttributeError, KeyError, TypeError):
        return {}


def _place(out: str | Mapping[str, Any], params: Params) -> str:
    """Where `dvc.yaml` puts an output in this experiment."""
    path = out if isinstance(out, str) else next(iter(out))
    return path.replace("${active.dataset}", params.active.dataset).replace(
        "${active.experiment}", params.active.experiment
    )


def _renamed(entry: Entry | None, template: Mapping[str, Any], params: Params) -> Entry | None:
    """A stage of any experiment as this one would have it: folders named after an experiment carry its name.

    Returns:
        None where its outputs lie elsewhere, as those of another dataset do.
    """
    if entry is None:
        return None
    own = rf"\1/{params.active.experiment}/"
    own_entry = entry | {
        kind: [item | {"path": _OWN_FOLDER.sub(own, item["path"])} for item in entry[kind]]
        for kind in ("deps", "outs")
        if kind in entry
    }
    places = {_place(out, params) for out in template["outs"]}
    return own_entry if {out["path"] for out in own_entry["outs"]} == places else None


def _current_values(read: Callable[[str], Entry], param_entries: list[str | dict[str, list[str]]]) -> dict[str, Entry]:
    """The values a stage depends on, by file and key, as `dvc.lock` holds them."""
    files: dict[str, list[str]] = {}
    for item in param_entries:
        for file, keys in item.items() if isinstance(item, dict) else [("params.yaml", [item])]:
            files.setdefault(file, []).extend(keys)
    return {file: {key: _value(read(file), key) for key in keys} for file, keys in files.items()}


def _value(content: Any, key: str) -> Any:
    for part in key.split("."):
        content = content.get(part) if isinstance(content, Mapping) else None
    return content


def _is_up_to_date(entry: Entry, values: Mapping[str, Any], outputs: Mapping[str, str]) -> bool:
    """Whether a stage was made with these values from what the stages before it give now."""
    inputs = all(outputs.get(dep["path"]) == dep.get("md5") for dep in entry.get("deps", []))
    return inputs and entry.get("params") == values
