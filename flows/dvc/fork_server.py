"""Processes forked from one that has imported what they need: a start takes milliseconds in place of seconds.

A fork server is started by a run and imports modules one after the other. Whoever knows its address, a socket in a
folder of its own, hands it a program with its working folder, environment and standard streams; the server forks, and
says with which exit code the program ended. Where the asker goes, its program is killed; where the run that started
the server goes, however it ends, everything is.

The server has one thread, for a fork copies no others. It holds no import of this project's: a launcher that only asks
starts in no time.
"""

import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LENGTH = struct.Struct("!q")
_PATH_BYTES = 90  # of a socket's address; the system allows 104 at least
_BACKLOG = 64
_INTERRUPTED = 130
_PR_SET_PDEATHSIG = 1
_PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


class ServerGoneError(OSError):
    """The fork server ended before the program did."""


def _receive(connection: socket.socket, count: int) -> bytes:
    """Exactly so many bytes.

    Raises:
        ServerGoneError: the other side went before.
    """
    payload = b""
    while len(payload) < count:
        part = connection.recv(count - len(payload))
        if not part:
            raise ServerGoneError("the connection ended")
        payload += part
    return payload


def _receive_number(connection: socket.socket) -> int:
    return _LENGTH.unpack(_receive(connection, _LENGTH.size))[0]


class ForkedProcess:
    """A program run by a fork server.

    Args:
        address: of the server.
        program: `module:function`, called without arguments in the new process.
        arguments: `sys.argv[1:]` of it.
        environment: all its environment variables.
        folder: its working folder.
        module: which the server, if it imports it, must have imported before; it may be importing others still.
        streams: file descriptors of its standard input, output and error.
    """

    def __init__(
        self,
        address: str,
        program: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        module: str,
        streams: Sequence[int] = (0, 1, 2),
    ) -> None:
        request = {
            "program": program, "arguments": list(arguments), "environment": dict(environment), "folder": str(folder),
            "module": module,
        }  # fmt: skip
        payload = json.dumps(request).encode()
        self._connection = socket.socket(socket.AF_UNIX)
        try:
            self._connection.connect(address)
            socket.send_fds(self._connection, [_LENGTH.pack(len(payload))], list(streams))
            self._connection.sendall(payload)
        except OSError as error:
            raise ServerGoneError(f"{address}: no fork server answers") from error

    def wait(self) -> int:
        """Waits for the end; the exit code, or minus the number of the signal that ended it.

        Raises:
            ServerGoneError: the server ended before.
        """
        try:
            return _receive_number(self._connection)
        except OSError as error:
            raise ServerGoneError("the fork server ended") from error

    def kill(self) -> None:
        """Ends the program and what it started, at once; nothing where it ended already."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def fork_server(modules: Sequence[str], environment: Mapping[str, str], folder: Path) -> Iterator[str]:
    """Starts a fork server for a run and yields its address, at once: what is asked meanwhile waits.

    Args:
        modules: imported by it, in this order.
        environment: the server's variables; those of a program are given with it.
        folder: where it imports from.
    """
    place = Path(tempfile.mkdtemp(prefix="segtalker-", dir=_short_folder()))
    address = str(place / "fork")
    listener = socket.socket(socket.AF_UNIX)
    reading, writing = os.pipe()  # held open by this process alone: its end is the run's end
    try:
        listener.bind(address)
        listener.listen(_BACKLOG)
        numbers = (os.getpid(), listener.fileno(), reading)
        command = [sys.executable, "-m", __name__, *map(str, numbers), *modules]
        server = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            pass_fds=(listener.fileno(), reading),
            process_group=0,  # Ctrl-C reaches the run alone, which ends the rest in order
        )
    finally:
        listener.close()
        os.close(reading)
    try:
        yield address
    finally:
        os.close(writing)
        server.wait()
        shutil.rmtree(place, ignore_errors=True)


def _short_folder() -> str | None:
    """A folder for temporary files whose name leaves room for a socket's."""
    return None if len(tempfile.gettempdir()) < _PATH_BYTES - 30 else "/tmp"


@dataclass
class _Request:
    """A program that was asked for."""

    connection: socket.socket
    streams: list[int]
    content: dict[str, Any]


