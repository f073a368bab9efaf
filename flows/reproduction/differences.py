"""Why the numbers of a run that is made again may differ: what is not the same, and where it first shows."""

from collections.abc import Mapping
from pathlib import Path

from flows.reproduction.code_check import differing_stages
from flows.reproduction.original import LOCK_FILE, Original, locked_outputs, some_of
from segtalker.config.params import Params
from segtalker.config.stages import STAGES, Stage
from segtalker.config.workspace import Workspace
from segtalker.reporting.comparison.find_run import plain_text
from segtalker.tracking.provenance import data_signature, input_hashes
from segtalker.tracking.run_origin import hardware
from segtalker.utils.arithmetic import arithmetic_environment

NO_GPU = "none"
_CAPABILITY = "ATEN_CPU_CAPABILITY"


def machine_here(params: Params) -> dict[str, str]:
    """The machine as stages log it, see `segtalker.tracking.run_origin.hardware`: with what instructions they use."""
    facts = hardware()
    allowed = arithmetic_environment(params.base.instruction_set).get(_CAPABILITY, facts["instructions"])
    return facts | {"instructions": allowed.upper()}


def known_differences(
    original: Original,
    machine: Mapping[str, str],
    packages: Mapping[str, str],
    code: Mapping[Stage, str],
    data: str,
) -> list[str]:
    """What makes it likely that numbers differ; where there is nothing they have to be equal.

    The number of cores is not among it: how many threads sum is a param.

    Args:
        original: the run.
        machine: see `machine_here`.
        packages: name and version of what is installed.
        code: hash of each stage's code.
        data: hash of the raw material here, empty where it is not known yet.
    """
    return [
        *_material(original, code, data),
        *_processor(original, machine),
        *_graphics(original, machine),
        *_versions(original.packages, packages),
    ]


def _material(original: Original, code: Mapping[Stage, str], data: str) -> list[str]:
    lines = []
    if stages := differing_stages(original.code, code):
        lines.append(f"code: another one in {some_of(stages)}")
    if data and data != original.run.data:
        lines.append(f"data: raw material of another hash, {original.run.data[:8]} there and {data[:8]} here")
    return lines


def _processor(original: Original, machine: Mapping[str, str]) -> list[str]:
    lines = []
    for name, what in (("processor", "processor"), ("instructions", "widest vector instructions")):
        theirs = plain_text(original.run.tags.get(f"segtalker.{name}", "not logged"))
        if theirs != machine[name]:
            lines.append(f"{what}: {theirs} there, {machine[name]} here; sums end in other last bits")
    return lines


def _graphics(original: Original, machine: Mapping[str, str]) -> list[str]:
    theirs, ours = plain_text(original.run.tags.get("segtalker.gpus", "not logged")), machine["gpus"]
    if theirs != ours:
        return [f"GPU: {theirs} there, {ours} here"]
    # some of CUDA's sums have no fixed order, see training.deterministic
    return [] if ours == NO_GPU else [f"GPU: {ours} both times, on which a run may differ from the next"]


def _versions(theirs: Mapping[str, str], ours: Mapping[str, str]) -> list[str]:
    changed = [
        f"{name} {plain_text(version)} there, {ours.get(name, 'not installed')} here"
        for name, version in theirs.items()
        if ours.get(name) != version
    ]
    if not theirs:
        return ["packages: the run did not keep which it had"]
    return [f"packages: {some_of(changed, '; ')}"] if changed else []


def data_here(root: Path, params: Params) -> str:
    """Hash of the raw material in the project, empty where there is none."""
    workspace = Workspace(root, params.active.dataset, params.active.experiment)
    inputs = input_hashes(workspace.data("download"))
    return data_signature(inputs) if inputs else ""


def first_other_output(original: Original, root: Path) -> str:
    """The first stage that came out otherwise, by both locks: `train_tsg (models/demo/train_tsg)`; else empty."""
    path = root / LOCK_FILE
    ours = locked_outputs(path.read_bytes()) if path.is_file() else {}
    for stage in STAGES:
        theirs_out, ours_out = original.outputs.get(stage, {}), ours.get(stage, {})
        changed = [name for name, md5 in theirs_out.items() if ours_out.get(name, md5) != md5]
        if changed:
            return f"{stage} ({some_of(sorted(map(plain_text, changed)))})"
    return ""
