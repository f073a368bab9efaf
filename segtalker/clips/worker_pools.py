"""Where work on clips is done: in this process, in others on this machine, or on a Dask cluster.

All give the same result. An item whose process dies is tried again by itself, so that it takes no other with it;
where it kills its process again, it alone counts as failed.

The processes of a cluster share this project's folder, under the same path: they work in it and write their results
there themselves. Only what to work on, and whether it went well, goes over the network.
"""

import functools
import logging
import multiprocessing
import os
import signal
import sys
import threading
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker, util
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import cv2

from segtalker.config.base import Machine
from segtalker.utils.code_hash import code_hash
from segtalker.utils.errors import BadInputError

if TYPE_CHECKING:
    from distributed import Client

Item = TypeVar("Item")
Result = TypeVar("Result")
# works on an item and says why it failed, or nothing
Attempt = Callable[[Item], str]
# items that were being worked on when a process died, and those not begun
Left = tuple[list[Item], list[Item]]

CRASH = "the worker process died while at it (out of memory, or a decoder crashed)"
_TASKS_A_CORE = 2  # in flight: what a core works on, and what it takes up next
_CONNECT_S = 10.0
_WITHOUT_WORKERS_S = 60.0


@dataclass(frozen=True)
class Pool:
    """Where work is done.

    Args:
        workers: processes on this machine; 0 for one a core, 1 for this one.
        scheduler: address of a Dask scheduler, whose workers are used instead; empty for none.
    """

    workers: int
    scheduler: str

    @classmethod
    def of(cls, machine: Machine) -> "Pool":
        """The pool that params name."""
        return cls(machine.workers, machine.scheduler if machine.runner == "dask" else "")

    @property
    def processes(self) -> int:
        """How many work on this machine."""
        return self.workers or usable_cores()

    def outcomes(self, items: Sequence[Item], attempt: Attempt, module: str, place: Path) -> Iterator[tuple[Item, str]]:
        """Items as they finish, each with why it failed or nothing.

        Args:
            items: what to work on; sent to the processes one by one.
            attempt: works on one; what it raises ends everything.
            module: imported by local processes beforehand.
            place: an existing folder that every process must see.

        Raises:
            BadInputError: the cluster cannot be used.
        """
        if self.scheduler:
            yield from _on_cluster(self.scheduler, items, attempt, module, place)
        elif self.processes == 1:
            yield from ((item, attempt(item)) for item in items)
        else:
            yield from _one_by_one_after_a_crash(items, lambda some: _run_local(some, attempt, module, self.processes))

    def map(self, function: Callable[[Item], Result], items: Sequence[Item], module: str) -> list[Result]:
        """What a function makes of each item, in their order; on this machine, for results come back as a whole.

        Args:
            function: of a module, or a partial of one; what it raises ends everything.
            items: sent to the processes one by one.
            module: imported by the processes beforehand.
        """
        workers = min(self.processes, len(items))
        if workers < 2:
            return [function(item) for item in items]
        with _process_pool(workers, module) as pool:
            return list(pool.map(function, items))


THIS_PROCESS = Pool(workers=1, scheduler="")


def usable_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _one_by_one_after_a_crash(
    items: Sequence[Item], run: Callable[[Sequence[Item]], Generator[tuple[Item, str], None, Left]]
) -> Iterator[tuple[Item, str]]:
    while items:
        suspects, items = yield from run(items)
        for item in suspects:
            crash_suspects, _ = yield from run([item])
            if crash_suspects:
                yield item, CRASH


def _run_local(
    items: Sequence[Item], attempt: Attempt, module: str, workers: int
) -> Generator[tuple[Item, str], None, Left]:
    """Works on items in processes until all are done or a process dies.

    No more items are handed out than there are processes, so that a death leaves few suspects.
    """
    waiting, running = deque(items), dict[Future[str], Item]()
    workers = min(workers, len(items))
    with _process_pool(workers, module) as pool:
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    running[pool.submit(attempt, waiting[0])] = waiting[0]
                    waiting.popleft()
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    reason = future.result()
                    yield running.pop(future), reason
        except BrokenProcessPool:
            # one that was being started when another died would be waited for for ever
            for process in list((pool._processes or {}).values()):
                process.kill()
            return list(running.values()), list(waiting)
    return [], []


