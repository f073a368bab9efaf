"""Trained networks by experiment: read when they are first asked for, and kept."""

import threading
from pathlib import Path

from segtalker.inference.talker import Talker


class Talkers:
    """The talkers of a project.

    Args:
        root: the project folder.
        kept: how many are kept in memory; the one asked for longest ago makes room.
    """

    def __init__(self, root: Path, kept: int = 2) -> None:
        self.root, self.kept = root, kept
        self._talkers: dict[str, Talker] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """Experiments whose networks are trained, by name."""
        generators = (self.root / "models").glob("*/train_sgi/generator.ckpt")
        return sorted(path.parent.parent.name for path in generators)

    def get(self, experiment: str) -> Talker:
        """The talker of an experiment.

        Raises:
            BadInputError: there is no such experiment.
            MissingWeightsError: its networks, or the weights of its detector, are not there.
        """
        with self._lock:
            talker = self._talkers.pop(experiment, None) or Talker.load(experiment, root=self.root)
            self._talkers[experiment] = talker
            while len(self._talkers) > self.kept:
                self._talkers.pop(next(iter(self._talkers)))
            return talker
