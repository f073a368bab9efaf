"""The published MobileFaceNet loads by its own key names and says so where it cannot."""

from pathlib import Path

import pytest
import torch

from segtalker.nets.external.mobilefacenet import MobileFaceNet, load_mobilefacenet
from segtalker.nets.external.syncnet import SyncNet
from segtalker.utils.errors import BadInputError, MissingWeightsError


def test_a_missing_or_wrong_file_is_one_clear_line(tmp_path: Path):
    with pytest.raises(MissingWeightsError, match=r"068\.ckpt: no such file"):
        load_mobilefacenet(tmp_path / "068.ckpt")
    (tmp_path / "text.pth").write_text("not weights")
    with pytest.raises(BadInputError, match="not a readable file of weights"):
        load_mobilefacenet(tmp_path / "text.pth")
    torch.save({"net_state_dict": SyncNet().state_dict()}, tmp_path / "other.pth")
    with pytest.raises(BadInputError, match=r"not MobileFaceNet.*conv1.conv.weight is missing"):
        load_mobilefacenet(tmp_path / "other.pth")
    torch.save({"net_state_dict": MobileFaceNet().state_dict()}, tmp_path / "068.ckpt")
    assert load_mobilefacenet(tmp_path / "068.ckpt")(torch.ones(1, 3, 112, 96)).norm() == pytest.approx(1.0)
