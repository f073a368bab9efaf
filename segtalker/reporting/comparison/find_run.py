"""Which run a word means: an id, the beginning of one, the name of an experiment or of a run."""

from collections.abc import Sequence

from segtalker.tracking.run_store import StoredRun
from segtalker.utils.errors import BadInputError

ID_DIGITS = 8
_SHOWN = 8
_SCORING = ("tables", "evaluate")


def plain_text(text: str) -> str:
    """Text from a store, on one line and without characters that move a cursor."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def whole_runs(runs: Sequence[StoredRun]) -> list[StoredRun]:
    """Experiments and evaluations, without the runs of single stages."""
    return [run for run in runs if run.kind in ("experiment", "evaluation")]


def scored_part(run: StoredRun, runs: Sequence[StoredRun]) -> StoredRun | None:
    """The run that holds a whole run's scores: the stage that wrote them last, or an evaluation itself; None if none.

    Args:
        run: experiment or evaluation.
        runs: all of the store, the last one first.
    """
    if run.kind == "evaluation":
        return run if run.status == "FINISHED" else None
    parts = (part for part in runs if part.parent_id == run.run_id and part.stage in _SCORING)
    return next((part for part in parts if part.status == "FINISHED"), None)


def describe_run(run: StoredRun) -> str:
    """A run in a list of candidates: `7ab076cc demo base.seed=8`."""
    return f"{run.run_id[:ID_DIGITS]} {plain_text(run.name)}"


def _listed(runs: Sequence[StoredRun]) -> str:
    more = f" and {len(runs) - _SHOWN} more" if len(runs) > _SHOWN else ""
    return ", ".join(map(describe_run, runs[:_SHOWN])) + more


def find_run(text: str, runs: Sequence[StoredRun]) -> StoredRun:
    """The experiment or evaluation that is meant.

    Args:
        text: an experiment's name, for its latest run with scores that is no trial of a sweep; the beginning of a run's
            id, or of one of its stages'; or a run's name.
        runs: all of the store, the last one first.

    Raises:
        BadInputError: there is none, or more than one.
    """
    whole = whole_runs(runs)
    if of_experiment := [run for run in whole if run.experiment == text and run.kind == "experiment" and not run.sweep]:
        return next((run for run in of_experiment if scored_part(run, runs)), of_experiment[0])
    by_id = {run.run_id: run for run in whole}
    matches = (run for run in runs if text and run.run_id.startswith(text.lower()))
    keys = (run.run_id if run.run_id in by_id else run.parent_id for run in matches)
    named_runs = {key: by_id[key] for key in keys if key in by_id}
    candidates = list(named_runs.values()) or [run for run in whole if run.name == text]
    if all(run.kind == "evaluation" for run in candidates) and not named_runs:
        candidates = candidates[:1]  # measured again, so the last one counts
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise BadInputError(f"run {text}: it may be any of {_listed(candidates)}; say more of the id")
    run_names = f"there are: {_listed(whole)}" if whole else "there are none; run segtalker reproduce"
    raise BadInputError(f"run {plain_text(text)}: no such run; {run_names}")


def latest_run(experiment: str, runs: Sequence[StoredRun]) -> StoredRun:
    """The run of an experiment that ended last and has scores.

    Raises:
        BadInputError: there is none.
    """
    if any(run.experiment == experiment and not run.sweep for run in whole_runs(runs)):
        return find_run(experiment, runs)
    raise BadInputError(
        f"experiment {experiment}: no run of it is in this store; run segtalker reproduce, or name a run: "
        f"{_listed(whole_runs(runs)) or 'there are none'}"
    )
