"""What keeps StyleGAN2's game smooth (arXiv 1912.04958, 2.2 and 3.2): a penalty on each side, paid now and then.

Both are norms of gradients, and are themselves differentiated: that is done in float32, whatever the precision around.
"""

import torch
from torch import Tensor, nn


def gradient_penalty(discriminator: nn.Module, real: Tensor, masks: Tensor) -> Tensor:
    """R1 (arXiv 1801.04406): the squared norm of the score's gradient by the photograph, without its weight of a half.

    Args:
        discriminator: `(image, masks)` to scores, one or one a patch, and features.
        real: photographs, `(B, 3, H, W)`, in [-1, 1].
        masks: one-hot regions, `(B, K, H, W)`, float32 in {0, 1}.

    Returns:
        Mean over the batch, scalar; an image's score is the mean of its patches'.
    """
    image = real.detach().requires_grad_()
    with torch.autocast(real.device.type, enabled=False):
        scores, _ = discriminator.forward(image, masks)  # never compiled: that cannot be differentiated twice
        total = scores.flatten(1).mean(1).sum()
        (gradient,) = torch.autograd.grad(total, image, create_graph=True)
        return gradient.square().flatten(1).sum(1).mean()


def path_lengths(image: Tensor, styles: Tensor, noise: Tensor) -> Tensor:
    """How far an image moves by a step of its styles: `|J^T y|` for a random image y, J the image by the styles.

    Args:
        image: painted from the styles, `(B, 3, H, W)`.
        styles: of each region and layer, `(B, K, L, S)`, with a gradient.
        noise: y times `sqrt(H W)`, standard normal, `(B, 3, H, W)`.

    Returns:
        `(B,)`: over layers the mean square, over regions the sum, as if all regions moved together.
    """
    height, width = image.shape[2:]
    total = (image.float() * noise).sum() / (height * width) ** 0.5
    (gradient,) = torch.autograd.grad(total, styles, create_graph=True)
    return gradient.float().square().sum((1, 3)).mean(1).sqrt()
