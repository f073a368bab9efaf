"""One run of an experiment: what it needs is started together, and its first stages do not wait for the rest."""

import importlib
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from flows.commands.console import say
from flows.dvc.code_versions import write_code_file
from flows.dvc.command_line import Dvc, follow_git, open_dvc, recover
from flows.dvc.fork_server import fork_server
from flows.dvc.lock_cache import restore_lock, save_lock
from flows.prefect_server import Server, configure, prefect_server
from flows.schedule import Resources
from flows.stage_runs import Outcome, StageRuns
from flows.stages.__main__ import PRELOADED, SERVER_VARIABLE
from segtalker.config.params import Params
from segtalker.config.stages import STAGES, Stage
from segtalker.utils.arithmetic import arithmetic_environment


class ExperimentRun:
    """What the stages of a run share.

    Args:
        root: the project folder.
        params: all of them.
        dvc: runs the stages.
        server: Prefect's.
        pipeline: the module of the flows, which takes seconds to import.
        preload: see `StageRuns`.
    """

    def __init__(
        self,
        root: Path,
        params: Params,
        dvc: Dvc,
        server: Server,
        pipeline: Future[ModuleType],
        preload: Callable[[], dict[str, str]],
    ) -> None:
        self._root, self._params, self._dvc = root, params, dvc
        self._server, self._pipeline, self._preload = server, pipeline, preload

    def reproduce(self, until: Stage) -> list[Outcome]:
        """Brings every stage up to `until` up to date; one outcome a stage."""
        experiment = self._params.active.experiment
        if restored := restore_lock(self._root, self._params):
            say(f"{experiment}: taken up where it was left, or shared with another experiment: {', '.join(restored)}")
            self._dvc.checkout()
        # the user's own videos lie outside; only the stage itself can tell whether they changed
        forced = () if self._params.download.source == "synthetic" else STAGES[:1]
        stages = STAGES[: STAGES.index(until) + 1]
        changed = set[str](stages) if _is_fresh(self._root) else self._dvc.status()
        runs = self._begin(stages, changed, forced)
        try:
            return self._run(runs, lambda flows: flows.reproduce(experiment, runs))
        finally:
            save_lock(self._root, self._params)

    def report(self) -> Path:
        """Makes tables, figures and page again; where the page is."""
        runs = self._begin(STAGES[-1:], (), STAGES[-1:])
        return self._run(runs, lambda flows: flows.report(self._root, self._params.active.experiment, runs))

    def _begin(self, stages: Sequence[Stage], changed: Collection[str], forced: Collection[Stage]) -> StageRuns:
        return StageRuns(self._dvc, self._params, stages, changed, forced, Resources.here(), self._preload)

    def _run(self, runs: StageRuns, flow: Callable[[ModuleType], Any]) -> Any:
        """Begins what may begin, then follows it in Prefect."""
        try:
            runs.advance()
            flows = self._pipeline.result()
            self._server.wait()
        except BaseException:
            runs.end_all()
            raise
        try:
            return flow(flows)
        finally:
            flows.flush_logs()


def _is_fresh(root: Path) -> bool:
    """Whether every stage is to run: nothing was made here yet. A clone has a `dvc.lock`, but no data."""
    return not (root / "dvc.lock").is_file() or not (root / "data").is_dir()


@contextmanager
def experiment_run(root: Path, params: Params) -> Iterator[ExperimentRun]:
    """Starts what a run needs.

    Args:
        root: the project folder.
        params: of the active experiment.
    """
    configure(root)
    environment = {**os.environ, **arithmetic_environment(params.base.instruction_set)}
    with ExitStack() as opened:
        follow_git(root)
        recover(root)
        dvc = opened.enter_context(open_dvc(root, environment))

        @cache
        def preload() -> str:
            return opened.enter_context(fork_server(PRELOADED, environment, root))

        if _is_fresh(root):
            preload()
        server = opened.enter_context(prefect_server(root))
        background = opened.enter_context(ThreadPoolExecutor(1))
        pipeline = background.submit(importlib.import_module, "flows.pipeline")
        write_code_file(root)
        yield ExperimentRun(root, params, dvc, server, pipeline, lambda: {SERVER_VARIABLE: preload()})
