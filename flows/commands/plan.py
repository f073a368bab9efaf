"""`segtalker plan`: what an experiment will take, before anything starts."""

from flows.commands.console import say
from flows.commands.experiment_options import ExperimentOption, SettingsOption
from flows.commands.runs import print_table, text_table
from flows.schedule import Resources, Schedule, stage_share
from flows.stage_costs import stage_costs
from segtalker.config.experiment import DEFAULT_EXPERIMENT, compose
from segtalker.config.stages import STAGES, Stage
from segtalker.config.workspace import project_root

_NO_GPU_FIGURES = "GPU memory: no stage was measured on a GPU yet, so that column is empty"
_MINUTE_S = 60.0


def plan(
    experiment: ExperimentOption = DEFAULT_EXPERIMENT,
    settings: SettingsOption = None,
) -> None:
    """Say what each stage takes: time, disk, GPU memory, from measured figures; nothing runs."""
    root = project_root()
    params = compose(root, experiment, settings or [])[1]
    costs = stage_costs(root, params)
    machine = Resources.here()
    shares = {stage: stage_share(params, stage, machine) for stage in STAGES}
    rows = [
        [stage, str(shares[stage].cores), _text(cost.seconds, "s"), _text(cost.disk_mib, "MiB"), "", cost.source]
        for stage, cost in costs.items()
    ]
    print_table(text_table(["stage", "cores", "time", "disk", "GPU memory", "measured"], rows))
    seconds: dict[Stage, float] = {stage: cost.seconds for stage, cost in costs.items() if cost.seconds is not None}
    disk = [cost.disk_mib for cost in costs.values() if cost.disk_mib is not None]
    if missing := [stage for stage in STAGES if stage not in seconds]:
        say(f"time in all: not known, for nobody measured {', '.join(missing)} with these params")
    else:
        minutes = Schedule(shares, machine, seconds).seconds_left({}) / _MINUTE_S
        say(f"time in all: {minutes:.0f} min on {machine.cores} cores as fast as those it was measured on, if all runs")
    say(f"disk in all: {sum(disk):.0f} MiB{' and what was not measured' if len(disk) < len(STAGES) else ''}")
    say(_NO_GPU_FIGURES)


def _text(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:.1f} {unit}"
