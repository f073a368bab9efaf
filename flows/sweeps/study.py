"""The study of a sweep: Optuna draws what is tried next and remembers every trial, whatever ends the process."""

import logging
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from flows.sweeps.objective import Score
from flows.sweeps.plan import SweepPlan
from segtalker.config.search_space import Range, SearchParam, grid
from segtalker.reporting.sweeps.trials import TrialRecord

DATABASE = "study.db"
_SQLITE_WAIT_S = 60
_FEWEST_FOR_IMPORTANCE = 4
_STATES = {TrialState.COMPLETE: "complete", TrialState.FAIL: "failed", TrialState.PRUNED: "pruned",
           TrialState.RUNNING: "running", TrialState.WAITING: "waiting"}  # fmt: skip


@dataclass(frozen=True)
class NextTrial:
    """A trial that is to run.

    Args:
        number: of the trial, from 0.
        values: by key.
        is_resumed: it ran before and was interrupted.
    """

    number: int
    values: dict[str, Any]
    is_resumed: bool


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Args:
        number: of the trial.
        state: `complete`, `failed` or `pruned`.
        score: of a complete one.
        reason: why it failed or was given up.
        seconds: how long it took, since it was last started.
        stages: that ran in it.
        curve: of the tuned training, a value each validation.
    """

    number: int
    state: str
    seconds: float
    score: Score | None = None
    reason: str = ""
    stages: tuple[str, ...] = ()
    curve: tuple[float, ...] = ()


def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("optuna").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


def _draw(trial: Trial, param: SearchParam) -> Any:
    """The value of a param, drawn unless it was before."""
    space = param.space
    if not isinstance(space, Range):
        return trial.suggest_categorical(param.key, space.values)
    if space.is_whole:
        low, high, step = int(space.low), int(space.high), int(space.step or 1)
        return trial.suggest_int(param.key, low, high, step=step, log=space.is_log)
    return trial.suggest_float(param.key, space.low, space.high, step=space.step, log=space.is_log)


def _sampler(plan: SweepPlan, seed: int, number: int) -> BaseSampler:
    """Draws for one trial; seeded by its number, a sweep taken up again draws what an unbroken one does."""
    own_seed = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    return TPESampler(seed=own_seed) if plan.sampler == "tpe" else RandomSampler(seed=own_seed)


def _pruner(plan: SweepPlan) -> BasePruner:
    return {"none": NopPruner, "median": MedianPruner, "hyperband": HyperbandPruner}[plan.pruner]()


class SweepStudy:
    """Trials of a sweep, asked for one by one and told how they ended.

    Args:
        plan: the sweep.
        folder: where it lies; the study is made if there is none.
        space: what is tried.
        higher_is_better: of the metric.
        seed: of the sampler.
    """

    def __init__(
        self,
        plan: SweepPlan,
        folder: Path,
        space: Sequence[SearchParam],
        *,
        higher_is_better: bool,
        seed: int,
    ) -> None:
        _quiet()
        self._plan, self._seed, self._space = plan, seed, tuple(space)
        # a pruner compares in the direction of the metric, and every curve is better the higher it is
        self._curve_sign = 1.0 if higher_is_better else -1.0
        self._study = optuna.create_study(
            storage=RDBStorage(
                f"sqlite:///{(folder / DATABASE).resolve()}",
                engine_kwargs={"connect_args": {"timeout": _SQLITE_WAIT_S}},
            ),
            study_name=plan.name,
            direction="maximize" if higher_is_better else "minimize",
            pruner=_pruner(plan),
            load_if_exists=True,
        )
        self._is_queued = plan.sampler != "grid"
        self._interrupted = self._frozen(TrialState.RUNNING)
        self._open = dict[int, Trial]()

    def _queue(self) -> None:
        """Puts every combination of a grid into the study, by the process that runs trials alone."""
        if not self._is_queued:
            for values in grid(self._space):
                self._study.enqueue_trial(values, skip_if_exists=True)
            self._is_queued = True

    def _frozen(self, *states: TrialState) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False, states=states)

    def next_trial(self, trials: int) -> NextTrial | None:
        """A trial to run: one that was interrupted first; None where there are as many as there should be.

        Args:
            trials: of the whole sweep, ended ones included.
        """
        self._queue()
        if self._interrupted:
            frozen = self._interrupted.pop(0)
            self._study.sampler = _sampler(self._plan, self._seed, frozen.number)
            # the very same trial: what was drawn for it stays
            return self._begin(Trial(self._study, frozen._trial_id), is_resumed=True)
        waiting, begun = self._frozen(TrialState.WAITING), len(self._study.get_trials(deepcopy=False))
        begun -= len(waiting)
        if begun >= trials or (self._plan.sampler == "grid" and not waiting):
            return None
        self._study.sampler = _sampler(self._plan, self._seed, begun)
        return self._begin(self._study.ask(), is_resumed=False)

    def _begin(self, trial: Trial, is_resumed: bool) -> NextTrial:
        values = {param.key: _draw(trial, param) for param in self._space}
        self._open[trial.number] = trial
        return NextTrial(trial.number, values, is_resumed)

    def settings(self, values: Mapping[str, Any]) -> list[str]:
        """What a trial tries, as `key=value`."""
        return [param.setting(values[param.key]) for param in self._space]

    def is_worse(self, number: int, curve: Sequence[float]) -> bool:
        """Whether the pruner gives a trial up.

        Args:
            number: of the trial.
            curve: of its training so far, a value each validation.
        """
        trial = self._open[number]
        self._report(trial, curve)
        return bool(curve) and trial.should_prune()

    def _report(self, trial: Trial, curve: Sequence[float]) -> None:
        known = trial.storage.get_trial(trial._trial_id).intermediate_values
        for validation, value in enumerate(curve, 1):
            if validation not in known and math.isfinite(value):
                trial.report(self._curve_sign * value, validation)

    def note(self, number: int, **notes: str) -> None:
        """Remembers something of a trial that runs."""
        for name, value in notes.items():
            self._open[number].set_user_attr(name, value)

    def notes(self, number: int) -> dict[str, str]:
        """What was noted of a trial that runs."""
        return dict(self._open[number].user_attrs)

    def tell(self, outcome: Outcome) -> None:
        """Takes note of how a trial ended."""
        trial, score = self._open.pop(outcome.number), outcome.score
        self._report(trial, outcome.curve)
        notes = {"reason": outcome.reason, "seconds": outcome.seconds, "stages": list(outcome.stages)}
        if score:
            notes |= {"low": score.low, "high": score.high}
        for name, value in notes.items():
            trial.set_user_attr(name, value)
        state = {"complete": TrialState.COMPLETE, "failed": TrialState.FAIL, "pruned": TrialState.PRUNED}[outcome.state]
        self._study.tell(trial, score.value if score else None, state)

    @property
    def run_id(self) -> str:
        """The sweep's run in MLflow, empty before there is one."""
        return str(self._study.user_attrs.get("run_id", ""))

    @run_id.setter
    def run_id(self, value: str) -> None:
        self._study.set_user_attr("run_id", value)

    @property
    def is_open(self) -> bool:
        """Whether the sweep's run in MLflow still waits for its end."""
        return bool(self._study.user_attrs.get("is_open", False))

    @is_open.setter
    def is_open(self, value: bool) -> None:
        self._study.set_user_attr("is_open", value)

    def records(self) -> list[TrialRecord]:
        """Every trial that was begun, by number."""
        return [self._record(trial) for trial in self._study.get_trials(deepcopy=False)
                if trial.state != TrialState.WAITING]  # fmt: skip

    def _record(self, trial: FrozenTrial) -> TrialRecord:
        notes, is_complete = trial.user_attrs, trial.state == TrialState.COMPLETE
        steps = sorted(trial.intermediate_values)
        return TrialRecord(
            number=trial.number,
            state=_STATES[trial.state],
            values={param.key: trial.params[param.key] for param in self._space if param.key in trial.params},
            score=trial.value if is_complete else None,
            low=notes.get("low") if is_complete else None,
            high=notes.get("high") if is_complete else None,
            reason=str(notes.get("reason", "")),
            seconds=float(notes.get("seconds", 0.0)),
            stages=tuple(notes.get("stages", ())),
            curve=tuple(self._curve_sign * trial.intermediate_values[step] for step in steps),
        )

    def best(self) -> TrialRecord | None:
        """The best of the complete trials, None where there is none."""
        complete = self._frozen(TrialState.COMPLETE)
        return self._record(self._study.best_trial) if complete else None

    def importance(self) -> dict[str, float]:
        """The share of what the metric varies by that each param explains (fANOVA, Hutter et al. 2014).

        Nothing where there are too few complete trials, or one param alone, or all came to the same.
        """
        complete = self._frozen(TrialState.COMPLETE)
        scores = {trial.value for trial in complete}
        if len(complete) < _FEWEST_FOR_IMPORTANCE or len(self._space) < 2 or len(scores) < 2:
            return {}
        shares = get_param_importances(self._study, evaluator=FanovaImportanceEvaluator(seed=self._seed))
        return {key: float(share) for key, share in shares.items()}
