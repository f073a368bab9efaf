"""Where runs are kept: the address of the MLflow store, told without its password, and whether it answers at all.

Nothing here imports MLflow, which takes seconds: a command asks before it starts any work.
"""

import os
import re
import socket
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

from segtalker.utils.errors import BadInputError, SegTalkerError

URI_VARIABLE = "MLFLOW_TRACKING_URI"
SQLITE = "sqlite:///"
_QUEUED = (".dvc", "tmp", "exps")
DATABASE = "mlflow.db"
_USER_VARIABLE, _PASSWORD_VARIABLE = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
_SECRETS = (_PASSWORD_VARIABLE, "MLFLOW_TRACKING_TOKEN")
_TLS = "MLFLOW_TRACKING"
_PATIENCE_S = 5.0
_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
# SQLAlchemy ends a path at the one and decodes the other
_READ_OTHERWISE = {"?", "%"}
_CHECK_ADDRESS = f"check {URI_VARIABLE}"


def _split(uri: str) -> SplitResult:
    """The parts of an address.

    Raises:
        BadInputError: it has no such parts; its text is not told, for it may hold a password.
    """
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError as error:
        raise BadInputError(
            f"{URI_VARIABLE}: not an address; of a password write / as %2F, @ as %40, : as %3A"
        ) from error
    return parts


def take_credentials() -> None:
    """Moves user and password from the address to the variables MLflow reads them from.

    No URL that an error or a log may show holds them then, in this process and in those it starts.
    """
    parts = _split(os.environ.get(URI_VARIABLE, ""))
    if parts.scheme in ("http", "https") and parts.username is not None:
        os.environ[_USER_VARIABLE] = unquote(parts.username)
        os.environ[_PASSWORD_VARIABLE] = unquote(parts.password or "")
        address = parts._replace(netloc=parts.netloc.rpartition("@")[2])
        os.environ[URI_VARIABLE] = urlunsplit(address)


def project_database(root: Path) -> Path:
    """The database of a project that names no other store.

    A trial of `dvc exp run --queue` or `--temp` runs in a folder below `.dvc/tmp/exps` that is deleted afterwards; its
    runs belong to the project.
    """
    folder = root.resolve()
    temporary = (parent for parent in folder.parents if parent.parts[-3:] == _QUEUED)
    home = next((parent.parents[2] for parent in temporary), folder)
    return home / DATABASE


def tracking_uri(root: Path) -> str:
    """What `MLFLOW_TRACKING_URI` names, without credentials, else the database in the project folder.

    Args:
        root: the project folder. Where its path holds characters that an address cannot, the address is relative to
            it, and right only while it is the working folder.
    """
    take_credentials()
    if uri := os.environ.get(URI_VARIABLE):
        return uri
    path = str(project_database(root))
    return f"{SQLITE}{DATABASE if _READ_OTHERWISE & set(path) else path}"


def database_path(uri: str, root: Path) -> Path | None:
    """The file of a SQLite store; None of another store."""
    return root.resolve() / uri.removeprefix(SQLITE).partition("?")[0] if uri.startswith(SQLITE) else None


def absolute_uri(root: Path) -> str:
    """The store's address as a process in another folder may use it.

    Args:
        root: the project folder; no part of its path holds what an address cannot.
    """
    uri = tracking_uri(root)
    path = database_path(uri, root)
    return f"{SQLITE}{path}" if path else uri


def public_uri(uri: str) -> str:
    """An address as it may be told: without user and password."""
    return uri if uri.startswith(SQLITE) else re.sub(r"(?<=://).*@", "", uri)


def conceal(text: str) -> str:
    """A text of another package without the secrets of the store, however they are spelt in it."""
    uri = os.environ.get(URI_VARIABLE, "")
    userinfo = re.search(r"(?<=://).*(?=@)", uri)
    secrets = [os.environ.get(name, "") for name in _SECRETS]
    if userinfo:
        secrets += [userinfo[0], userinfo[0].partition(":")[2]]
    spelt = {form for secret in secrets if secret for form in (secret, quote(secret, safe=""), unquote(secret))}
    for secret in sorted(spelt, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def check_store(root: Path) -> None:
    """Sees to it that the store answers, in seconds; MLflow itself tries for four minutes without a word.

    Args:
        root: the project folder.

    Raises:
        SegTalkerError: it does not, and why.
    """
    uri = tracking_uri(root)
    parts = _split(uri)
    scheme = parts.scheme.partition("+")[0]
    reason = ""
    if scheme in ("http", "https"):
        reason = _within(lambda: _ask_server(uri))
    elif path := database_path(uri, root):
        reason = _ask_database(path)
    elif scheme in _PORTS and parts.hostname:
        place = (parts.hostname, parts.port or _PORTS[scheme])
        reason = _within(lambda: _knock(place))
    if reason:
        raise SegTalkerError(f"MLflow at {public_uri(uri)} does not answer ({conceal(reason)}); {_CHECK_ADDRESS}")


def _within(ask: Callable[[], str]) -> str:
    """What `ask` returns, or that it took too long; looking up a name has no time limit of its own."""
    answers = ["nothing came within 5 s"]

    def work() -> None:
        answers.append(ask())

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(_PATIENCE_S)
    return answers[-1]


def _ask_server(uri: str) -> str:
    """Why a server cannot be used, empty if it can; whether it lets the user in, MLflow finds out at once."""
    import requests  # most stores are a file, and the command starts sooner without it

    # as MLflow itself decides whom to trust
    is_any_trusted = os.environ.get(f"{_TLS}_INSECURE_TLS", "").lower() in ("true", "1")
    try:
        status = requests.get(
            f"{uri.rstrip('/')}/health",
            timeout=_PATIENCE_S,
            verify=not is_any_trusted and (os.environ.get(f"{_TLS}_SERVER_CERT_PATH") or True),
            cert=os.environ.get(f"{_TLS}_CLIENT_CERT_PATH"),
        ).status_code
    except (requests.RequestException, OSError, ValueError) as error:
        return _plain_reason(error)
    return f"HTTP {status}" if status >= 500 else ""


def _plain_reason(error: BaseException) -> str:
    """The innermost reason of an error that wraps others."""
    inner = error
    while (cause := inner.__cause__ or inner.__context__ or getattr(inner, "reason", None)) is not None:
        if not isinstance(cause, BaseException):
            break
        inner = cause
    message = inner.strerror if isinstance(inner, OSError) and inner.strerror else str(inner)
    return " ".join(message.split()) or type(inner).__name__


def _knock(place: tuple[str, int]) -> str:
    """Why nobody listens at a host and port, empty if somebody does."""
    try:
        socket.create_connection(place, _PATIENCE_S).close()
    except OSError as error:
        return _plain_reason(error)
    return ""


def _ask_database(path: Path) -> str:
    """Why a SQLite file cannot be used, empty if it can; one that is not there yet will be made."""
    if not path.exists():
        return "" if os.access(path.parent, os.W_OK) else f"{path.parent} cannot be written to"
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True)) as database:
            database.execute("pragma schema_version").fetchone()
    except sqlite3.Error as error:
        return str(error)
    return ""
