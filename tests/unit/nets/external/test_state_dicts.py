"""Tensors are found by their names, however a file wraps them."""

from pathlib import Path

import pytest
import torch

from segtalker.nets.external.state_dicts import load_published
from segtalker.utils.errors import BadInputError

KEPT = {"b.weight": torch.arange(3.0), "a.weight": torch.arange(4.0).view(2, 2), "unknown": torch.zeros(9)}
WANTED = {"a.weight": torch.zeros(2, 2), "b.weight": torch.zeros(3), "b.num_batches_tracked": torch.tensor(7)}


@pytest.mark.parametrize("wrapper", ["", "state_dict", "net_state_dict"])
def test_what_is_wanted_comes_in_the_order_it_is_wanted_in(tmp_path: Path, wrapper: str) -> None:
    torch.save({wrapper: KEPT} if wrapper else KEPT, tmp_path / "net.pth")
    found = load_published(tmp_path / "net.pth", WANTED, "a toy")
    assert list(found) == list(WANTED)
    assert torch.equal(found["a.weight"], KEPT["a.weight"])
    assert found["b.num_batches_tracked"] == 7


def test_another_shape_is_refused_with_both(tmp_path: Path) -> None:
    torch.save(KEPT | {"b.weight": torch.zeros(5)}, tmp_path / "net.pth")
    with pytest.raises(BadInputError, match=r"not a toy: b\.weight is \(5,\), expected \(3,\)"):
        load_published(tmp_path / "net.pth", WANTED, "a toy")


@pytest.mark.parametrize("content", [[1, 2], {"state_dict": [1]}])
def test_what_is_no_dictionary_holds_nothing(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "net.pth")
    with pytest.raises(BadInputError, match=r"a\.weight is missing"):
        load_published(tmp_path / "net.pth", WANTED, "a toy")
