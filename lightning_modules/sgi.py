"""Training of the renderer (SGI): reconstruction, then an adversarial stage, in one resumable run.

Shapes: B pairs, K regions, H x W pixels; images are RGB in [-1, 1], masks one-hot float32 in {0, 1}.
"""

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from lightning_modules.adversarial import AdversarialModule
from lightning_modules.training import OptimizerFactory
from segtalker.losses.adversarial import Game, discriminator_loss, generator_losses
from segtalker.losses.perceptual import feature_loss, lpips_loss
from segtalker.losses.reconstruction import detail_loss, gradient_loss, pixel_loss, psnr, region_pixel_weights
from segtalker.losses.regularisation import gradient_penalty, path_lengths
from segtalker.nets.external.lpips_alex import LpipsAlex
from segtalker.nets.parser import FaceParser
from segtalker.nets.tensors import composite, is_background, one_hot


@dataclass(frozen=True)
class Smoothing:
    """StyleGAN2's penalties, each paid in one of several steps and so many times as high then.

    Args:
        r1: weight of R1, see `gradient_penalty`; 0: none.
        r1_every: steps from one payment to the next.
        path_every: likewise of the lengths of paths, whose weight is the loss `path_length`'s.
        path_shrink: a batch's part whose paths are measured is one over this.
        path_decay: share by which the mean length follows each measurement.
    """

    r1: float
    r1_every: int
    path_every: int
    path_shrink: int
    path_decay: float


