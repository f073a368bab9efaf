"""The page of a sweep: one HTML file that holds everything it shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jinja2 import ChoiceLoader, PackageLoader

from segtalker.reporting.figures.report_figures import Picture
from segtalker.reporting.pages.templates import page_environment
from segtalker.reporting.sweeps.trials import Goal, TrialRecord, best_first

_MINUTE_S = 60.0


@dataclass(frozen=True)
class SweepFacts:
    """What a sweep is, for its page.

    Args:
        name: of the sweep.
        experiment: that was swept.
        settings: laid over it in every trial.
        spaces: what each param may be, by key, as it was asked for.
        goal: what is made better.
        on_test_people: whether the metric is measured on the people to be tested on.
        sampler: how values were drawn.
        pruner: which trials were given up early.
        folder: where the sweep lies, relative to the project.
        confidence: of intervals, 0 to 1.
    """

    name: str
    experiment: str
    settings: Sequence[str]
    spaces: Mapping[str, str]
    goal: Goal
    on_test_people: bool
    sampler: str
    pruner: str
    folder: str
    confidence: float


@dataclass(frozen=True)
class Row:
    """A trial in the table: all of it as text."""

    number: int
    state: str
    score: str
    interval: str
    values: Sequence[str]
    duration: str
    stages: str
    is_best: bool


def _number(value: float) -> str:
    return f"{value:.6g}"


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 2 * _MINUTE_S else f"{seconds / _MINUTE_S:.1f} min"


def table_rows(trials: Sequence[TrialRecord], goal: Goal, keys: Sequence[str]) -> list[Row]:
    """Complete trials, the best first, then the others by number.

    Args:
        trials: of the sweep.
        goal: what is made better.
        keys: of the params, a column each.
    """
    ranking = best_first(trials, goal)
    others = [trial for trial in trials if trial.score is None]
    return [
        Row(
            number=trial.number,
            state=trial.state,
            score="" if trial.score is None else _number(trial.score),
            interval="" if trial.low is None or trial.high is None else f"{trial.low:.4g} to {trial.high:.4g}",
            values=[_text(trial.values[key]) if key in trial.values else "" for key in keys],
            duration=_duration(trial.seconds),
            stages=", ".join(trial.stages) or ("none, all from the cache" if trial.state == "complete" else ""),
            is_best=trial is ranking[0] if ranking else False,
        )
        for trial in (*ranking, *others)
    ]


def render_sweep(
    facts: SweepFacts, trials: Sequence[TrialRecord], importance: Mapping[str, float], pictures: Sequence[Picture]
) -> str:
    """The page as HTML.

    Args:
        facts: what the sweep is.
        trials: by number.
        importance: share of each param, empty where it is not known.
        pictures: the drawn figures.
    """
    environment = page_environment()
    environment.loader = ChoiceLoader(
        [PackageLoader("segtalker.reporting.sweeps"), PackageLoader("segtalker.reporting")]
    )
    keys = list(facts.spaces)
    best = next(iter(best_first(trials, facts.goal)), None)
    states = [trial.state for trial in trials]
    return environment.get_template("sweep.html.j2").render(
        facts=facts,
        keys=keys,
        best=best,
        best_values=[(key, str(best.values[key]), space) for key, space in facts.spaces.items()] if best else [],
        best_score=_number(best.score) if best and best.score is not None else "",
        counts={state: states.count(state) for state in dict.fromkeys(states)},
        rows=table_rows(trials, facts.goal, keys),
        failed=[trial for trial in trials if trial.state == "failed"],
        importance=importance,
        pictures={picture.drawing.name: picture for picture in pictures},
        total=_duration(sum(trial.seconds for trial in trials)),
    )
