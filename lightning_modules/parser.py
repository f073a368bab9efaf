"""Training of the face parser."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, cast

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from lightning_modules.training import warm_cosine
from segtalker.losses.segmentation import balanced_cross_entropy, dice_loss
from segtalker.nets.tensors import overlap_counts
from segtalker.regions import NUM_REGIONS, REGIONS

OptimizerFactory = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]


class ParserModule(pl.LightningModule):
    """Balanced cross-entropy and Dice, scored by the mean intersection over union on people held out.

    Args:
        net: image to region logits.
        optimizer: builds the optimiser at its peak rate.
        steps: the budget the rate decays over.
        warmup_steps: steps of rising rate.
        balance: see `balanced_weights`.
        dice_weight: weight of the Dice loss.
    """

    def __init__(
        self,
        net: nn.Module,
        *,
        optimizer: OptimizerFactory,
        steps: int,
        warmup_steps: int,
        balance: float,
        dice_weight: float,
    ) -> None:
        super().__init__()
        self.net = net
        self.make_optimizer = optimizer
        self.rate_factor = partial(warm_cosine, steps=steps, warmup_steps=warmup_steps)
        self.balance = balance
        self.dice_weight = dice_weight
        self.counts = torch.zeros(2, NUM_REGIONS, dtype=torch.float64)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        image, labels = batch
        logits = self.net(image)
        cross_entropy = balanced_cross_entropy(logits, labels, self.balance)
        dice = dice_loss(logits, labels)
        self.log_dict({"train/cross_entropy": cross_entropy.detach(), "train/dice": dice.detach()})
        return cross_entropy + self.dice_weight * dice

    def on_validation_epoch_start(self) -> None:
        self.counts = torch.zeros(2, NUM_REGIONS, dtype=torch.float64, device=self.device)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        image, labels = batch
        self.counts += overlap_counts(self.net(image).argmax(1), labels, NUM_REGIONS)

    def on_validation_epoch_end(self) -> None:
        gathered = cast(Tensor, self.all_gather(self.counts))
        intersection, union = gathered.view(-1, 2, NUM_REGIONS).sum(0)
        overlaps = {name: float(intersection[k] / union[k]) for k, name in enumerate(REGIONS) if union[k] > 0}
        self.log("val/mean_iou", sum(overlaps.values()) / len(overlaps), rank_zero_only=True)
        self.log_dict({f"val/iou_{name}": value for name, value in overlaps.items()}, rank_zero_only=True)

    def configure_optimizers(self) -> Any:
        optimizer = self.make_optimizer(self.net.parameters())
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self.rate_factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
