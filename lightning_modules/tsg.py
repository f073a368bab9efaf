"""Training of talking segmentation generation."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from lightning_modules.training import warm_cosine
from segtalker.faces.mouth_box import hidden_slices, hide
from segtalker.losses.segmentation import balanced_cross_entropy
from segtalker.losses.sync import sync_loss
from segtalker.nets.sync import SyncExpert
from segtalker.nets.tensors import mask_channels, one_hot, overlap_counts
from segtalker.nets.tsg import TalkingSegmenter
from segtalker.regions import LIP, MOUTH, NUM_REGIONS

OptimizerFactory = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]
_OUTSIDE_MOUTH = 0
_IN_MOUTH = 1


def mouth_map(regions: Tensor) -> Tensor:
    """Lips and what they enclose, as one: int64, 1 inside, any shape."""
    return torch.where((regions == LIP) | (regions == MOUTH), _IN_MOUTH, _OUTSIDE_MOUTH)


class TsgModule(pl.LightningModule):
    """Cross-entropy of the hidden area and sync in the mask domain; scored by the overlap of the mouth.

    Validation runs each batch again with its speech handed to other windows: a network that looks at
    what leaks around the hidden area, and not at the speech, scores the same twice.

    Args:
        net: the network.
        expert: mask-domain expert, frozen here. Evaluation judges by the image-domain one.
        optimizer: builds the optimiser at its peak rate.
        steps: the budget the rate decays over.
        warmup_steps: steps of rising rate.
        balance: see `balanced_weights`.
        sync_weight: weight of the sync loss.
        box_size: height and width of the mouth box.
    """

    def __init__(
        self,
        net: TalkingSegmenter,
        *,
        expert: SyncExpert,
        optimizer: OptimizerFactory,
        steps: int,
        warmup_steps: int,
        balance: float,
        sync_weight: float,
        box_size: tuple[int, int],
    ) -> None:
        super().__init__()
        self.net = net
        # in a tuple it is no submodule: training mode and checkpoints leave it alone
        self.frozen = (expert.requires_grad_(False).eval(),)
        self.make_optimizer = optimizer
        self.rate_factor = partial(warm_cosine, steps=steps, warmup_steps=warmup_steps)
        self.balance = balance
        self.sync_weight = sync_weight
        self.hidden = hidden_slices(box_size)
        self.counts = torch.zeros(2, 2, NUM_REGIONS, dtype=torch.float64)
        self.mouth_counts = torch.zeros(2, 2, 2, dtype=torch.float64)

    def on_fit_start(self) -> None:
        self.frozen[0].to(self.device)

    def predict(self, regions: Tensor, identity: Tensor, speech: Tensor) -> Tensor:
        """Scores of the regions in the hidden area, `(B, T, K, h', w')`; arguments as in `TsgSample`, batched.

        A window longer than what the network sees at once is given to it in parts.
        """
        parts = regions.shape[1] // self.net.frames
        pose, heard = (whole.unflatten(1, (parts, -1)).flatten(0, 1) for whole in (regions, speech))
        scores = self.net(one_hot(hide(pose)), one_hot(identity.repeat_interleave(parts, 0)), heard)
        return scores.unflatten(0, (-1, parts)).flatten(1, 2)[..., *self.hidden]

    def _sync_loss(self, scores: Tensor, regions: Tensor, speech: Tensor) -> Tensor:
        """The expert's view of soft lips and mouth in the hidden area, true ones around it."""
        soft = mask_channels(regions)
        soft[..., *self.hidden] = scores.softmax(dim=2)[:, :, [LIP, MOUTH]]
        expert = self.frozen[0]
        return sync_loss(expert.embed_frames(soft), expert.embed_audio(speech))

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor, Tensor], batch_idx: int) -> Tensor:
        regions, identity, speech, sync_speech = batch
        scores = self.predict(regions, identity, speech)
        target = regions[..., *self.hidden].long()
        loss = cross_entropy = balanced_cross_entropy(scores.flatten(0, 1), target.flatten(0, 1), self.balance)
        self.log("train/cross_entropy", cross_entropy.detach())
        if self.sync_weight > 0:
            sync = self._sync_loss(scores, regions, sync_speech)
            self.log("train/sync", sync.detach())
            loss = cross_entropy + self.sync_weight * sync
        return loss

    def on_validation_epoch_start(self) -> None:
        self.counts = torch.zeros(2, 2, NUM_REGIONS, dtype=torch.float64, device=self.device)
        self.mouth_counts = torch.zeros(2, 2, 2, dtype=torch.float64, device=self.device)

    def validation_step(self, batch: tuple[Tensor, Tensor, Tensor, Tensor], batch_idx: int) -> None:
        regions, identity, speech, _ = batch
        target = regions[..., *self.hidden].long()
        for row, heard in enumerate((speech, speech.roll(len(speech) // 2, dims=0))):
            predicted = self.predict(regions, identity, heard).argmax(dim=2)
            self.counts[row] += overlap_counts(predicted, target, NUM_REGIONS)
            self.mouth_counts[row] += overlap_counts(mouth_map(predicted), mouth_map(target), 2)

    def on_validation_epoch_end(self) -> None:
        for row, prefix in enumerate(("val/", "val/shuffled_")):
            overlaps = self.counts[row, 0] / self.counts[row, 1].clamp_min(1)
            mouth = self.mouth_counts[row, 0, _IN_MOUTH] / self.mouth_counts[row, 1, _IN_MOUTH].clamp_min(1)
            values = {"mouth_iou": mouth, "lip_iou": overlaps[LIP], "interior_iou": overlaps[MOUTH]}
            self.log_dict({prefix + name: value.float() for name, value in values.items()}, rank_zero_only=True)

    def configure_optimizers(self) -> Any:
        optimizer = self.make_optimizer(self.net.parameters())
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self.rate_factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
