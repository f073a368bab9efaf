"""Training of the renderer (SGI): reconstruction, then an adversarial stage, in one resumable run."""

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from lightning_modules.training import warm_cosine
from segtalker.losses.adversarial import discriminator_loss, generator_losses
from segtalker.losses.perceptual import feature_loss
from segtalker.losses.reconstruction import detail_loss, gradient_loss, pixel_loss, region_pixel_weights
from segtalker.nets.parser import FaceParser
from segtalker.nets.tensors import composite, one_hot

OptimizerFactory = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]


@dataclass(frozen=True)
class SgiWeights:
    """Weights of the losses.

    Args:
        pixel: see `pixel_loss`.
        gradient: see `gradient_loss`.
        gradient_scales: its scales.
        detail: see `detail_loss`, in the second stage.
        detail_window: px, its windows.
        parsing: distance of the face parser's features, in the second stage.
        adversarial: the discriminator's score, in the second stage.
        matching: distance of the discriminator's features, in the second stage.
        regions: weight of each region's pixels, `(K,)`.
    """

    pixel: float
    gradient: float
    gradient_scales: int
    detail: float
    detail_window: int
    parsing: float
    adversarial: float
    matching: float
    regions: tuple[float, ...]


@dataclass(frozen=True)
class SgiSchedule:
    """The budget.

    Args:
        reconstruction_steps: first stage.
        adversarial_steps: second stage.
        warmup_steps: of rising rate.
        ema_decay: of the averaged weights, which are what is kept.
    """

    reconstruction_steps: int
    adversarial_steps: int
    warmup_steps: int
    ema_decay: float

    def rate_factor(self, step: int) -> float:
        """Factor of the peak rate at a step."""
        return warm_cosine(step, self.reconstruction_steps + self.adversarial_steps, self.warmup_steps)


class SgiModule(pl.LightningModule):
    """Encoder and generator against a patch discriminator.

    Args:
        encoder: image and mask to codes.
        generator: mask and codes to image.
        discriminator: image and mask to scores and features.
        parser: a frozen face parser for its features, or None.
        optimizer: builds the optimiser of encoder and generator at its peak rate.
        discriminator_optimizer: likewise of the discriminator.
        weights: of the losses.
        schedule: the budget.
        edge: px, fade of the background in validation, see `composite`.
    """

    step: Tensor
    region_weights: Tensor

    def __init__(
        self,
        *,
        encoder: nn.Module,
        generator: nn.Module,
        discriminator: nn.Module,
        parser: FaceParser | None,
        optimizer: OptimizerFactory,
        discriminator_optimizer: OptimizerFactory,
        weights: SgiWeights,
        schedule: SgiSchedule,
        edge: int,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.nets = nn.ModuleDict({"encoder": encoder, "generator": generator})
        self.averaged = copy.deepcopy(self.nets).requires_grad_(False).eval()
        self.discriminator = discriminator
        self.parser = parser
        self.make_optimizer = optimizer
        self.make_discriminator_optimizer = discriminator_optimizer
        self.weights = weights
        self.schedule = schedule
        self.edge = edge
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))
        self.register_buffer("region_weights", torch.tensor(weights.regions), persistent=False)

    def render(self, nets: nn.ModuleDict, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Paints the targets with the references' codes.

        Args:
            nets: trained or averaged.
            batch: see `datamodules.reference_pairs.ReferencePair`.

        Returns:
            Images, `(B, 3, H, W)`, and the targets' masks, one-hot `(B, K, H, W)`.
        """
        reference_masks, masks = (one_hot(batch[name]) for name in ("reference_labels", "target_labels"))
        return nets["generator"](masks, nets["encoder"](batch["reference"], reference_masks)), masks

    def _reconstruction(self, image: Tensor, truth: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """Weighted losses of the first stage, which go on in the second."""
        weights = self.weights
        pixels = region_pixel_weights(masks, self.region_weights)
        return {
            "pixel": weights.pixel * pixel_loss(image, truth, pixels),
            "gradient": weights.gradient * gradient_loss(image, truth, pixels, weights.gradient_scales),
        }

    def _sharpening(self, image: Tensor, truth: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """Weighted losses that the second stage adds: fine detail, and what discriminator and parser see."""
        told = generator_losses(self.discriminator, truth, image, masks)
        parsing = feature_loss(self.parser.features, image, truth) if self.parser else image.new_zeros(())
        return {
            "detail": self.weights.detail * self._detail(image, truth),
            "parsing": self.weights.parsing * parsing,
            "adversarial": self.weights.adversarial * told.adversarial,
            "matching": self.weights.matching * told.matching,
        }

    def _detail(self, image: Tensor, truth: Tensor) -> Tensor:
        return detail_loss(image, truth, self.weights.detail_window, self.weights.gradient_scales)

    def training_step(self, batch: Mapping[str, Tensor], batch_idx: int) -> None:
        optimizer, discriminator_optimizer = cast(list[torch.optim.Optimizer], self.optimizers())
        truth = batch["target"]
        image, masks = self.render(self.nets, batch)
        losses = self._reconstruction(image, truth, masks)
        step = int(self.step)
        if step >= self.schedule.reconstruction_steps:
            judged = discriminator_loss(self.discriminator, truth, image, masks)
            self._update(discriminator_optimizer, judged)
            self.log("train/discriminator", judged.detach())
            losses |= self._sharpening(image, truth, masks)
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * self.schedule.rate_factor(step)
        self._update(optimizer, torch.stack(list(losses.values())).sum())
        self._average(step)
        self.step.add_(1)
        self.log_dict({f"train/{name}": value.detach() for name, value in losses.items()})

    def _update(self, optimizer: Any, loss: Tensor) -> None:
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()

    @torch.no_grad()
    def _average(self, step: int) -> None:
        """Moves the averaged weights; early ones are forgotten faster."""
        decay = min(self.schedule.ema_decay, (1 + step) / (10 + step))
        for kept, new in zip(self.averaged.parameters(), self.nets.parameters(), strict=True):
            kept.lerp_(new, 1.0 - decay)

    def validation_step(self, batch: Mapping[str, Tensor], batch_idx: int) -> None:
        image, masks = self.render(self.averaged, batch)
        truth = batch["target"]
        shown = composite(image, truth, masks, self.edge)
        self.log_dict({"val/psnr": psnr(image, truth), "val/psnr_composited": psnr(shown, truth)}, sync_dist=True)

    def configure_optimizers(self) -> Any:
        optimizer = self.make_optimizer(self.nets.parameters())
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        return [optimizer, self.make_discriminator_optimizer(self.discriminator.parameters())]


def psnr(image: Tensor, truth: Tensor) -> Tensor:
    """Mean over the batch of each image's peak signal-to-noise ratio in dB, after clipping to [-1, 1]."""
    errors = ((image.clamp(-1.0, 1.0) - truth) / 2.0).square().mean((1, 2, 3))
    return -10.0 * errors.clamp_min(1e-10).log10().mean()