@dataclass
class _Server:
    """The state of a server.

    Args:
        listener: where requests come in.
        lifeline: a pipe that ends with the run.
        all_imported: whether no module is imported any more; a program that needs another imports it itself.
    """

    listener: socket.socket
    lifeline: int
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    waiting: list[_Request] = field(default_factory=list)
    running: dict[int, socket.socket] = field(default_factory=dict)
    all_imported: bool = False

    def open(self) -> None:
        """Listens to all that can happen."""
        self.wake_reading, self.wake_writing = socket.socketpair()
        for end in (self.wake_reading, self.wake_writing, self.listener):
            end.setblocking(False)
        signal.set_wakeup_fd(self.wake_writing.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for source in (self.listener, self.wake_reading, self.lifeline):
            self.selector.register(source, selectors.EVENT_READ)

    def turn(self, timeout: float | None) -> _Request | None:
        """Handles what happened; a request in the process forked for it, None in the server."""
        for key, _ in self.selector.select(timeout):
            if key.fileobj == self.lifeline:
                self.end()
            elif key.fileobj is self.listener:
                self._accept()
            elif key.fileobj is self.wake_reading:
                self.wake_reading.recv(4096)
            else:
                self._hung_up(key.fileobj)  # type: ignore[arg-type]
        self._reap()
        ready = (request for request in self.waiting if self.all_imported or request.content["module"] in sys.modules)
        for request in list(ready):
            self.waiting.remove(request)
            if self._fork(request):
                return request
        return None

    def end(self) -> None:
        """Kills what runs and leaves."""
        for pid in self.running:
            _kill_group(pid)
        os._exit(0)

    def _accept(self) -> None:
        with contextlib.suppress(OSError, ServerGoneError):
            connection, _ = self.listener.accept()
            connection.settimeout(10)
            header, streams, _, _ = socket.recv_fds(connection, _LENGTH.size, 3)
            content = json.loads(_receive(connection, _LENGTH.unpack(header)[0]))
            self.waiting.append(_Request(connection, streams, content))

    def _hung_up(self, connection: socket.socket) -> None:
        """Who asked for a program is gone, or wants it ended."""
        self.selector.unregister(connection)
        for pid, other in self.running.items():
            if other is connection:
                _kill_group(pid)

    def _reap(self) -> None:
        while self.running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            connection = self.running.pop(pid, None)
            if connection is None:
                continue
            _kill_group(pid)  # what it left behind
            with contextlib.suppress(OSError):
                connection.sendall(_LENGTH.pack(os.waitstatus_to_exitcode(status)))
            with contextlib.suppress(KeyError):
                self.selector.unregister(connection)
            connection.close()

    def _fork(self, request: _Request) -> bool:
        """Whether this is the new process."""
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._leave(request)
            _end_with(server)
            return True
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)  # here too, for a kill may come before the child gets to it
        for stream in request.streams:
            os.close(stream)
        self.running[pid] = request.connection
        self.selector.register(request.connection, selectors.EVENT_READ)
        return False

    def _leave(self, request: _Request) -> None:
        """Lets go, in a new process, of all that is the server's."""
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.selector.close()
        connections = [*self.running.values(), *(other.connection for other in self.waiting), request.connection]
        for end in (self.listener, self.wake_reading, self.wake_writing, *connections):
            end.close()
        for other in self.waiting:
            for stream in other.streams:
                os.close(stream)
        os.close(self.lifeline)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)


def _end_with(parent: int | None) -> None:
    """Asks Linux to kill this process when its parent goes; None takes that back."""
    if _PRCTL is not None:
        _PRCTL(_PR_SET_PDEATHSIG, 0 if parent is None else signal.SIGKILL)
        if parent is not None and os.getppid() != parent:
            os._exit(1)


def _become(request: _Request) -> Any:
    """Takes on streams, folder, environment and arguments; the function to call."""
    for target, stream in enumerate(request.streams):
        os.dup2(stream, target)
        os.close(stream)
    content = request.content
    os.environ.clear()
    os.environ.update(content["environment"])
    os.chdir(content["folder"])
    name, _, function = content["program"].partition(":")
    module = importlib.import_module(name)
    # what a program starts may look for the program it was started by, as Lightning's ranks do
    sys.modules["__main__"] = module
    sys.argv = [module.__file__ or name, *content["arguments"]]
    return getattr(module, function)


def serve(run: int, listener: int, lifeline: int, modules: Sequence[str]) -> _Request:
    """Imports modules and forks; returns in a forked process alone.

    Args:
        run: process id of the run that started this server.
        listener: file descriptor of a listening socket.
        lifeline: of a pipe whose end is the end of everything.
        modules: see `fork_server`.
    """
    _end_with(run)  # while it imports it does not see the pipe
    server = _Server(socket.socket(fileno=listener), lifeline)
    server.open()
    for name in modules:
        importlib.import_module(name)
        if request := server.turn(0):
            return request
    server.all_imported = True
    gc.freeze()  # a collection in a forked process would copy what both share
    _end_with(None)  # from here on it kills what runs before it goes
    timeout: float | None = 0.0  # a program may wait already for a module that was not to be imported
    while True:
        if request := server.turn(timeout):
            return request
        timeout = None


def _exit_code(function: Callable[[], Any]) -> int:
    """Runs a program; what the interpreter would make of how it ends."""
    try:
        result = function()
    except SystemExit as end:
        result = end.code
    except KeyboardInterrupt:  # asked to end, be it before its own code began
        return _INTERRUPTED
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    if result is None or isinstance(result, int):
        return result or 0
    print(result, file=sys.stderr)
    return 1


def main() -> None:
    """`python -m flows.dvc.fork_server RUN LISTENER LIFELINE MODULE...`."""
    run, listener, lifeline, *modules = sys.argv[1:]
    request = serve(int(run), int(listener), int(lifeline), modules)
    code = _exit_code(_become(request))
    # as multiprocessing ends its processes: taking down all that the server imported would take longer than a start
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
