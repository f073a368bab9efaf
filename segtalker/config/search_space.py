"""What a sweep tries: `--param KEY=log:1e-5:1e-3`, `KEY=0.1:0.5`, `KEY=8:64:8` or `KEY=0.01,0.03,0.1`."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML, YAMLError

from segtalker.config.experiment import compose
from segtalker.config.params import Params
from segtalker.utils.errors import BadInputError

_LOG = "log:"
_NO_RESULT = ("active", "machine")  # names of folders, and how work is spread
_HOW = "expected KEY=LOW:HIGH, KEY=LOW:HIGH:STEP, KEY=log:LOW:HIGH or KEY=VALUE,VALUE,..."


@dataclass(frozen=True)
class Range:
    """Numbers from one to another, both included.

    Args:
        low: the smallest.
        high: the largest.
        step: from one to the next; None where every number between is meant.
        is_log: drawn evenly in their logarithm.
        is_whole: whole numbers only.
    """

    low: float
    high: float
    step: float | None
    is_log: bool
    is_whole: bool

    @property
    def ends(self) -> tuple[Any, ...]:
        """What is tried first, to see that the params take it."""
        return self.low, self.high

    @property
    def values(self) -> tuple[Any, ...] | None:
        """All of them; None where there is no end of them."""
        step = self.step or (1 if self.is_whole else None)
        if step is None or self.is_log:
            return None
        # as they are written: 0.1 + 2 * 0.1 is above 0.3 as the machine counts
        low, high, distance = (Decimal(str(number)) for number in (self.low, self.high, step))
        numbers = (low + number * distance for number in range(int((high - low) / distance) + 1))
        return tuple(int(number) if self.is_whole else float(number) for number in numbers)


@dataclass(frozen=True)
class Choices:
    """Values that are named one by one; what is no number, text or truth value is held as JSON.

    Args:
        values: as a study keeps them.
        contents: what each stands for.
    """

    values: tuple[Any, ...]
    contents: tuple[Any, ...]

    @property
    def ends(self) -> tuple[Any, ...]:
        """All of them: each must be taken by the params."""
        return self.contents


@dataclass(frozen=True)
class SearchParam:
    """A param of a sweep.

    Args:
        key: such as `train_tsg.learning_rate`.
        space: what it may be.
    """

    key: str
    space: Range | Choices

    def setting(self, value: Any) -> str:
        """A value as `key=value`, so that it is read back as the same one."""
        if isinstance(self.space, Choices):
            value = self.space.contents[self.space.values.index(value)]
        return f"{self.key}={json.dumps(value)}"


def _numbers(text: str, body: str) -> list[float]:
    try:
        numbers = [float(part) if not part.strip().lstrip("+-").isdigit() else int(part) for part in body.split(":")]
    except ValueError as error:
        raise BadInputError(f"--param {text}: {_HOW}") from error
    if not 2 <= len(numbers) <= 3:
        raise BadInputError(f"--param {text}: {_HOW}")
    if not all(math.isfinite(number) for number in numbers):
        raise BadInputError(f"--param {text}: a range needs finite ends")
    return numbers


def _range(text: str, value: str, current: Any) -> Range:
    """A range; the param itself says whether it holds whole numbers."""
    is_log = value.startswith(_LOG)
    low, high, *steps = _numbers(text, value.removeprefix(_LOG))
    step = steps[0] if steps else None
    if isinstance(current, bool) or not isinstance(current, int | float | None):
        raise BadInputError(f"--param {text}: holds no number; name its values, VALUE,VALUE,...")
    if low >= high:
        raise BadInputError(f"--param {text}: an empty range, from {low:g} to {high:g}; LOW:HIGH with LOW < HIGH")
    if is_log and low <= 0:
        raise BadInputError(f"--param {text}: a logarithmic range begins above 0, not at {low:g}")
    if step is not None and (is_log or not 0 < step <= high - low):
        raise BadInputError(f"--param {text}: a step is above 0, no longer than the range, and not for log")
    numbers = [low, high, *steps]
    is_whole = all(isinstance(number, int) for number in numbers) and not isinstance(current, float)
    if isinstance(current, int) and not is_whole:
        raise BadInputError(f"--param {text}: takes whole numbers")
    return Range(low, high, step, is_log, is_whole) if is_whole else Range(
        float(low), float(high), None if step is None else float(step), is_log, False
    )  # fmt: skip


def _choices(text: str, value: str) -> Choices:
    try:
        contents = YAML(typ="safe", pure=True).load(f"[{value}]")
    except YAMLError as error:
        raise BadInputError(f"--param {text}: not valid YAML") from error
    if len(contents) < 2:
        raise BadInputError(f"--param {text}: one value alone; {_HOW}, or say --set {text}")
    plain = [item if isinstance(item, str | int | float | bool | None) else json.dumps(item) for item in contents]
    names = [json.dumps(item) for item in plain]
    if repeated := next((name for name in names if names.count(name) > 1), ""):
        raise BadInputError(f"--param {text}: names {repeated} twice")
    return Choices(tuple(plain), tuple(contents))


def _current(params: Params, key: str) -> Any:
    """The value of a key, None where there is none."""
    content: Any = params
    for part in key.split("."):
        if isinstance(content, BaseModel):
            content = getattr(content, part, None)
        else:
            content = content.get(part) if isinstance(content, Mapping) else None
    return content


def _search_param(text: str, params: Params) -> SearchParam:
    key, equals_sign, value = text.partition("=")
    if not equals_sign or not value or not all(key.split(".")):
        raise BadInputError(f"--param {text}: {_HOW}")
    if key.partition(".")[0] in _NO_RESULT:
        raise BadInputError(f"--param {text}: changes no result")
    if ":" in value and "," not in value:
        return SearchParam(key, _range(text, value, _current(params, key)))
    return SearchParam(key, _choices(text, value))


def read_space(root: Path, experiment: str, settings: Sequence[str], texts: Sequence[str]) -> tuple[SearchParam, ...]:
    """The params of a sweep, each tried at its ends or in all its values.

    Args:
        root: the project folder.
        experiment: that is swept.
        settings: `key=value`, laid over it for every trial.
        texts: of the params.

    Raises:
        BadInputError: a text that is none, an unknown key, a value the params do not take, or a key twice.
    """
    params = compose(root, experiment, settings)[1]
    if not texts:
        raise BadInputError(f"--param: nothing to try; {_HOW}")
    space = tuple(_search_param(text, params) for text in texts)
    keys = [param.key for param in space]
    for text, param in zip(texts, space, strict=True):
        if keys.count(param.key) > 1:
            raise BadInputError(f"--param {text}: {param.key} is named twice")
        for value in param.space.ends:
            setting = f"{param.key}={json.dumps(value)}"
            try:
                compose(root, experiment, [*settings, setting])
            except BadInputError as error:
                reason = str(error).rpartition(f"--set {setting}: ")[2]
                raise BadInputError(f"--param {text}: {reason}") from error
    return space


def grid(space: Sequence[SearchParam]) -> list[dict[str, Any]]:
    """Every combination, the last param changing first.

    Raises:
        BadInputError: a range without a step has no end of values.
    """
    columns = []
    for param in space:
        values = param.space.values
        if values is None:
            raise BadInputError(f"--sampler grid: {param.key} is a range without end; name its values, or give a STEP")
        columns.append(values)
    return [dict(zip([param.key for param in space], values, strict=True)) for values in product(*columns)]
