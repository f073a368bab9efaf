"""Makes a run again and says whether the numbers match."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flows.commands.console import say
from flows.dvc.code_versions import current_code
from flows.dvc.run_lock import run_lock
from flows.needed_files import refuse_missing_files
from flows.reproduction.code_check import refuse_other_code
from flows.reproduction.differences import data_here, known_differences, machine_here
from flows.reproduction.original import Original, read_original
from flows.reproduction.restored_params import Restored, restore_params
from flows.reproduction.verdict import Outcome, say_verdict
from flows.stage_runs import Outcome as StageOutcome
from segtalker.config.data import SYNTHETIC
from segtalker.config.experiment import activate
from segtalker.config.params import Params, load_params
from segtalker.config.stages import STAGES, Stage
from segtalker.config.workspace import Workspace
from segtalker.reporting.comparison.agreement import compare_scores
from segtalker.reporting.comparison.find_run import plain_text
from segtalker.reporting.tables.scores import read_scores
from segtalker.tracking.run_origin import package_versions
from segtalker.tracking.store_address import check_store
from segtalker.utils.errors import BadInputError

_FETCHING: Stage = "download"


@dataclass(frozen=True)
class Wish:
    """What a person asked for.

    Args:
        origin: names the run.
        tracking: the store it is in; empty for the one that runs are written to.
        settings: `key=value`, see `restore_params`.
        with_this_code: take the code that is here, whatever it was made by.
    """

    origin: str
    tracking: str
    settings: tuple[str, ...]
    with_this_code: bool


def reproduce_run(root: Path, wish: Wish) -> bool:
    """Makes a run of anybody's again in a project.

    Args:
        root: the project folder.
        wish: which run, and how.

    Returns:
        Whether the numbers match.

    Raises:
        SegTalkerError: it cannot be made again; all that can be known is known before anything runs.
    """
    check_store(root)
    original = read_original(root, wish.origin, wish.tracking, load_params(root).tables)
    code = current_code(root)
    if not wish.with_this_code:
        refuse_other_code(original, code, root)
    restored = restore_params(root, original, wish.settings, wish.with_this_code)
    refuse_missing_files(restored.params, STAGES, root)
    _say_what(original, restored)
    with run_lock(root):
        activate(root, restored.content)
        stage_outcomes = _run(root, load_params(root), original, wish.with_this_code)
    return _judge(root, restored.params, original, code, stage_outcomes)


def _say_what(original: Original, restored: Restored) -> None:
    run = original.run
    facts = (run.user + "@" + run.host, f"revision {original.revision[:8]}", f"data {run.data[:8]}")
    say(f"{original.name}: {plain_text(', '.join(facts))}, ended {run.end_time.astimezone():%Y-%m-%d %H:%M}")
    for line in run.param_drift.splitlines():
        say(f"  it was run under changed params: {plain_text(line)}")
    for note in restored.notes:
        say(f"  {note}")


def _run(root: Path, params: Params, original: Original, is_other_code: bool) -> list[StageOutcome]:
    """Brings every stage up to date; of recordings, nothing is trained on others than the run's."""
    from flows.experiment_run import experiment_run

    say(f"{params.active.experiment}: {len(STAGES)} stages")
    if params.download.sources != (SYNTHETIC,):
        with experiment_run(root, params, (_FETCHING,)) as run:
            run.reproduce()
        if not is_other_code and (data := data_here(root, params)) != original.run.data:
            raise BadInputError(
                f"{original.name}: its recordings were others (hash {original.run.data[:8]}, here {data[:8]}); "
                f"data/download/{params.active.dataset}/clips.csv lists those that are here"
            )
    with experiment_run(root, params, STAGES) as run:
        return run.reproduce()


def _judge(
    root: Path, params: Params, original: Original, code: Mapping[Stage, str], outcomes: list[StageOutcome]
) -> bool:
    ran = sum(outcome.state == "ran" for outcome in outcomes)
    say(f"{params.active.experiment}: {ran} stages ran, {len(outcomes) - ran} cached")
    reasons = known_differences(original, machine_here(params), package_versions(), code, data_here(root, params))
    workspace = Workspace(root, params.active.dataset, params.active.experiment)
    ours = read_scores(workspace.results("evaluate"), params.tables.headline)
    loaded = original.loaded
    agreement = compare_scores(loaded.scores, loaded.tables.uncertainty, ours, is_exact=not reasons)
    return say_verdict(root, original, agreement, Outcome(ran, len(outcomes), tuple(reasons)))
