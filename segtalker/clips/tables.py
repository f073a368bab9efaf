"""Tables of clips: a CSV file whose rows are dataclasses of `segtalker.clips.record`.

A field is a column. What is not known is an empty cell, a list stands as JSON, a clip's quality has a column for each
of its figures, and columns that are no field are the dataset's own groups, such as MEAD's `emotion`.
"""

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from pydantic import TypeAdapter

from segtalker.clips.record import ClipQuality
from segtalker.utils.atomic import atomic_file
from segtalker.utils.errors import BadInputError, one_line

CLIPS_FILE = "clips.csv"
FAILURES_FILE = "failures.csv"
DROPPED_FILE = "dropped.csv"
Row = TypeVar("Row")
_FIGURES = tuple(get_type_hints(ClipQuality))
_TEXT = (str, str | None, Path, Path | None)
# columns that a table of clips has even where no clip has a value
_USUAL = {"subject", "split", "source_sha256", "frames", "seconds", "fps", "audio", "annotations", "start_s", "end_s"}


@cache
def _columns(kind: type) -> dict[str, Any]:
    """Types of a table's columns, in order, but for those of groups."""
    hints = {item.name: get_type_hints(kind)[item.name] for item in fields(kind) if item.metadata.get("column", True)}
    figures = get_type_hints(ClipQuality)
    return {
        column: part
        for name, hint in hints.items()
        if name != "groups"
        for column, part in (figures if name == "quality" else {name: hint}).items()
    }


@cache
def _parser(hint: Any) -> TypeAdapter:
    return TypeAdapter(hint)


def write_records(path: Path, records: Iterable[Row], kind: Any) -> None:
    """Writes a table atomically, in order of clip id, without the columns of optional fields that no row has.

    Args:
        path: the CSV.
        records: its rows.
        kind: their type.
    """
    rows = sorted(map(_cells, records), key=lambda row: row["clip_id"])
    mandatory = {item.name for item in fields(kind) if item.default is MISSING and item.default_factory is MISSING}
    all_columns = dict.fromkeys([*_columns(kind), *(name for row in rows for name in row)])
    columns = [name for name in all_columns if name in mandatory | _USUAL or any(row.get(name) for row in rows)]
    with atomic_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _cells(record: Any) -> dict[str, str]:
    """A record as text, by column."""
    values = {item.name: getattr(record, item.name) for item in fields(record) if item.metadata.get("column", True)}
    quality, groups = values.pop("quality", None), values.pop("groups", {})
    return {name: _cell(value) for name, value in (values | (vars(quality) if quality else {}) | groups).items()}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return value.as_posix() if isinstance(value, Path) else json.dumps(value, default=str, ensure_ascii=False)


def read_records(path: Path, kind: type[Row]) -> list[Row]:
    """Reads a table written by `write_records`.

    Args:
        path: the CSV.
        kind: type of its rows.

    Raises:
        BadInputError: it is missing or damaged.
    """
    if not path.is_file():
        raise BadInputError(f"{path}: no such table; run the stage that writes it (segtalker reproduce)")
    line = 1
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            records = []
            for row in reader:
                line = reader.line_num
                records.append(_record(row, kind))
            if "clip_id" not in (reader.fieldnames or ()):
                raise ValueError("it has no column clip_id")
    except (csv.Error, TypeError, ValueError) as error:
        raise BadInputError(
            f"{path}: a damaged table, line {line}: {one_line(error)}; segtalker reproduce writes it again"
        ) from error
    return records


def _record(row: Mapping[Any, Any], kind: type[Row]) -> Row:
    """The record that a row of text stands for.

    Raises:
        ValueError: it is longer or shorter than the header, or a cell is not of its field's type.
        TypeError: a column that must be there is not.
    """
    if None in row or None in row.values():
        raise ValueError("it is longer or shorter than the header")
    columns = _columns(kind)  # type: ignore[arg-type]
    values = {name: _value(columns[name], text) for name, text in row.items() if name in columns and text}
    values |= {name: "" for name, hint in columns.items() if hint is str and name in row and not row[name]}
    if figures := {name: values.pop(name) for name in _FIGURES if name in values}:
        values["quality"] = ClipQuality(**figures)
    if groups := {name: text for name, text in row.items() if name not in columns and text}:
        values["groups"] = groups
    return kind(**values)


def _value(hint: Any, text: str) -> Any:
    return _parser(hint).validate_python(text) if hint in _TEXT else _parser(hint).validate_json(text)
