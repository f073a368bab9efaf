"""The weighted sum of named loss terms."""

import pytest
import torch

from segtalker.losses.weighting import weighted_sum


def test_each_term_counts_by_the_weight_of_its_name() -> None:
    terms = {"pixel": torch.tensor(2.0, requires_grad=True), "sync": torch.tensor(3.0, requires_grad=True)}
    loss = weighted_sum(terms, {"sync": 0.5, "pixel": 10.0, "later": 7.0})
    loss.backward()
    assert loss == 21.5
    assert {name: float(term.grad) for name, term in terms.items()} == {"pixel": 10.0, "sync": 0.5}


def test_a_term_without_a_weight_is_a_defect() -> None:
    with pytest.raises(KeyError, match="toy"):
        weighted_sum({"toy": torch.tensor(1.0)}, {"pixel": 1.0})
