"""The published BiSeNet: key names, shapes, and its place behind our parser interface."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch

from segtalker.nets.external.bisenet import BiSeNet, BiSeNetParser, load_bisenet
from segtalker.regions import BISENET_LABELS, REGION_INDEX
from segtalker.utils.errors import BadInputError

# names and shapes in face-parsing.PyTorch's 79999_iter.pth
PUBLISHED = {
    "cp.resnet.conv1.weight": (64, 3, 7, 7),
    "cp.resnet.bn1.running_var": (64,),
    "cp.resnet.layer1.0.conv1.weight": (64, 64, 3, 3),
    "cp.resnet.layer1.1.bn2.weight": (64,),
    "cp.resnet.layer2.0.conv1.weight": (128, 64, 3, 3),
    "cp.resnet.layer2.0.downsample.0.weight": (128, 64, 1, 1),
    "cp.resnet.layer2.0.downsample.1.running_mean": (128,),
    "cp.resnet.layer3.0.downsample.0.weight": (256, 128, 1, 1),
    "cp.resnet.layer4.1.conv2.weight": (512, 512, 3, 3),
    "cp.resnet.layer4.1.bn2.num_batches_tracked": (),
    "cp.arm16.conv.conv.weight": (128, 256, 3, 3),
    "cp.arm16.conv_atten.weight": (128, 128, 1, 1),
    "cp.arm16.bn_atten.weight": (128,),
    "cp.arm32.conv.conv.weight": (128, 512, 3, 3),
    "cp.arm32.conv.bn.bias": (128,),
    "cp.conv_head32.conv.weight": (128, 128, 3, 3),
    "cp.conv_head16.bn.weight": (128,),
    "cp.conv_avg.conv.weight": (128, 512, 1, 1),
    "ffm.convblk.conv.weight": (256, 256, 1, 1),
    "ffm.conv1.weight": (64, 256, 1, 1),
    "ffm.conv2.weight": (256, 64, 1, 1),
    "conv_out.conv.conv.weight": (256, 256, 3, 3),
    "conv_out.conv_out.weight": (19, 256, 1, 1),
    "conv_out16.conv.conv.weight": (64, 128, 3, 3),
    "conv_out16.conv_out.weight": (19, 64, 1, 1),
    "conv_out32.conv_out.weight": (19, 64, 1, 1),
}


@pytest.fixture(scope="module")
def net() -> BiSeNet:
    """A random one."""
    torch.manual_seed(0)
    return BiSeNet().eval()


def test_names_and_shapes_are_the_published_ones(net: BiSeNet) -> None:
    state = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    assert {name: state.get(name) for name in PUBLISHED} == PUBLISHED
    assert not [name for name in state if name.endswith("conv.bias") or name.split(".")[0] not in
                ("cp", "ffm", "conv_out", "conv_out16", "conv_out32")]  # fmt: skip


def test_scores_come_at_an_eighth_of_the_size(net: BiSeNet) -> None:
    with torch.no_grad():
        assert net(torch.zeros(1, 3, 64, 96)).shape == (1, 19, 8, 12)


def test_a_region_wins_where_one_of_its_labels_does() -> None:
    class OneLabel(BiSeNet):
        label = 0

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            scores = torch.zeros(len(image), 19, 64, 64)
            scores[:, self.label] = 1.0
            return scores

    net = OneLabel()
    parser = BiSeNetParser(net)
    for label, region in (("u_lip", "lip"), ("hat", "background"), ("r_ear", "ears"), ("ear_r", "earrings")):
        net.label = BISENET_LABELS.index(label)
        logits = parser(torch.zeros(2, 3, 128, 128))
        assert logits.shape == (2, 12, 128, 128)
        assert (logits.argmax(dim=1) == REGION_INDEX[region]).all()


def test_saved_weights_load_and_others_are_refused(net: BiSeNet, tmp_path: Path) -> None:
    torch.save(net.state_dict(), tmp_path / "79999_iter.pth")
    loaded = load_bisenet(tmp_path / "79999_iter.pth")
    assert not loaded.training
    assert all(torch.equal(value, net.state_dict()[name]) for name, value in loaded.net.state_dict().items())
    torch.save({"weight": torch.zeros(1)}, tmp_path / "other.pth")
    (tmp_path / "rubbish.pth").write_bytes(b"rubbish")
    for name in ("other.pth", "rubbish.pth", "none.pth"):
        with pytest.raises(BadInputError, match=rf"{name}: not the weights"):
            load_bisenet(tmp_path / name)


def test_half_the_precision_gives_nearly_the_same_scores(net: BiSeNet) -> None:
    image = torch.rand(1, 3, 96, 96) * 2 - 1
    with torch.inference_mode():
        exact = BiSeNetParser(net)(image)
        rounded = BiSeNetParser(deepcopy(net)).bfloat16()(image.bfloat16())
    assert rounded.dtype == torch.bfloat16
    assert (rounded.float() - exact).abs().max() < 0.05 * exact.abs().max()
