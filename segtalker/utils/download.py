"""Files from the web: whole and right, or not there at all."""

import hashlib
import time
from pathlib import Path
from urllib.parse import urlsplit

import requests
from tqdm import tqdm

from segtalker.utils.errors import BadInputError, one_line
from segtalker.utils.progress import progress_bar

_SCHEMES = ("http", "https")
_TIMEOUT_S = (15.0, 60.0)  # to connect, and between two pieces
_PIECE = 2**18
_FIRST_WAIT_S = 0.5
_WORTH_A_BAR = 2**20  # bytes
_GONE = (400, 401, 403, 404, 410, 451)


def fetch_file(url: str, path: Path, sha256: str, retries: int, label: str) -> Path:
    """Fetches a file, goes on where it was interrupted, checks it and only then gives it its name.

    Args:
        url: http or https.
        path: where to put it; one that is there and right is not fetched again.
        sha256: its hash, or the first digits of it, or empty where it is not known.
        retries: how often to try again after an interruption.
        label: what the progress bar says.

    Returns:
        `path`.

    Raises:
        BadInputError: another scheme, it cannot be had, or it is not the file it should be.
    """
    if urlsplit(url).scheme not in _SCHEMES:
        raise BadInputError(f"{url}: only http and https addresses are fetched")
    if path.is_file():
        if _is_right(path, sha256):
            return path
        raise BadInputError(f"{path}: damaged or another file (its sha256 differs); delete it and run again")
    part = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(retries + 1):
        try:
            _download(url, part, label)
            break
        except requests.RequestException as error:
            if attempt == retries or _is_final(error):
                raise BadInputError(f"{url}: cannot be fetched ({_reason(error)}); try again later") from error
            time.sleep(_FIRST_WAIT_S * 2**attempt)
    if not _is_right(part, sha256):
        part.unlink()
        raise BadInputError(f"{url}: another file than expected (its sha256 differs); nothing was kept")
    part.replace(path)
    return path


def _download(url: str, part: Path, label: str) -> None:
    byte_count = part.stat().st_size if part.is_file() else 0
    headers = {"Range": f"bytes={byte_count}-"} if byte_count else {}
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_S) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable:
            part.unlink()  # it is whole, or it was another file; the hash will tell
            raise requests.ConnectionError("the server cannot go on where it stopped")
        answer.raise_for_status()
        if answer.status_code != requests.codes.partial_content:
            byte_count = 0
        length = int(answer.headers.get("Content-Length", 0))
        new_bytes = 0
        with part.open("ab" if byte_count else "wb") as out, _bar(byte_count, length, label) as bar:
            for piece in answer.iter_content(_PIECE):
                out.write(piece)
                new_bytes += len(piece)
                bar.update(len(piece))
        if length and new_bytes < length and "Content-Encoding" not in answer.headers:
            raise requests.ConnectionError(f"{new_bytes} of {length} bytes came")


def _bar(byte_count: int, length: int, label: str) -> tqdm:
    bar = progress_bar(byte_count + length or None, label, "B")
    bar.disable = 0 < length < _WORTH_A_BAR
    bar.update(byte_count)
    return bar


def _is_right(path: Path, sha256: str) -> bool:
    if not sha256:
        return True
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest().startswith(sha256)


def _is_final(error: requests.RequestException) -> bool:
    return error.response is not None and error.response.status_code in _GONE


def _reason(error: requests.RequestException) -> str:
    if error.response is not None:
        return f"{error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if error.args and isinstance(error.args[0], Exception):  # urllib3's own, pages long
        return f"no connection, {type(error).__name__}"
    return one_line(error) or type(error).__name__
