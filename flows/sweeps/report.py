"""The page of a sweep, and the experiment its best trial makes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from flows.sweeps.objective import Objective, read_objective, tuned_curve
from flows.sweeps.plan import SWEEPS, SweepPlan
from flows.sweeps.study import SweepStudy
from flows.sweeps.workspace import SOURCE
from segtalker.config.experiment import DEFAULT_DATASET, DEFAULT_EXPERIMENT, compose
from segtalker.config.params import Params
from segtalker.config.search_space import SearchParam, read_space
from segtalker.utils.atomic import write_text
from segtalker.utils.errors import BadInputError

_RULER = ("split", "evaluate", "tables")  # sections that say on whom and how it is measured
PAGES = Path("reports") / "sweeps"
_HEADER = "# The best trial of the sweep {}, written by `segtalker sweep apply`; a later one writes it anew.\n"


@dataclass(frozen=True)
class OpenSweep:
    """A sweep with all that is known of it.

    Args:
        plan: the sweep.
        params: of its experiment.
        space: what it tries.
        objective: what it makes better.
        study: its trials.
    """

    plan: SweepPlan
    params: Params
    space: Sequence[SearchParam]
    objective: Objective
    study: SweepStudy


def open_sweep(root: Path, plan: SweepPlan) -> OpenSweep:
    """A sweep that began, by the params of then.

    Args:
        root: the project folder.
        plan: the sweep.
    """
    source = plan.folder(root) / SOURCE
    params = compose(source, plan.experiment, plan.settings)[1]
    space = read_space(source, plan.experiment, plan.settings, plan.params)
    objective = read_objective(plan.metric, params)
    rises = objective.higher_is_better
    study = SweepStudy(plan, plan.folder(root), space, higher_is_better=rises, seed=params.base.seed)
    return OpenSweep(plan, params, space, objective, study)


def write_page(root: Path, sweep: OpenSweep) -> Path:
    """Writes `reports/sweeps/NAME.html`; where it is.

    Args:
        root: the project folder.
        sweep: it shows.
    """
    from segtalker.clips.worker_pools import THIS_PROCESS
    from segtalker.reporting.figures.report_figures import draw_all
    from segtalker.reporting.sweeps.figures import sweep_drawings
    from segtalker.reporting.sweeps.page import SweepFacts, render_sweep
    from segtalker.reporting.sweeps.trials import Goal

    plan, objective = sweep.plan, sweep.objective
    goal = Goal(objective.metric, objective.unit, objective.higher_is_better)
    trials = sweep.study.records()
    curve = tuned_curve(plan.folder(root) / SOURCE, sweep.space, objective.until)
    importance = sweep.study.importance()
    facts = SweepFacts(
        name=plan.name,
        experiment=plan.experiment,
        settings=plan.settings,
        spaces={text.partition("=")[0]: text.partition("=")[2] for text in plan.params},
        goal=goal,
        on_test_people=objective.on_test_people,
        sampler=plan.sampler,
        pruner=plan.pruner,
        folder=str(SWEEPS / plan.name),
        confidence=sweep.params.tables.confidence,
    )
    drawings = sweep_drawings(trials, goal, importance, ":".join(curve) if curve else "")
    pictures = draw_all(drawings, plan.folder(root) / "figures", THIS_PROCESS)
    page = root / PAGES / f"{plan.name}.html"
    write_text(page, render_sweep(facts, trials, importance, pictures))
    return page


def write_best(root: Path, sweep: OpenSweep, experiment: str) -> Path:
    """Writes `experiments/EXPERIMENT.yaml`: the swept experiment with the values of the best trial.

    Args:
        root: the project folder.
        sweep: whose best trial it is.
        experiment: name of the new one.

    Raises:
        BadInputError: no trial is complete, the name is that of the embedded experiment, or somebody else's file is
            there.
    """
    if experiment == DEFAULT_EXPERIMENT:
        raise BadInputError(
            f"{experiment}: is params.yaml itself, and no file changes it; give the new one another name"
        )
    plan, best = sweep.plan, sweep.study.best()
    if best is None:
        raise BadInputError(f"sweep {plan.name}: no trial is complete, so none is the best")
    path, header = root / "experiments" / f"{experiment}.yaml", _HEADER.format(plan.name)
    if path.is_file() and not path.read_text(encoding="utf-8").startswith(header):
        raise BadInputError(f"{path}: is there and not of this sweep; name another: sweep apply {plan.name} EXPERIMENT")
    settings = [*plan.settings, *sweep.study.settings(best.values)]
    content = compose(plan.folder(root) / SOURCE, plan.experiment, settings)[0]
    active = {} if content["active"]["dataset"] == DEFAULT_DATASET else {"dataset": content["active"]["dataset"]}
    text = StringIO()
    YAML().dump({key: value for key, value in (content | {"active": active}).items() if value}, text)
    score = f"# Trial {best.number}: {plan.metric} {best.score:.6g}.\n"
    notes = "".join(f"# Note: {note}\n" for note in selection_notes(sweep))
    write_text(path, header + score + notes + text.getvalue())
    return path


def selection_notes(sweep: OpenSweep) -> list[str]:
    """What a person should know before the best trial is taken for better, a line each."""
    notes = []
    if sweep.objective.on_test_people:
        notes.append(f"{sweep.plan.metric} is measured on the test people, so the best of many trials flatters itself; "
                     "see docs/sweeps.md")  # fmt: skip
    keys = [param.key for param in sweep.space]
    if ruler := [key for key in keys if key == "base.seed" or key.partition(".")[0] in _RULER]:
        notes.append(f"{', '.join(ruler)}: changes who or what is measured, so scores of trials may not compare")
    return notes


def differences(sweep: OpenSweep, values: Mapping[str, Any]) -> str:
    """What a trial tries, on one line."""
    return " ".join(sweep.study.settings(dict(values)))
