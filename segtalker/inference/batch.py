"""Many talking videos from one list: what is to be made, what is made already, and what failed.

Beside a list `people.csv` stand `people.made.csv`, which says of each video what it was made from, and, where some
failed, `people.failures.csv`.
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from segtalker.inference.talk_inputs import TalkInputs, check_file
from segtalker.utils.atomic import atomic_file
from segtalker.utils.errors import BadInputError, one_line
from segtalker.utils.hashing import file_sha256

_COLUMNS = ("portrait", "audio", "out", "text", "voice")
_FAILURES = ("line", "portrait", "audio", "text", "out", "reason")


@dataclass(frozen=True)
class Job:
    """One video of a list.

    Args:
        line: of the list, from 1.
        inputs: what is said by whom.
    """

    line: int
    inputs: TalkInputs

    @property
    def out(self) -> Path:
        """The video to be written."""
        assert self.inputs.out is not None
        return self.inputs.out

    def key(self, settings: str) -> str:
        """Hash of all that the video is made from.

        Args:
            settings: what all videos of the list have in common, networks included.
        """
        files = [path for path in (self.inputs.portrait, self.inputs.audio) if path is not None]
        content = [settings, *(file_sha256(path) for path in files), self.inputs.text, self.inputs.voice]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def read_list(path: Path, shared: TalkInputs) -> list[Job]:
    """Reads a list: CSV with a header, or a JSON object a line.

    Args:
        path: `.csv` or `.jsonl` with `portrait`, `out`, and `audio` or `text` (`voice`); files are looked for from its
            folder.
        shared: what holds for all videos.

    Raises:
        BadInputError: it cannot be read, or names one video twice.
    """
    check_file(path)
    rows = [(line, row) for line, row in _rows(path) if not isinstance(row, dict) or any(row.values())]
    if not rows:
        raise BadInputError(f"{path}: no videos in it")
    jobs = [Job(line, _inputs(path, line, row, shared)) for line, row in rows]
    places: dict[Path, int] = {}
    for job in jobs:
        if (earlier := places.setdefault(job.out.resolve(), job.line)) != job.line:
            raise BadInputError(f"{path}: lines {earlier} and {job.line} both write {job.out.name}")
    return jobs


def _rows(path: Path) -> list[tuple[int, Mapping[str, str]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".jsonl":
            return [(n, json.loads(line)) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
        if path.suffix.lower() == ".csv":
            reader = csv.DictReader(text.splitlines(), restkey="one without a name", restval="")
            # what is beyond the header comes as a list
            return [(reader.line_num, {key.strip(): "".join(value) for key, value in row.items()}) for row in reader]
    except (UnicodeDecodeError, ValueError, csv.Error) as error:
        raise BadInputError(f"{path}: cannot be read ({one_line(error)}); save it as UTF-8") from error
    raise BadInputError(f"{path}: a list is a .csv or .jsonl")


def _inputs(path: Path, line: int, row: Mapping[str, str], shared: TalkInputs) -> TalkInputs:
    if not isinstance(row, dict) or not all(isinstance(value, str | None) for value in row.values()):
        raise BadInputError(f"{path}: line {line}: not an object with texts as values")
    if strange := sorted(set(row) - set(_COLUMNS)):
        names = ", ".join(strange)
        raise BadInputError(f"{path}: line {line}: {names}: no such column; there are {', '.join(_COLUMNS)}")
    if not row.get("portrait") or not row.get("out") or bool(row.get("audio")) == bool(row.get("text")):
        raise BadInputError(f"{path}: line {line}: needs portrait, out, and either audio or text")
    folder = path.parent
    return replace(
        shared,
        portrait=folder / row["portrait"],
        audio=folder / row["audio"] if row.get("audio") else None,
        out=folder / row["out"],
        save_mask=None,
        text=row.get("text") or None,
        voice=row.get("voice") or shared.voice,
    )


class Ledger:
    """Which videos of a list are made, and from what.

    Args:
        path: of the list.

    Raises:
        BadInputError: a file of another kind stands in the place of what is known of it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.with_suffix(".made.csv")
        self.failures = path.with_suffix(".failures.csv")
        self._made: dict[str, tuple[str, str]] = {}
        if self.path.is_file():
            try:
                with self.path.open(newline="", encoding="utf-8") as lines:
                    self._made = {row["out"]: (row["inputs"], row["video"]) for row in csv.DictReader(lines)}
            except (KeyError, UnicodeDecodeError, csv.Error) as error:
                raise BadInputError(f"{self.path}: does not say what was made; move it away") from error

    def holds(self, out: Path, key: str) -> bool:
        """Whether a video is there, as it was written, made from what `key` names."""
        inputs, video = self._made.get(str(out), ("", ""))
        return inputs == key and out.is_file() and file_sha256(out) == video

    def add(self, out: Path, key: str) -> None:
        """Notes a video that was written."""
        self._made[str(out)] = (key, file_sha256(out))
        _write(self.path, ("out", "inputs", "video"), ((name, *hashes) for name, hashes in self._made.items()))

    def fail(self, failures: Sequence[tuple[Job, str]]) -> None:
        """Lists what failed and why; without failures there is no list."""
        if not failures:
            self.failures.unlink(missing_ok=True)
            return
        rows = (
            (job.line, job.inputs.portrait, job.inputs.audio or "", job.inputs.text or "", job.out, reason)
            for job, reason in failures
        )
        _write(self.failures, _FAILURES, rows)


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with atomic_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(columns)
        writer.writerows(rows)
