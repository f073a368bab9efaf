"""Trials of a sweep as they are told of, and what makes one better than another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TrialRecord:
    """A trial of a sweep.

    Args:
        number: from 0.
        state: `complete`, `failed`, `pruned`, `running` or `waiting`.
        values: what was tried, by key: numbers, texts, truth values.
        score: of a complete one, else None.
        low: where its interval begins, None where it has none.
        high: where it ends.
        reason: why it failed or was given up.
        seconds: how long it took.
        stages: that ran in it.
        curve: of the tuned training, a value each validation.
    """

    number: int
    state: str
    values: Mapping[str, object]
    score: float | None
    low: float | None
    high: float | None
    reason: str
    seconds: float
    stages: Sequence[str]
    curve: Sequence[float]


@dataclass(frozen=True)
class Goal:
    """What a sweep makes better.

    Args:
        metric: its name.
        unit: empty for a plain number.
        higher_is_better: its direction.
    """

    metric: str
    unit: str
    higher_is_better: bool

    @property
    def label(self) -> str:
        """The metric with its unit and direction."""
        unit = f" [{self.unit}]" if self.unit else ""
        return f"{self.metric}{unit} {'↑' if self.higher_is_better else '↓'}"


def complete_trials(trials: Sequence[TrialRecord]) -> list[tuple[TrialRecord, float]]:
    """Those that have a score, with it."""
    return [(trial, trial.score) for trial in trials if trial.score is not None]


def best_first(trials: Sequence[TrialRecord], goal: Goal) -> list[TrialRecord]:
    """Complete trials, the best first; of equal ones the earlier."""
    sign = -1.0 if goal.higher_is_better else 1.0
    return [trial for trial, _ in sorted(complete_trials(trials), key=lambda pair: (sign * pair[1], pair[0].number))]
