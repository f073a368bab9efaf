"""Progress bars: one look everywhere, with an ETA, and few lines where nobody watches."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
# set where another process shows progress in the same terminal
LINES_VARIABLE = "SEGTALKER_PROGRESS_LINES"
_LOG_INTERVAL_S = 10.0
_PHASE_PARTS = 1000
_PHASE_FORMAT = "{l_bar}{bar}| {elapsed}<{remaining}"  # parts of a phase are no unit anybody knows


class _Lines(tqdm):
    """Speaks in whole lines, which others beside it cannot tear."""

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:  # type: ignore[override]
        if msg is None:
            self.fp.write(f"{self}\n")
            self.fp.flush()
        return False

    def close(self) -> None:
        if not self.disable:
            self.leave = False  # a bar that stays ends with a line feed of its own
            self.display()
        super().close()

    def clear(self, *_: Any, **__: Any) -> None:
        """Lines stay."""


def progress_bar(total: int | None, label: str, unit: str = "it", bar_format: str | None = None) -> tqdm:
    """A bar on stderr to be updated by hand; outside a terminal, or beside another, a line every ten seconds."""
    on_terminal = sys.stderr.isatty() and LINES_VARIABLE not in os.environ
    return (tqdm if on_terminal else _Lines)(
        total=total,
        desc=label,
        unit=unit,
        bar_format=bar_format,
        ncols=None if on_terminal else 100,
        dynamic_ncols=on_terminal,
        mininterval=0.1 if on_terminal else _LOG_INTERVAL_S,
        maxinterval=_LOG_INTERVAL_S,
        miniters=1 if on_terminal else None,
        leave=True,
    )


def progress(items: Iterable[Item], total: int | None, label: str, unit: str = "it") -> Iterator[Item]:
    """Passes `items` through, showing how many of `total` are done and when the rest will be."""
    with progress_bar(total, label, unit) as bar:
        for item in items:
            yield item
            bar.update()


def reported(items: Iterable[Item], total: int, phase: str, report: Callable[[str, float], None]) -> Iterator[Item]:
    """Passes `items` through, telling `report` before each which share of `total` of the phase is done.

    Args:
        items: whatever is worked on.
        total: about how many there are; more or fewer may come.
        phase: what is done, in words.
        report: hears the phase and the share, in [0, 1].
    """
    report(phase, 0.0)
    for done, item in enumerate(items, start=1):
        yield item
        report(phase, min(done / max(total, 1), 1.0))
    report(phase, 1.0)


class PhaseBars:
    """A bar for each phase of a work, with an ETA, one below the other; see `reported`.

    Used as a context, so that the last bar is closed whatever happens.
    """

    def __init__(self) -> None:
        self._bar: tqdm | None = None
        self._phase = ""

    def __enter__(self) -> "PhaseBars":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the last bar; another phase begins another."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __call__(self, phase: str, share: float) -> None:
        """Shows how far a phase has come, `share` in [0, 1]."""
        if phase != self._phase or self._bar is None:
            self.close()
            self._phase, self._bar = phase, progress_bar(_PHASE_PARTS, phase, bar_format=_PHASE_FORMAT)
        self._bar.update(round(share * _PHASE_PARTS) - self._bar.n)


def notice(text: str) -> None:
    """One line on stderr for a person, above the bars."""
    tqdm.write(text, file=sys.stderr)
