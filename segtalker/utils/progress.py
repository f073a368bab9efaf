"""Progress bars: one look everywhere, with an ETA, and few lines where nobody watches."""

import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
# set where another process shows progress in the same terminal
LINES_VARIABLE = "SEGTALKER_PROGRESS_LINES"
_LOG_INTERVAL_S = 10.0


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


def progress_bar(total: int | None, label: str, unit: str = "it") -> tqdm:
    """A bar on stderr to be updated by hand; outside a terminal, or beside another, a line every ten seconds."""
    on_terminal = sys.stderr.isatty() and LINES_VARIABLE not in os.environ
    return (tqdm if on_terminal else _Lines)(
        total=total,
        desc=label,
        unit=unit,
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


def notice(text: str) -> None:
    """One line on stderr for a person, above the bars."""
    tqdm.write(text, file=sys.stderr)
