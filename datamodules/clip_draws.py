"""Which clip a random draw takes."""

from collections.abc import Mapping, Sequence

import numpy as np

from segtalker.utils.errors import BadInputError


class ClipChoice:
    """Every clip alike, or first a dataset by its weight and then one of its clips.

    A few real clips beside many rendered ones count for as much as their weight says, however many they are.

    Args:
        datasets: which dataset each clip is from.
        weights: > 0, by dataset; clips of others are never drawn. Empty: every clip alike.

    Raises:
        BadInputError: there are no clips, or a dataset with a weight has none.
    """

    def __init__(self, datasets: Sequence[str], weights: Mapping[str, float]) -> None:
        if not datasets:
            raise BadInputError("no clip is trained on: the training side of the split is empty")
        names = sorted(weights)
        if missing := [name for name in names if name not in datasets]:
            there = ", ".join(sorted(set(datasets)))
            raise BadInputError(f"datasets.{missing[0]}: no clip of it is trained on; there are clips of {there}")
        self._count = len(datasets)
        self._groups = [np.flatnonzero(np.array(datasets) == name) for name in names]
        shares = np.array([weights[name] for name in names])
        # the last edge, 1, is left out: a sum that rounds to less could be passed by a draw
        self._edges = np.cumsum(shares / shares.sum())[:-1] if names else shares

    def draw(self, rng: np.random.Generator) -> int:
        """The number of a clip."""
        if not self._groups:
            return int(rng.integers(self._count))
        group = self._groups[int(np.searchsorted(self._edges, rng.random(), side="right"))]
        return int(group[rng.integers(len(group))])
