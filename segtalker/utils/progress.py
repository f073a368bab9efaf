"""Progress bars: one look everywhere, with an ETA, and few lines where nobody watches."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
_LOG_INTERVAL_S = 10.0


def progress_bar(total: int | None, label: str, unit: str = "it") -> tqdm:
    """A bar on stderr to be updated by hand; outside a terminal it speaks every ten seconds at most."""
    watched = sys.stderr.isatty()
    return tqdm(
        total=total,
        desc=label,
        unit=unit,
        dynamic_ncols=watched,
        mininterval=0.1 if watched else _LOG_INTERVAL_S,
        maxinterval=_LOG_INTERVAL_S,
        miniters=1 if watched else None,
        leave=True,
    )


def progress(items: Iterable[Item], total: int | None, label: str, unit: str = "it") -> Iterator[Item]:
    """Passes `items` through, showing how many of `total` are done and when the rest will be."""
    with progress_bar(total, label, unit) as bar:
        for item in items:
            yield item
            bar.update()
