"""What each stage of an experiment costs, from what was measured: here the last time, else the demo's.

The demo's figures count for a stage only where everything it stands on has the demo's params. What nobody measured
stays empty, with its reason.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from flows.expected_time import kept_seconds, measured_seconds
from segtalker.config.experiment import DEFAULT_EXPERIMENT, compose
from segtalker.config.params import Params
from segtalker.config.stages import STAGES, Stage, shared_sections
from segtalker.tracking.provenance import read_lock, upstream

_DISK = Path(__file__).with_name("stage_disk.json")
_MIB = 2**20
LAST_RUN, UNKNOWN = "last run here", "not measured with these params"


@dataclass(frozen=True)
class StageCost:
    """What a stage takes.

    Args:
        seconds: from its start to its end; None where nobody measured it.
        disk_mib: of its outputs, of which DVC's cache holds links where the file system can; None likewise.
        source: where both were measured, or why not.
    """

    seconds: float | None
    disk_mib: float | None
    source: str


def stage_costs(root: Path, params: Params) -> dict[Stage, StageCost]:
    """The costs of all stages, if each runs.

    Args:
        root: the project folder.
        params: of the experiment.
    """
    disk = json.loads(_DISK.read_text(encoding="utf-8"))
    demo = compose(root, DEFAULT_EXPERIMENT, [])[1]
    kept, measured, sizes = kept_seconds(root, params), measured_seconds(demo), _output_mib(root, params)
    costs = {}
    for stage in STAGES:
        if stage in kept:
            costs[stage] = StageCost(kept[stage], sizes.get(stage), LAST_RUN)
        elif _is_same(params, demo, stage):
            costs[stage] = StageCost(measured.get(stage), disk["mib"].get(stage), disk["machine"])
        else:
            costs[stage] = StageCost(None, None, UNKNOWN)
    return costs


def _is_same(params: Params, demo: Params, stage: Stage) -> bool:
    """Whether a stage and all it stands on have the demo's params."""
    names = {section for part in upstream(stage) for section in (part, *shared_sections(part))}
    return all(getattr(params, name) == getattr(demo, name) for name in names)


def _output_mib(root: Path, params: Params) -> dict[Stage, float]:
    """Size of what stages made for this experiment, by `dvc.lock`."""
    names, sizes = {params.active.experiment, params.active.dataset}, dict[Stage, float]()
    for stage, entry in read_lock(root).items():
        places = [set(Path(out["path"]).parts) for out in entry["outs"]]
        if stage in STAGES and (stage == STAGES[-1] or all(parts & names for parts in places[:1])):
            sizes[stage] = sum(out.get("size", 0) for out in entry["outs"]) / _MIB
    return sizes
