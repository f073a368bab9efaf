"""LPIPS against its trunk in torchvision and its definition."""

from pathlib import Path

import pytest
import torch
from torchvision.models import alexnet

from segtalker.metrics.areas import Areas
from segtalker.metrics.perceptual import feature_distance, unit_features
from segtalker.nets.external.lpips_alex import LpipsAlex


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
        whole = Areas.whole(a.movedim(1, -1).numpy())
        levels = [unit_features(lpips(image)) for image in (a, b)]
        found = feature_distance(*levels, lpips.weights(), whole, lpips.WINDOWS)[:, 0]
    torch.testing.assert_close(found, total, rtol=1e-4, atol=1e-5)
    assert (found > 0.01).all()
