"""Training of the renderer (SGI): reconstruction, then an adversarial stage, in one resumable run.

Shapes: B pairs, K regions, H x W pixels; images are RGB in [-1, 1], masks one-hot float32 in {0, 1}.
"""

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from lightning_modules.adversarial import AdversarialModule
from lightning_modules.training import OptimizerFactory
from segtalker.losses.adversarial import discriminator_loss, generator_losses
from segtalker.losses.perceptual import feature_loss
from segtalker.losses.reconstruction import detail_loss, gradient_loss, pixel_loss, psnr, region_pixel_weights
from segtalker.nets.parser import FaceParser
from segtalker.nets.tensors import composite, is_background, one_hot


class SgiModule(AdversarialModule):
    """Encoder and generator against a patch discriminator.

    Args:
        encoder: image and mask to codes.
        generator: mask and codes to image.
        discriminator: image and mask to scores and features.
        parser: a frozen face parser for its features; None where `loss_weights` gives `parsing` no weight.
        optimizer: builds the optimiser of encoder and generator at its peak rate.
        discriminator_optimizer: likewise of the discriminator.
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

    def __init__(
        self,
        *,
        encoder: nn.Module,
        generator: nn.Module,
        discriminator: nn.Module,
        parser: FaceParser | None,
        optimizer: OptimizerFactory,
        discriminator_optimizer: OptimizerFactory,
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
        self.average = copy.deepcopy(self.generator).requires_grad_(False).eval()
        self.parser = parser
        self.squared_weight = squared_weight
        self.gradient_scales, self.detail_window = gradient_scales, detail_window
        self.reconstruction_steps = reconstruction_steps
        self.ema_decay = ema_decay
        self.edge = edge
        self.register_buffer("region_weights", torch.tensor(region_weights), persistent=False)

    def render(self, nets: nn.ModuleDict, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Paints the targets with the references' codes.

        Args:
            nets: encoder and generator, `self.generator` or `self.average`.
            batch: see `datamodules.reference_pairs.ReferencePair`.

        Returns:
            Images, `(B, 3, H, W)`, and the targets' masks, `(B, K, H, W)`.
        """
        reference_masks, masks = (one_hot(batch[name]) for name in ("reference_labels", "target_labels"))
        return nets["generator"](masks, nets["encoder"](batch["reference"], reference_masks)), masks

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
        if self.step >= self.reconstruction_steps:
            gan_losses = generator_losses(self.discriminator, truth, image, masks)
            terms |= {"adversarial": gan_losses.adversarial, "matching": gan_losses.matching}
            if self.parser and self.loss_weights["parsing"] > 0:
                terms["parsing"] = feature_loss(self.parser.features, image, truth)
            terms["detail"] = detail_loss(image, truth, self.detail_window, self.gradient_scales)
        return terms

    def training_step(self, batch: Mapping[str, Tensor], batch_idx: int) -> None:
        truth, step = batch["target"], int(self.step)
        image, masks = self.render(self.generator, batch)
        if step >= self.reconstruction_steps:
            self.update_discriminator(discriminator_loss(self.discriminator, truth, image, masks))
        self.update_generator(self.loss_terms(image, truth, masks))
        if self.is_last_part:
            self._update_average(step)

    @torch.no_grad()
    def _update_average(self, step: int) -> None:
        """Moves the averaged weights towards the trained ones."""
        # early weights are forgotten faster, else the average would carry the random start along
        decay = min(self.ema_decay, (1 + step) / (10 + step))
        for mean, weight in zip(self.average.parameters(), self.generator.parameters(), strict=True):
            mean.lerp_(weight, 1.0 - decay)

    def validation_step(self, batch: Mapping[str, Tensor], batch_idx: int) -> None:
        image, _ = self.render(self.average, batch)
        truth = batch["target"]
        composite_image = composite(image, truth, is_background(batch["target_labels"]), self.edge)
        values = {"val/psnr": psnr(image, truth), "val/psnr_composited": psnr(composite_image, truth)}
        self.log_dict(values, sync_dist=True)
