"""Training of the face parser.

Shapes: B images, K regions, H x W pixels; images are RGB in [-1, 1], labels region indices, int64.
"""

from collections.abc import Mapping
from typing import Any, cast

import pytorch_lightning as pl
import torch
from torch import Tensor

from lightning_modules.training import OptimizerFactory, cosine_schedule
from segtalker.losses.segmentation import balanced_cross_entropy, dice_loss
from segtalker.losses.weighting import weighted_sum
from segtalker.nets.parser import FaceParser
from segtalker.nets.tensors import overlap_counts
from segtalker.regions import NUM_REGIONS, REGIONS


class ParserModule(pl.LightningModule):
    """Balanced cross-entropy and Dice, scored by the mean intersection over union on people held out.

    Args:
        net: image to region logits.
        optimizer: builds the optimiser at its peak rate.
        steps: the budget the rate decays over.
        warmup_steps: steps of rising rate.
        balance: see `balanced_weights`.
        loss_weights: of the terms in `loss_terms`, by name.
    """

    def __init__(
        self,
        net: FaceParser,
        *,
        optimizer: OptimizerFactory,
        steps: int,
        warmup_steps: int,
        balance: float,
        loss_weights: Mapping[str, float],
    ) -> None:
        super().__init__()
        self.net = net
        self.make_optimizer = optimizer
        self.steps, self.warmup_steps = steps, warmup_steps
        self.balance = balance
        self.loss_weights = dict(loss_weights)
        self.counts = torch.zeros(2, NUM_REGIONS, dtype=torch.float64)

    def loss_terms(self, logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Every loss, unweighted.

        Args:
            logits: region scores, `(B, K, H, W)`.
            labels: true regions, `(B, H, W)`.

        Returns:
            Scalars by the name of their weight.
        """
        return {
            "cross_entropy": balanced_cross_entropy(logits, labels, self.balance),
            "dice": dice_loss(logits, labels),
        }

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        image, labels = batch
        terms = self.loss_terms(self.net(image), labels)
        self.log_dict({f"train/{name}": term.detach() for name, term in terms.items()}, sync_dist=True)
        return weighted_sum(terms, self.loss_weights)

    def on_validation_epoch_start(self) -> None:
        # pixels are counted over all images before dividing: a mean of each image's IoU would favour rare regions
        self.counts = torch.zeros(2, NUM_REGIONS, dtype=torch.float64, device=self.device)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        image, labels = batch
        self.counts += overlap_counts(self.net(image).argmax(1), labels, NUM_REGIONS)

    def on_validation_epoch_end(self) -> None:
        all_counts = cast(Tensor, self.all_gather(self.counts))
        intersection, union = all_counts.view(-1, 2, NUM_REGIONS).sum(0)
        overlaps = {name: float(intersection[k] / union[k]) for k, name in enumerate(REGIONS) if union[k] > 0}
        self.log("val/mean_iou", sum(overlaps.values()) / len(overlaps), rank_zero_only=True)
        self.log_dict({f"val/iou_{name}": value for name, value in overlaps.items()}, rank_zero_only=True)

    def configure_optimizers(self) -> Any:
        return cosine_schedule(self.make_optimizer(self.net.parameters()), self.steps, self.warmup_steps)
