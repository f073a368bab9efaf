"""Training of talking segmentation generation.

Shapes: B windows, T frames of a window, K regions, h x w pixels of the mouth box, h' x w' of its hidden area, M mel
bins, N mel steps.
"""

from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from lightning_modules.training import OptimizerFactory, cosine_schedule
from segtalker.faces.mouth_box import hidden_slices, hide
from segtalker.losses.segmentation import balanced_cross_entropy
from segtalker.losses.sync import sync_loss
from segtalker.losses.weighting import weighted_sum
from segtalker.nets.sync import SyncExpert
from segtalker.nets.tensors import mask_channels, one_hot, overlap_counts
from segtalker.nets.tsg import TalkingSegmenter
from segtalker.regions import LIP, MOUTH, NUM_REGIONS

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
        loss_weights: of the terms in `loss_terms`, by name; what weighs nothing is not computed.
        box_size: height and width of the mouth box, px.
    """

    expert: SyncExpert

    def __init__(
        self,
        net: TalkingSegmenter,
        *,
        expert: SyncExpert,
        optimizer: OptimizerFactory,
        steps: int,
        warmup_steps: int,
        balance: float,
        loss_weights: Mapping[str, float],
        box_size: tuple[int, int],
    ) -> None:
        super().__init__()
        self.net = net
        # past nn.Module's registration: training mode and checkpoints leave it alone
        self.__dict__["expert"] = expert.requires_grad_(False).eval()
        self.make_optimizer = optimizer
        self.steps, self.warmup_steps = steps, warmup_steps
        self.balance = balance
        self.loss_weights = dict(loss_weights)
        self.hidden = hidden_slices(box_size)
        self.counts = torch.zeros(2, 2, NUM_REGIONS, dtype=torch.float64)
        self.mouth_counts = torch.zeros(2, 2, 2, dtype=torch.float64)

    def on_fit_start(self) -> None:
        self.expert.to(self.device)

    def predict(self, regions: Tensor, identity: Tensor, speech: Tensor) -> Tensor:
        """Predicts the hidden area.

        A window longer than what the network sees at once is given to it in parts.

        Args:
            regions: see `TsgSample`, `(B, T, h, w)`, uint8; the hidden area is not read.
            identity: regions of the reference, `(B, h, w)`, uint8.
            speech: mel window around each frame, `(B, T, M, N)`, float32.

        Returns:
            Scores of the regions, `(B, T, K, h', w')`.
        """
        parts = regions.shape[1] // self.net.frames
        pose, part_speech = (whole.unflatten(1, (parts, -1)).flatten(0, 1) for whole in (regions, speech))
        scores = self.net(one_hot(hide(pose)), one_hot(identity.repeat_interleave(parts, 0)), part_speech)
        return scores.unflatten(0, (-1, parts)).flatten(1, 2)[..., *self.hidden]

    def _sync_loss(self, scores: Tensor, regions: Tensor, speech: Tensor) -> Tensor:
        """The expert's view of soft lips and mouth in the hidden area, true ones around it."""
        soft = mask_channels(regions)
        soft[..., *self.hidden] = scores.softmax(dim=2)[:, :, [LIP, MOUTH]]
        return sync_loss(self.expert.embed_frames(soft), self.expert.embed_audio(speech))

    def loss_terms(self, scores: Tensor, regions: Tensor, sync_speech: Tensor) -> dict[str, Tensor]:
        """Every loss with a weight, unweighted.

        Args:
            scores: see `predict`.
            regions: true regions, `(B, T, h, w)`, uint8.
            sync_speech: the expert's mel window, `(B, M, N')`.

        Returns:
            Scalars by the name of their weight.
        """
        target = regions[..., *self.hidden].long()
        terms = {"cross_entropy": balanced_cross_entropy(scores.flatten(0, 1), target.flatten(0, 1), self.balance)}
        if self.loss_weights["sync"] > 0:
            terms["sync"] = self._sync_loss(scores, regions, sync_speech)
        return terms

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor, Tensor], batch_idx: int) -> Tensor:
        regions, identity, speech, sync_speech = batch
        terms = self.loss_terms(self.predict(regions, identity, speech), regions, sync_speech)
        self.log_dict({f"train/{name}": term.detach() for name, term in terms.items()}, sync_dist=True)
        return weighted_sum(terms, self.loss_weights)

    def on_validation_epoch_start(self) -> None:
        self.counts = torch.zeros(2, 2, NUM_REGIONS, dtype=torch.float64, device=self.device)
        self.mouth_counts = torch.zeros(2, 2, 2, dtype=torch.float64, device=self.device)

    def validation_step(self, batch: tuple[Tensor, Tensor, Tensor, Tensor], batch_idx: int) -> None:
        regions, identity, speech, _ = batch
        target = regions[..., *self.hidden].long()
        # the second time with speech of other windows: a network that does not listen scores the same twice
        for row, driving_speech in enumerate((speech, speech.roll(len(speech) // 2, dims=0))):
            predicted_regions = self.predict(regions, identity, driving_speech).argmax(dim=2)
            self.counts[row] += overlap_counts(predicted_regions, target, NUM_REGIONS)
            self.mouth_counts[row] += overlap_counts(mouth_map(predicted_regions), mouth_map(target), 2)

    def on_validation_epoch_end(self) -> None:
        for row, prefix in enumerate(("val/", "val/shuffled_")):
            overlaps = self.counts[row, 0] / self.counts[row, 1].clamp_min(1)
            mouth = self.mouth_counts[row, 0, _IN_MOUTH] / self.mouth_counts[row, 1, _IN_MOUTH].clamp_min(1)
            values = {"mouth_iou": mouth, "lip_iou": overlaps[LIP], "interior_iou": overlaps[MOUTH]}
            self.log_dict({prefix + name: value.float() for name, value in values.items()}, rank_zero_only=True)

    def configure_optimizers(self) -> Any:
        return cosine_schedule(self.make_optimizer(self.net.parameters()), self.steps, self.warmup_steps)
