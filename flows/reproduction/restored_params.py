"""The params of a run, laid over those of this checkout: the same experiment, or a list of what is not the same.

What may be another one here is `machine`, which changes no result, and where material lies: folders and files count by
what is in them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flows.reproduction.original import Original, some_of
from segtalker.config.experiment import DEFAULT_EXPERIMENT, networks_sha256, setting
from segtalker.config.params import PARAMS_FILE, Params, merge, override_params, read_yaml
from segtalker.config.stages import STAGES
from segtalker.datasets.pairs import pairs_overrides
from segtalker.tracking.provenance import experiment_signature, leaves
from segtalker.utils.errors import BadInputError

_MACHINE = "machine"
_FILE_KEYS = ("root", "weights", "heads")


@dataclass(frozen=True)
class Restored:
    """The experiment as it is to run here.

    Args:
        content: of `experiment.yaml`.
        params: that it leads to.
        notes: what this code has not, or has beside it: a line each; there are some under other code only.
    """

    content: dict[str, Any]
    params: Params
    notes: tuple[str, ...]


def restore_params(root: Path, original: Original, settings: Sequence[str], is_other_code: bool) -> Restored:
    """Composes the experiment of a run.

    Args:
        root: the project folder.
        original: the run.
        settings: `key=value`, laid over it: where material lies here, and `machine`.
        is_other_code: whether it is to run with other code than it was made by: then params may be missing.

    Raises:
        BadInputError: the params cannot be the same here; it names them.
    """
    defaults = read_yaml(root / PARAMS_FILE)
    content = dict(original.experiment) | {_MACHINE: _own_machine(root, original.run.experiment)}
    content, unknown, missing = _same_values(defaults, content, original)
    notes = [f"{key}: this code has no such param" for key in unknown]
    notes += [f"{key}: the run has no such param, {value!r} is taken" for key, value in missing.items()]
    if notes and not is_other_code:
        raise BadInputError(
            f"{original.name}: only one of it and {PARAMS_FILE} here has {some_of([*unknown, *missing])}"
        )
    for text in settings:
        content = merge(content, setting(text))
    params = override_params(defaults, content, original.name)
    _refuse_other_material(root, original, params)
    _refuse_other_params(original, params, is_other_code)
    return Restored(content, params, tuple(notes))


def _own_machine(root: Path, experiment: str) -> dict[str, Any]:
    """What the experiment's file says of the machine here."""
    path = root / "experiments" / Path(f"{experiment}.yaml").name  # the name comes from a store, which may lie
    return read_yaml(path).get(_MACHINE, {}) if experiment != DEFAULT_EXPERIMENT and path.is_file() else {}


def _same_values(
    defaults: Mapping[str, Any], content: Mapping[str, Any], original: Original
) -> tuple[dict[str, Any], list[str], dict[str, Any]]:
    """The run's experiment with every value that `params.yaml` here has otherwise.

    Returns:
        Content of `experiment.yaml`, keys that this code has not, keys and values that only `params.yaml` here has.
    """
    run_content = merge(original.defaults, original.experiment)
    unknown = _unknown_keys(run_content)
    result = _without(content, unknown)
    theirs, ours = (_counting(leaves(part)) for part in (_without(run_content, unknown), merge(defaults, result)))
    for key, value in theirs.items():
        if key not in ours or ours[key] != value:
            result = merge(result, _nested(key, value))
    return result, unknown, {key: value for key, value in ours.items() if key not in theirs}


def _counting(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if not key.startswith(f"{_MACHINE}.")}


def _unknown_keys(content: Mapping[str, Any]) -> list[str]:
    """Params and sections that this code has not; what else is wrong with them shows later."""
    try:
        Params.model_validate(content)
    except ValidationError as error:
        return [".".join(map(str, item["loc"])) for item in error.errors() if item["type"] == "extra_forbidden"]
    return []


def _without(content: Mapping[str, Any], keys: Sequence[str], prefix: str = "") -> dict[str, Any]:
    """Content without keys, named `section.key`."""
    return {
        name: _without(value, keys, f"{prefix}{name}.") if isinstance(value, Mapping) else value
        for name, value in content.items()
        if f"{prefix}{name}" not in keys
    }


def _nested(key: str, value: Any) -> dict[str, Any]:
    for part in reversed(key.split(".")):
        value = {part: value}
    return value


def _refuse_other_material(root: Path, original: Original, params: Params) -> None:
    """Sees to it that trainings begin from the same networks and learn from the same photographs."""
    earlier, training = params.training.start_from, params.training
    if earlier and networks_sha256(root, earlier) != training.start_sha256:
        raise BadInputError(f"{original.name}: started from networks of {earlier}; models/{earlier} has others")
    for stage, values in pairs_overrides(params, STAGES, root).items():
        if values["pairs_sha256"] != getattr(params, stage).pairs_sha256:
            raise BadInputError(
                f"{original.name}: {stage} learnt from other photographs than those in {training.pairs.root}; "
                "--set training.pairs.root=DIR names its own"
            )


def _refuse_other_params(original: Original, params: Params, is_other_code: bool) -> None:
    """Sees to it that the signature is the run's, in which every param counts, of files what is in them."""
    if is_other_code or experiment_signature(params) == original.run.signature:
        return
    ours = {key: str(value) for key, value in leaves(params.model_dump(mode="json")).items()}
    keys = _counting({key: "" for key in {*ours, *original.run.params}})
    changed = {key for key in keys if ours.get(key) != original.run.params.get(key)}
    values = sorted(key for key in changed if key.rpartition(".")[2] not in _FILE_KEYS)
    if values:
        raise BadInputError(f"{original.name}: params are others than its own: {some_of(values)}")
    files = [f"{key}={value}" for key, value in ours.items() if value and key.endswith(_FILE_KEYS[1:])]
    what = f"one of these files is another one: {some_of(files)}" if files else "this version signs params otherwise"
    raise BadInputError(f"{original.name}: its signature is another one here, though its params are the same; {what}")
