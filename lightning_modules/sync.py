"""Training of a sync expert.

Shapes: B clips, G windows of a clip, T frames of a window, F frames of a whole clip, h x w pixels of the mouth box, M
mel bins, N mel steps.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, cast

import pytorch_lightning as pl
import torch
from torch import Tensor

from lightning_modules.training import OptimizerFactory, cosine_schedule
from segtalker.losses.sync import sync_bce, sync_contrast
from segtalker.metrics.sync_expert import offset_accuracy
from segtalker.nets.sync import SyncExpert


class SyncModule(pl.LightningModule):
    """One expert, in the domain given by `channels`; scored by the offsets it finds on people held out.

    Args:
        expert: the network.
        domain: its name in what is logged, `mask` or `image`.
        channels: turns boxes, uint8, into what the expert sees: `rgb_channels` or `mask_channels`.
        optimizer: builds the optimiser at its peak rate.
        steps: the budget the rate decays over.
        warmup_steps: steps of rising rate.
        loss: `contrast` (InfoNCE over the batch) or `bce` (Wav2Lip).
        temperature: of `contrast`.
        find_offsets: `segtalker.metrics.sync_expert.find_offsets` with all but its first three arguments.
        tolerance: largest error of an offset that still counts as right, frames.
    """

    def __init__(
        self,
        expert: SyncExpert,
        *,
        domain: str,
        channels: Callable[[Tensor], Tensor],
        optimizer: OptimizerFactory,
        steps: int,
        warmup_steps: int,
        loss: Literal["contrast", "bce"],
        temperature: float,
        find_offsets: Callable[[SyncExpert, Tensor, Tensor], Tensor],
        tolerance: int,
    ) -> None:
        super().__init__()
        self.expert = expert
        self.domain = domain
        self.channels = channels
        self.make_optimizer = optimizer
        self.steps, self.warmup_steps = steps, warmup_steps
        self.loss = partial(sync_contrast, temperature=temperature) if loss == "contrast" else sync_bce
        self.find_offsets = find_offsets
        self.tolerance = tolerance
        self.offsets: list[Tensor] = []

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        boxes, speech = (part.flatten(0, 1) for part in batch)  # (B*G, T, h, w[, 3]) and (B*G, M, N)
        embeddings = self.expert(self.channels(boxes), speech)
        # windows of the other processes are negatives too: two processes learn what one does from twice the batch
        frames, audio = (cast(Tensor, self.all_gather(part, sync_grads=True)).flatten(0, -2) for part in embeddings)
        loss = self.loss(frames, audio)
        self.log(f"train/{self.domain}_loss", loss.detach(), sync_dist=True)
        return loss

    def on_validation_epoch_start(self) -> None:
        self.offsets = []

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        boxes, speech = batch
        self.offsets.append(self.find_offsets(self.expert, self.channels(boxes), speech))

    def on_validation_epoch_end(self) -> None:
        offsets = torch.cat(self.offsets)
        if len(offsets):
            self.log(
                f"val/{self.domain}_offset_accuracy", offset_accuracy(offsets, self.tolerance), rank_zero_only=True
            )

    def configure_optimizers(self) -> Any:
        return cosine_schedule(self.make_optimizer(self.expert.parameters()), self.steps, self.warmup_steps)
