"""From named loss terms and their weights to the one number that is minimised."""

from collections.abc import Mapping

import torch
from torch import Tensor


def weighted_sum(terms: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Sum of loss terms, each times the weight of its name.

    Args:
        terms: scalars by name.
        weights: weights by name; names without a term count nothing, as those of a later stage of a training do.

    Returns:
        Scalar.

    Raises:
        KeyError: a term has no weight.
    """
    return torch.stack([weights[name] * term for name, term in terms.items()]).sum()
