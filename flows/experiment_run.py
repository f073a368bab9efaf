"""One run of an experiment: what it needs is started together, and its first stages do not wait for the rest."""

import importlib
import os
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

from flows.commands.console import say
from flows.dvc.code_versions import write_code_file
from flows.dvc.command_line import Dvc, follow_git, open_dvc, recover
from flows.dvc.fork_server import fork_server
from flows.dvc.lock_cache import restore_lock, save_lock
from flows.prefect_server import Server, configure, prefect_server
from flows.schedule import Resources
from flows.stage_runs import Outcome, StageRuns
from flows.stages.__main__ import SERVER_VARIABLE, stage_modules
from segtalker.config.data import SYNTHETIC
from segtalker.config.params import Params
from segtalker.config.stages import STAGES, Stage
from segtalker.utils.arithmetic import arithmetic_environment


@dataclass(frozen=True)
class PrefectStart:
    """Prefect on its way.

    Args:
        server: may not answer yet.
        flows: the module of the flows, which takes seconds to import.
    """

    server: Server
    flows: Future[ModuleType]

    def wait(self) -> ModuleType:
        """The flows, once the server answers."""
        flows = self.flows.result()
        self.server.wait()
        return flows


class ExperimentRun:
    """What the stages of a run share.

    Args:
        root: the project folder.
        params: all of them.
        stages: that are to be brought up to date, in pipeline order.
        dvc: runs them.
        prefect: starts Prefect where it is not started yet.
        preload: see `StageRuns`.
    """

    def __init__(
        self,
        root: Path,
        params: Params,
        stages: tuple[Stage, ...],
        dvc: Dvc,
        prefect: Callable[[], PrefectStart],
        preload: Callable[[tuple[Stage, ...]], dict[str, str]],
    ) -> None:
        self._root, self._params, self._stages, self._dvc = root, params, stages, dvc
        self._prefect, self._preload = prefect, preload

    def reproduce(self) -> list[Outcome]:
        """Brings the stages up to date; one outcome each."""
        experiment = self._params.active.experiment
        if restored_stages := restore_lock(self._root, self._params):
            names = ", ".join(restored_stages)
            say(f"{experiment}: taken up where it was left, or shared with another experiment: {names}")
            self._dvc.checkout()
        # the user's own videos and others' lie outside; only the stage itself can tell whether they changed
        forced_stages = () if self._params.download.sources == (SYNTHETIC,) else STAGES[:1]
        changed_stages = set[str](self._stages) if _is_fresh(self._root) else self._dvc.status()
        runs = self._stage_runs(changed_stages, forced_stages)
        try:
            self._run(runs, lambda flows: flows.reproduce(experiment, runs))
        finally:
            save_lock(self._root, self._params)
        return runs.outcomes

    def report(self) -> Path:
        """Makes tables, figures and page again, the stages being `tables` alone; where the page is."""
        runs = self._stage_runs((), self._stages)
        self._run(runs, lambda flows: flows.report(self._root, self._params.active.experiment, runs))
        return self._root / "reports" / "index.html"

    def _stage_runs(self, changed_stages: Collection[str], forced_stages: Collection[Stage]) -> StageRuns:
        return StageRuns(
            self._dvc, self._params, self._stages, changed_stages, forced_stages, Resources.here(), self._preload
        )

    def _run(self, runs: StageRuns, flow: Callable[[ModuleType], object]) -> None:
        """Begins what may begin, then follows it in Prefect; where nothing ran it has nothing to record."""
        try:
            runs.advance()
            if runs.finished:
                return
            flows = self._prefect().wait()
        except BaseException:
            runs.end_all()
            raise
        try:
            flow(flows)
        finally:
            flows.flush_logs()


def _is_fresh(root: Path) -> bool:
    """Whether every stage is to run: nothing was made here yet. A clone has a `dvc.lock`, but no data."""
    return not (root / "dvc.lock").is_file() or not (root / "data").is_dir()


@contextmanager
def experiment_run(root: Path, params: Params, stages: tuple[Stage, ...]) -> Iterator[ExperimentRun]:
    """Starts what a run needs: at once where all is to run, else when it turns out to be needed.

    Args:
        root: the project folder.
        params: of the active experiment.
        stages: that are to be brought up to date, in pipeline order.
    """
    configure(root)
    environment = {**os.environ, **arithmetic_environment(params.base.instruction_set)}
    with ExitStack() as exit_stack:
        follow_git(root)
        recover(root)
        dvc = exit_stack.enter_context(open_dvc(root, environment))

        @cache
        def preload(running_stages: tuple[Stage, ...]) -> dict[str, str]:
            address = exit_stack.enter_context(fork_server(stage_modules(running_stages), environment, root))
            return {SERVER_VARIABLE: address}

        @cache
        def prefect() -> PrefectStart:
            server = exit_stack.enter_context(prefect_server(root))
            background = exit_stack.enter_context(ThreadPoolExecutor(1))
            return PrefectStart(server, background.submit(importlib.import_module, "flows.pipeline"))

        if _is_fresh(root):
            preload(stages), prefect()
        write_code_file(root)
        yield ExperimentRun(root, params, stages, dvc, prefect, preload)
