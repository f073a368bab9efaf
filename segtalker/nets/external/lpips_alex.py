"""LPIPS v0.1 with AlexNet (R. Zhang et al., CVPR 2018), to run the published weights.

The trunk is torchvision's AlexNet (`alexnet-owt-7be5be79.pth`), the heads are `lpips_v0.1_alex.pth`; both load by their
published key names.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from segtalker.nets.external.state_dicts import load_published

_TAPS = (1, 4, 7, 9, 11)  # rectifiers whose outputs are compared
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)


def _trunk() -> nn.Sequential:
    """The convolutions of torchvision's AlexNet, up to the last rectifier."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(),
    )  # fmt: skip


class LpipsAlex(nn.Module):
    """AlexNet features with the learned weights of their channels.

    Args:
        trunk: weights of the trunk; those of the classifier are not read.
        heads: weights of the channels.

    Raises:
        MissingWeightsError: a file is not there.
        BadInputError: it holds something else.
    """

    # from each level to the next: side, stride, padding; what lies between of stride 1 leaves the places as they are
    WINDOWS = ((11, 4, 2), (3, 2, 0), (3, 2, 0), (1, 1, 0), (1, 1, 0))

    def __init__(self, trunk: Path, heads: Path) -> None:
        super().__init__()
        self.features = _trunk()
        net_tensors = {f"features.{name}": value for name, value in self.features.state_dict().items()}
        file_tensors = load_published(trunk, net_tensors, "AlexNet of torchvision")
        self.features.load_state_dict({name.removeprefix("features."): value for name, value in file_tensors.items()})
        sizes = [layer.out_channels for layer in self.features if isinstance(layer, nn.Conv2d)]
        lines = {f"lin{level}.model.1.weight": torch.zeros(1, size, 1, 1) for level, size in enumerate(sizes)}
        for level, line in enumerate(load_published(heads, lines, "LPIPS v0.1 heads").values()):
            self.register_buffer(f"head_{level}", line.flatten(), persistent=False)  # goes where the trunk goes
        self.requires_grad_(False).eval()

    def forward(self, image: Tensor) -> list[Tensor]:
        """Features of five levels of RGB images `(B, 3, H, W)` float32 in [-1, 1]."""
        levels = []
        shift, scale = (image.new_tensor(values)[:, None, None] for values in (_SHIFT, _SCALE))
        image = (image - shift) / scale
        for index, layer in enumerate(self.features):
            image = layer(image)
            if index in _TAPS:
                levels.append(image)
        return levels

    def weights(self) -> list[Tensor]:
        """Weights of the channels of each level, `(C,)`."""
        return [self.get_buffer(f"head_{level}") for level in range(len(_TAPS))]