class SgiModule(AdversarialModule):
    """Encoder and generator against a discriminator.

    Args:
        encoder: image and mask to codes.
        generator: mask and codes to image.
        discriminator: image and mask to scores and features.
        parser: a frozen face parser for its features; None where `loss_weights` gives `parsing` no weight.
        lpips: frozen, for LPIPS; None where `loss_weights` gives `lpips` no weight.
        optimizer: builds the optimiser of encoder and generator at its peak rate.
        discriminator_optimizer: likewise of the discriminator.
        equalised: see `AdversarialModule`.
        game: which adversarial loss.
        smoothing: penalties of the second stage.
        loss_weights: of the terms in `loss_terms`, by name.
        region_weights: weight of each region's pixels in `pixel` and `gradient`, K of them.
        squared_weight: see `pixel_loss`.
        gradient_scales: scales of `gradient_loss` and `detail_loss`.
        detail_window: px, see `detail_loss`.
        reconstruction_steps: steps of the first stage.
        adversarial_steps: steps of the second stage.
        warmup_steps: steps of rising rate.
        ema_decay: of the averaged weights, which are what is kept.
        edge: px, fade of the background in validation, see `composite`.
    """

    generator: nn.ModuleDict
    region_weights: Tensor
    mean_path_length: Tensor

    def __init__(
        self,
        *,
        encoder: nn.Module,
        generator: nn.Module,
        discriminator: nn.Module,
        parser: FaceParser | None,
        lpips: LpipsAlex | None,
        optimizer: OptimizerFactory,
        discriminator_optimizer: OptimizerFactory,
        equalised: Collection[str],
        game: Game,
        smoothing: Smoothing,
        loss_weights: Mapping[str, float],
        region_weights: Sequence[float],
        squared_weight: float,
        gradient_scales: int,
        detail_window: int,
        reconstruction_steps: int,
        adversarial_steps: int,
        warmup_steps: int,
        ema_decay: float,
        edge: int,
    ) -> None:
        super().__init__(
            generator=nn.ModuleDict({"encoder": encoder, "generator": generator}),
            discriminator=discriminator,
            optimizer=optimizer,
            discriminator_optimizer=discriminator_optimizer,
            loss_weights=loss_weights,
            steps=reconstruction_steps + adversarial_steps,
            warmup_steps=warmup_steps,
        )
        self.equalised, self.game, self.smoothing = equalised, game, smoothing
        self.average = copy.deepcopy(self.generator).requires_grad_(False).eval()
        self.parser, self.lpips = parser, lpips
        self.squared_weight = squared_weight
        self.gradient_scales, self.detail_window = gradient_scales, detail_window
        self.reconstruction_steps = reconstruction_steps
        self.ema_decay = ema_decay
        self.edge = edge
        self.register_buffer("region_weights", torch.tensor(region_weights), persistent=False)
        self.register_buffer("mean_path_length", torch.zeros(()))

    def encode(self, nets: nn.ModuleDict, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The references' codes, `(B, K, D)`, and the targets' masks, `(B, K, H, W)`; see `render`."""
        reference_masks, masks = (one_hot(batch[name]) for name in ("reference_labels", "target_labels"))
        return nets["encoder"](batch["reference"], reference_masks), masks

    def render(self, nets: nn.ModuleDict, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Paints the targets with the references' codes.

        Args:
            nets: encoder and generator, `self.generator` or `self.average`.
            batch: see `datamodules.reference_pairs.ReferencePair`.

        Returns:
            Images, `(B, 3, H, W)`, and the targets' masks, `(B, K, H, W)`.
        """
        codes, masks = self.encode(nets, batch)
        return nets["generator"](masks, codes), masks

    def loss_terms(self, image: Tensor, truth: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """Every loss of the present stage, unweighted.

        Args:
            image: painted targets, `(B, 3, H, W)`.
            truth: the targets, likewise.
            masks: their regions, `(B, K, H, W)`.

        Returns:
            Scalars by the name of their weight.
        """
        pixel_weights = region_pixel_weights(masks, self.region_weights)
        terms = {
            "pixel": pixel_loss(image, truth, pixel_weights, self.squared_weight),
            "gradient": gradient_loss(image, truth, pixel_weights, self.gradient_scales),
        }
        if self.lpips and self.loss_weights["lpips"] > 0:
            terms["lpips"] = lpips_loss(self.lpips, self.lpips.weights(), image, truth)
        if self.step >= self.reconstruction_steps:
            matches = self.loss_weights["matching"] > 0
            gan_losses = generator_losses(self.discriminator, truth, image, masks, self.game, matches=matches)
            terms |= {"adversarial": gan_losses.adversarial, "matching": gan_losses.matching}
            if self.parser and self.loss_weights["parsing"] > 0:
                terms["parsing"] = feature_loss(self.parser.features, image, truth)
            terms["detail"] = detail_loss(image, truth, self.detail_window, self.gradient_scales)
        return terms

    def _is_due(self, every: int) -> bool:
        """Whether a penalty that is paid every so many steps of the second stage is paid in this one."""
        return (int(self.step) - self.reconstruction_steps) % every == 0

    def _gradient_penalty(self, truth: Tensor, masks: Tensor) -> Tensor | None:
        """R1 with its weight, where it is due."""
        if not self.smoothing.r1 or not self._is_due(self.smoothing.r1_every):
            return None
        penalty = gradient_penalty(self.discriminator, truth, masks)
        self.log("train/r1", penalty.detach(), sync_dist=True)
        return penalty * (0.5 * self.smoothing.r1 * self.smoothing.r1_every)

    def path_penalty(self, codes: Tensor, masks: Tensor) -> Tensor:
        """How far the lengths of paths are from their mean so far, squared, times the steps it is paid for.

        Args:
            codes: see `encode`; they are held fixed.
            masks: likewise.
        """
        generator: Any = self.generator["generator"]
        count = max(1, len(codes) // self.smoothing.path_shrink)
        codes, masks = codes[:count].detach(), masks[:count]
        with torch.autocast(masks.device.type, enabled=False):  # a gradient that is differentiated again
            learned, textures = generator.parts(codes.float())
            styles = generator.layer_styles(learned)
            image = generator.paint(masks, styles, textures)
            lengths = path_lengths(image, styles, torch.randn_like(image))
        mean = self.trainer.strategy.reduce(lengths.detach().mean())
        self.mean_path_length.lerp_(cast(Tensor, mean), self.smoothing.path_decay)
        return (lengths - self.mean_path_length).square().mean() * self.smoothing.path_every

    def training_step(self, batch: Mapping[str, Tensor], batch_idx: int) -> None:
        truth, step = batch["target"], int(self.step)
        codes, masks = self.encode(self.generator, batch)
        image = self.generator["generator"](masks, codes)
        if is_adversarial := step >= self.reconstruction_steps:
            disc_loss = discriminator_loss(self.discriminator, truth, image, masks, self.game)
            self.update_discriminator(disc_loss, self._gradient_penalty(truth, masks))
        terms = self.loss_terms(image, truth, masks)
        if is_adversarial and self.loss_weights["path_length"] > 0 and self._is_due(self.smoothing.path_every):
            terms["path_length"] = self.path_penalty(codes, masks)
        self.update_generator(terms)
        if self.is_last_part:
            self._update_average(step)

    @torch.no_grad()
    def _update_average(self, step: int) -> None:
        """Moves the averaged weights towards the trained ones."""
        # early weights are forgotten faster, else the average would carry the random start along
        decay = min(self.ema_decay, (1 + step) / (10 + step))
        for mean, weight in zip(self.average.parameters(), self.generator.parameters(), strict=True):
            mean.lerp_(weight, 1.0 - decay)
        for copied, values in zip(self.average.buffers(), self.generator.buffers(), strict=True):
            copied.copy_(values)  # statistics of batch normalisation, which are means already

    def validation_step(self, batch: Mapping[str, Tensor], batch_idx: int) -> None:
        image, _ = self.render(self.average, batch)
        truth = batch["target"]
        composite_image = composite(image, truth, is_background(batch["target_labels"]), self.edge)
        values = {"val/psnr": psnr(image, truth), "val/psnr_composited": psnr(composite_image, truth)}
        self.log_dict(values, sync_dist=True)
