"""What the mouth of a rendered person does."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Articulation:
    """Articulators over time, each `(T,)`, float32 in [0, 1].

    Args:
        jaw: opening of the mouth.
        width: 0 pursed, 0.5 neutral, 1 spread.
        round: protrusion of the lips.
        press: lips pressed together.
        bite: lower lip drawn to the upper teeth.
        teeth: how far the teeth show.
        tongue: how far the tongue is raised.
    """

    jaw: np.ndarray
    width: np.ndarray
    round: np.ndarray
    press: np.ndarray
    bite: np.ndarray
    teeth: np.ndarray
    tongue: np.ndarray

    def __len__(self) -> int:
        return len(self.jaw)
