"""Which clip a draw takes: every one alike, or datasets by weight."""

from collections.abc import Mapping, Sequence

import numpy as np

from segtalker.utils.errors import BadInputError


class ClipChoice:
    """Chooses clips at random.

    Args:
        datasets: the dataset of each clip.
        weights: of the datasets by name, > 0; clips of others are never chosen. Empty: every clip alike.

    Raises:
        BadInputError: a dataset that is named has no clips.
    """

    def __init__(self, datasets: Sequence[str], weights: Mapping[str, float]) -> None:
        self.count = len(datasets)
        members = {name: [index for index, own in enumerate(datasets) if own == name] for name in weights}
        if missing := [name for name, indices in members.items() if not indices]:
            there = ", ".join(sorted(set(datasets))) or "none"
            raise BadInputError(f"dataset {missing[0]!r} has a weight but nothing to train on; there are: {there}")
        self.members = list(members.values())
        self.shares = np.array(list(weights.values())) / sum(weights.values()) if weights else np.ones(1)

    def draw(self, rng: np.random.Generator) -> int:
        """The number of a clip."""
        if not self.members:
            return int(rng.integers(self.count))
        members = self.members[int(rng.choice(len(self.members), p=self.shares))]
        return members[int(rng.integers(len(members)))]