def _process_pool(workers: int, module: str) -> ProcessPoolExecutor:
    """Processes forked from a server that has imported what the work needs and has no threads.

    It is a clean one, or a copy of this process from before it had threads, see `fork_workers_from_here`.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)


def fork_workers_from_here() -> None:
    """Lets worker processes begin as copies of this one as it is now: they import nothing again, which takes seconds.

    To be called before a process does anything but import: a fork copies locks, but no thread that would release them.
    Where it has threads already, or the system does not tell, workers begin clean as ever.
    """
    tasks = Path("/proc/self/task")
    if not tasks.is_dir() or len(list(tasks.iterdir())) > 1:
        return
    resource_tracker.ensure_running()  # a program of its own, which the next lines must not fork
    spawn, util.spawnv_passfds = util.spawnv_passfds, _fork_and_run  # type: ignore[assignment]
    try:
        forkserver.ensure_running()
    finally:
        util.spawnv_passfds = spawn


def _fork_and_run(_program: object, arguments: Sequence[str], inherited_fds: Sequence[int]) -> int:
    """Runs what `python -c CODE` would in a fork of this process, with only standard files and `inherited_fds` open.

    Returns:
        Its process id.
    """
    pid = os.fork()
    if pid == 0:
        try:
            for number in map(int, os.listdir("/proc/self/fd")):
                if number > 2 and number not in inherited_fds:
                    with suppress(OSError):  # the one that listed them is closed already
                        os.close(number)
            exec(arguments[-1], {})
        except SystemExit:  # how a server ends that nobody needs any more
            os._exit(0)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        os._exit(1)  # never back into what this process is a copy of
    return pid


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends the run
    _keep_to_one_thread()
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _keep_to_one_thread() -> None:
    cv2.setNumThreads(1)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _on_cluster(
    address: str, items: Sequence[Item], attempt: Attempt, module: str, place: Path
) -> Iterator[tuple[Item, str]]:
    sign = place / f".shared-{uuid.uuid4().hex}"
    sign.touch()
    try:
        with _connected(address) as client:
            task = functools.partial(_in_project, Path.cwd(), sign, module, code_hash(module), attempt)
            yield from _one_by_one_after_a_crash(items, lambda some: _run_cluster(some, task, client, address))
    finally:
        sign.unlink(missing_ok=True)


@contextmanager
def _connected(address: str) -> Iterator["Client"]:
    from distributed import Client

    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what they would say, an error of ours says
    try:
        client = Client(address, timeout=_CONNECT_S)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise BadInputError(
            f"machine.scheduler {address}: no Dask scheduler answers ({reason}); start one (dask scheduler), or set"
            " machine.runner: local"
        ) from error
    with client:
        yield client


def _in_project(root: Path, sign: Path, module: str, code: str, attempt: Attempt, item: Any) -> str:
    """Works on an item in the project's folder, on a worker of a cluster."""
    if not (root / sign).is_file():
        raise BadInputError(
            f"{root / sign.parent}: a Dask worker on {os.uname().nodename} does not see this folder; its workers must"
            " share the project's folder under the same path"
        )
    if code_hash(module) != code:
        raise BadInputError(
            f"{module}: a Dask worker on {os.uname().nodename} runs other code than this process; start"
            " the workers again, with the same version installed"
        )
    os.chdir(root)
    _keep_to_one_thread()
    return attempt(item)


def _run_cluster(
    items: Sequence[Item], task: Attempt, client: "Client", address: str
) -> Generator[tuple[Item, str], None, Left]:
    """Works on items in a cluster until all are done; it hands those of a lost worker to others, a few times.

    Returns:
        Items that took several workers with them, and nothing.
    """
    from distributed import CancelledError, KilledWorker

    waiting, running, suspects = deque(items), dict[Any, Item](), list[Item]()
    try:
        while waiting or running:
            room = _TASKS_A_CORE * _cores(client, address) - len(running)
            for _ in range(min(room, len(waiting))):
                running[client.submit(task, waiting[0], pure=False)] = waiting[0]
                waiting.popleft()
            for future in _some_done(running):
                item = running.pop(future)
                try:
                    yield item, future.result()
                except KilledWorker:
                    suspects.append(item)
    except (CancelledError, OSError) as error:
        raise BadInputError(
            f"machine.scheduler {address}: the connection to the Dask scheduler was lost; start it again and run again,"
            " finished clips are kept"
        ) from error
    except ImportError as error:
        raise BadInputError(
            f"machine.scheduler {address}: a worker cannot import what the work needs ({error}); install this project"
            " where the workers run"
        ) from error
    finally:
        if running and client.status == "running":
            client.cancel(list(running))
    return suspects, []


def _some_done(running: dict[Any, Item]) -> list[Any]:
    """Futures that are done, after a while at most."""
    from distributed import wait as wait_for

    try:
        return list(wait_for(list(running), timeout=_CONNECT_S, return_when="FIRST_COMPLETED").done)
    except TimeoutError:
        return []


def _cores(client: "Client", address: str) -> int:
    """Cores of the cluster, which come and go."""
    try:
        client.wait_for_workers(1, timeout=_WITHOUT_WORKERS_S)
    except TimeoutError as error:
        raise BadInputError(
            f"machine.scheduler {address}: no worker for {_WITHOUT_WORKERS_S:.0f} s; start some (dask worker {address})"
            " and run again, finished clips are kept"
        ) from error
    return sum(client.nthreads().values())
