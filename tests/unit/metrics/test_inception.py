"""FID's Inception, and the two ways to resize for it."""

from pathlib import Path

import numpy as np
import torch

from segtalker.metrics.inception import FidInception, resize_clean, resize_legacy


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
