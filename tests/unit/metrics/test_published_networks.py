"""Published networks load by their own key names and say so where they cannot."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models import alexnet

from segtalker.metrics.inception import FidInception, resize_clean, resize_legacy
from segtalker.metrics.perceptual import feature_distance
from segtalker.nets.external.lpips_alex import LpipsAlex
from segtalker.nets.external.mobilefacenet import MobileFaceNet, load_mobilefacenet
from segtalker.nets.external.syncnet import SyncNet, load_syncnet
from segtalker.nets.seeded_features import SeededFeatures
from segtalker.utils.errors import BadInputError, MissingWeightsError

# names and shapes in syncnet_v2.model
SYNCNET = {
    "netcnnaud.0.weight": (64, 1, 3, 3), "netcnnaud.4.weight": (192, 64, 3, 3), "netcnnaud.8.weight": (384, 192, 3, 3),
    "netcnnaud.11.weight": (256, 384, 3, 3), "netcnnaud.14.bias": (256,), "netcnnaud.18.weight": (512, 256, 5, 4),
    "netcnnaud.19.running_var": (512,), "netfcaud.0.weight": (512, 512), "netfcaud.1.running_mean": (512,),
    "netfcaud.3.weight": (1024, 512), "netcnnlip.0.weight": (96, 3, 5, 7, 7), "netcnnlip.4.weight": (256, 96, 1, 5, 5),
    "netcnnlip.8.weight": (256, 256, 1, 3, 3), "netcnnlip.11.weight": (256, 256, 1, 3, 3),
    "netcnnlip.14.weight": (256, 256, 1, 3, 3), "netcnnlip.18.weight": (512, 256, 1, 6, 6), "netfclip.3.bias": (1024,),
}  # fmt: skip


def test_syncnet_has_the_published_names_and_shapes(tmp_path: Path):
    torch.manual_seed(0)
    state = {name: value for name, value in SyncNet().state_dict().items() if "num_batches" not in name}
    assert {name: tuple(state[name].shape) for name in SYNCNET} == SYNCNET
    path = tmp_path / "syncnet_v2.model"
    torch.save(state, path, _use_new_zipfile_serialization=False)  # as old as the release
    net = load_syncnet(path)
    assert not net.training
    frames, speech = net(torch.zeros(2, 3, 5, 224, 224), torch.zeros(2, 13, 20))
    assert frames.shape == speech.shape == (2, 1024)


@pytest.fixture
def lpips(tmp_path: Path) -> LpipsAlex:
    torch.manual_seed(0)
    torch.save(alexnet(weights=None).state_dict(), tmp_path / "alexnet.pth")
    heads = {
        f"lin{level}.model.1.weight": torch.rand(1, size, 1, 1) for level, size in enumerate((64, 192, 384, 256, 256))
    }
    torch.save(heads, tmp_path / "heads.pth")
    return LpipsAlex(tmp_path / "alexnet.pth", tmp_path / "heads.pth")


def test_lpips_equals_the_trunk_of_torchvision_and_the_definition(lpips: LpipsAlex, tmp_path: Path):
    a, b = torch.rand(2, 2, 3, 64, 64) * 2 - 1
    trunk = alexnet(weights=None).eval()
    trunk.load_state_dict(torch.load(tmp_path / "alexnet.pth", weights_only=True))
    shift, scale = torch.tensor([[-0.030, -0.088, -0.188], [0.458, 0.448, 0.450]])[:, :, None, None]
    total = torch.zeros(2)
    x, y = (a - shift) / scale, (b - shift) / scale
    heads = iter(lpips.weights())
    with torch.inference_mode():
        for index, layer in enumerate(trunk.features):
            x, y = layer(x.clone()), layer(y.clone())
            if index in (1, 4, 7, 9, 11):
                unit = [v / (v.norm(dim=1, keepdim=True) + 1e-10) for v in (x, y)]
                total += ((unit[0] - unit[1]) ** 2 * next(heads)[:, None, None]).sum(dim=1).mean(dim=(1, 2))
        found = feature_distance(lpips(a), lpips(b), lpips.weights())
    torch.testing.assert_close(found, total, rtol=1e-4, atol=1e-5)
    assert (found > 0.01).all()


def test_the_inception_of_fid_gives_2048_features(tmp_path: Path):
    from pyiqa.archs import inception as blocks
    from torchvision.models import inception_v3

    with torch.device("meta"):
        net = inception_v3(num_classes=1008, aux_logits=False, init_weights=False)
        net.Mixed_7c = blocks.FIDInceptionE_2(2048)
    state = {name: torch.rand(value.shape) * 0.02 for name, value in net.state_dict().items()}
    torch.save(state, tmp_path / "inception.pth")
    with torch.inference_mode():
        features = FidInception(tmp_path / "inception.pth")(torch.zeros(1, 3, 128, 128))
    assert features.shape == (1, 2048)
    assert torch.isfinite(features).all()


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


def test_seeded_features_are_the_same_everywhere_and_see_damage():
    image = torch.linspace(-1, 1, 64).expand(1, 3, 64, 64).contiguous()
    first, again = SeededFeatures(), SeededFeatures()
    assert all(torch.equal(a, b) for a, b in zip(first(image), again(image), strict=True))
    assert first.layers[0].weight.sum().item() == pytest.approx(again.layers[0].weight.sum().item())
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    distances = [
        float(feature_distance(first(image), first(image + noise * amount), first.weights()))
        for amount in (0, 0.05, 0.2)
    ]
    assert distances == sorted(distances)
    assert distances[0] == 0.0
    assert first.pooled(first(image)).shape == (1, 240)


def test_clean_resizing_is_that_of_clean_fid(tmp_path: Path):
    from PIL import Image
    from pyiqa.archs.fid_arch import ResizeDataset

    frames = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), dtype=np.uint8)
    paths = [tmp_path / f"{number}.png" for number in range(2)]
    for path, frame in zip(paths, frames, strict=True):
        Image.fromarray(frame).save(path)
    expected = torch.stack(list(ResizeDataset(paths, "clean")))
    torch.testing.assert_close(resize_clean(frames), (expected - 128) / 128)
    legacy = torch.stack(list(ResizeDataset(paths, "legacy_pytorch")))
    images = torch.from_numpy(frames).movedim(-1, 1).float() / 127.5 - 1
    torch.testing.assert_close(resize_legacy(images), legacy / 127.5 - 1, atol=1e-5, rtol=0)
