"""Training of a sync expert."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from lightning_modules.schedule import warm_cosine
from segtalker.losses.sync import sync_bce, sync_contrast
from segtalker.nets.sync import SyncExpert
from segtalker.sync_scores import embed_windows, offset_accuracy, piece_offsets, shift_distances

OptimizerFactory = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]


class SyncModule(pl.LightningModule):
    """One expert, in the domain given by `channels`; scored by the offsets it finds on people held out.

    Args:
        expert: the network.
        channels: turns boxes, uint8, into what the expert sees: `rgb_channels` or `mask_channels`.
        optimizer: builds the optimiser at its peak rate.
        steps: the budget the rate decays over.
        warmup_steps: steps of rising rate.
        loss: `contrast` (InfoNCE over the batch) or `bce` (Wav2Lip).
        temperature: of `contrast`.
        max_shift: largest offset searched in validation, frames.
        piece_frames: length of the pieces whose offset is searched.
        piece_stride: frames from one piece to the next.
        tolerance: largest error of an offset that counts as found, frames.
        eval_batch_size: windows at once in validation.
    """

    def __init__(
        self,
        expert: SyncExpert,
        *,
        channels: Callable[[Tensor], Tensor],
        optimizer: OptimizerFactory,
        steps: int,
        warmup_steps: int,
        loss: Literal["contrast", "bce"],
        temperature: float,
        max_shift: int,
        piece_frames: int,
        piece_stride: int,
        tolerance: int,
        eval_batch_size: int,
    ) -> None:
        super().__init__()
        self.expert = expert
        self.channels = channels
        self.make_optimizer = optimizer
        self.rate_factor = partial(warm_cosine, steps=steps, warmup_steps=warmup_steps)
        self.loss = partial(sync_contrast, temperature=temperature) if loss == "contrast" else sync_bce
        self.max_shift = max_shift
        self.piece_windows = piece_frames - expert.window[0] + 1
        self.piece_stride = piece_stride
        self.tolerance = tolerance
        self.eval_batch_size = eval_batch_size
        self.offsets: list[Tensor] = []

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        boxes, speech = (part.flatten(0, 1) for part in batch)
        frames, audio = self.expert(self.channels(boxes), speech)
        loss = self.loss(frames, audio)
        self.log("train/loss", loss.detach())
        return loss

    def clip_offsets(self, boxes: Tensor, speech: Tensor) -> Tensor:
        """Offsets found in the pieces of a clip, `(P,)`; boxes `(F, h, w[, 3])` uint8, speech `(W, M, N)`."""
        embedded = embed_windows(self.expert, self.channels(boxes), speech, self.eval_batch_size)
        distances = shift_distances(embedded[0].cpu(), embedded[1].cpu(), self.max_shift)
        return piece_offsets(distances, self.piece_windows, self.piece_stride)

    def on_validation_epoch_start(self) -> None:
        self.offsets = []

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.offsets.append(self.clip_offsets(*batch))

    def on_validation_epoch_end(self) -> None:
        offsets = torch.cat(self.offsets)
        if len(offsets):
            self.log("val/offset_accuracy", offset_accuracy(offsets, self.tolerance), rank_zero_only=True)

    def configure_optimizers(self) -> Any:
        optimizer = self.make_optimizer(self.expert.parameters())
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self.rate_factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
