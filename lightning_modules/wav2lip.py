"""Training of the baseline Wav2Lip."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from lightning_modules.training import warm_cosine
from segtalker.faces.mouth_box import mouth_area, mouth_of_face
from segtalker.losses.adversarial import discriminator_loss, generator_losses
from segtalker.losses.reconstruction import weighted_mean
from segtalker.losses.sync import sync_loss
from segtalker.nets.sync import SyncExpert
from segtalker.nets.wav2lip import Wav2LipGenerator, net_input

OptimizerFactory = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]


@dataclass(frozen=True)
class Wav2LipWeights:
    """Weights of the losses beside the absolute difference, which counts 1, and the step from which each counts.

    Args:
        squared: the squared difference: the absolute one asks for the median mouth, which is shut.
        mouth: how much more pixels where the mouth may be count than others, in both differences.
        sync: the image-domain expert's distance of the generated mouth from the speech.
        sync_from_step: before it the faces are too poor for the expert's word to mean anything.
        adversarial: the discriminator's score of the lower half.
        adversarial_from_step: the discriminator learns from there on too.
    """

    squared: float
    mouth: float
    sync: float
    sync_from_step: int
    adversarial: float
    adversarial_from_step: int


class Wav2LipModule(pl.LightningModule):
    """Difference of pixels, sync in the image domain, and a critic of the lower half.

    The published critic sees the lower half at one scale and scores it as a whole; here it scores patches, without
    looking at masks (`PatchDiscriminator` of no region). Validation runs each batch again with its speech handed to
    other windows, as that of `TsgModule`.

    Args:
        net: the generator.
        discriminator: the critic.
        expert: image-domain expert, frozen here.
        optimizer: builds the optimiser of the generator at its peak rate.
        discriminator_optimizer: likewise of the critic.
        weights: of the losses.
        steps: the budget the rate decays over.
        warmup_steps: steps of rising rate.
        mouth_size: height and width of the mouth box that the expert sees.
    """

    step: Tensor
    pixels: Tensor

    def __init__(
        self,
        net: Wav2LipGenerator,
        *,
        discriminator: nn.Module,
        expert: SyncExpert,
        optimizer: OptimizerFactory,
        discriminator_optimizer: OptimizerFactory,
        weights: Wav2LipWeights,
        steps: int,
        warmup_steps: int,
        mouth_size: tuple[int, int],
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.net = net
        self.discriminator = discriminator
        # in a tuple it is no submodule: training mode and checkpoints leave it alone
        self.frozen = (expert.requires_grad_(False).eval(),)
        self.make_optimizer = optimizer
        self.make_discriminator_optimizer = discriminator_optimizer
        self.weights = weights
        self.steps, self.warmup_steps = steps, warmup_steps
        self.mouth_size = mouth_size
        pixels = 1.0 + (weights.mouth - 1.0) * mouth_area(net.size)
        self.register_buffer("pixels", pixels[None], persistent=False)
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def on_fit_start(self) -> None:
        self.frozen[0].to(self.device)

    def predict(self, faces: Tensor, reference: Tensor, speech: Tensor) -> Tensor:
        """Painted faces, `(B, T, 3, S, S)` in [0, 1]; arguments as `unit_range` of those in `FaceSample`, batched."""
        seen = net_input(faces.flatten(0, 1), reference.flatten(0, 1))
        return self.net(seen, speech.flatten(0, 1)).unflatten(0, faces.shape[:2])

    def _difference(self, made: Tensor, truth: Tensor) -> Tensor:
        error = (made - truth).flatten(0, 1)
        return weighted_mean(
            error.abs() + self.weights.squared * error.square(), self.pixels.expand(len(error), -1, -1, -1)
        )

    def _sync_loss(self, made: Tensor, speech: Tensor) -> Tensor:
        expert = self.frozen[0]
        mouths = mouth_of_face(made.flatten(0, 1), self.mouth_size).unflatten(0, made.shape[:2])
        return sync_loss(expert.embed_frames(mouths * 2.0 - 1.0), expert.embed_audio(speech))

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor, Tensor], batch_idx: int) -> None:
        optimizer, discriminator_optimizer = cast(list[torch.optim.Optimizer], self.optimizers())
        faces, reference, speech, sync_speech = batch
        truth, step, weights = unit_range(faces), int(self.step), self.weights
        made = self.predict(truth, unit_range(reference), speech)
        losses = {"difference": self._difference(made, truth)}
        if weights.sync > 0 and step >= weights.sync_from_step:
            losses["sync"] = weights.sync * self._sync_loss(made, sync_speech)
        if weights.adversarial > 0 and step >= weights.adversarial_from_step:
            real, fake = lower_half(truth), lower_half(made)
            nothing = real[:, :0]
            judged = discriminator_loss(self.discriminator, real, fake, nothing)
            self._update(discriminator_optimizer, judged)
            self.log("train/discriminator", judged.detach())
            told = generator_losses(self.discriminator, real, fake, nothing)
            losses["adversarial"] = weights.adversarial * told.adversarial
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * warm_cosine(step, self.steps, self.warmup_steps)
        self._update(optimizer, torch.stack(list(losses.values())).sum())
        self.step.add_(1)
        self.log_dict({f"train/{name}": value.detach() for name, value in losses.items()})

    def _update(self, optimizer: Any, loss: Tensor) -> None:
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()

    def validation_step(self, batch: tuple[Tensor, Tensor, Tensor, Tensor], batch_idx: int) -> None:
        faces, reference, speech, sync_speech = batch
        truth = unit_range(faces)
        for prefix, heard in (("val/", speech), ("val/shuffled_", speech.roll(len(speech) // 2, dims=0))):
            made = self.predict(truth, unit_range(reference), heard)
            error = (lower_half(made) - lower_half(truth)) / 2.0
            noise = error.square().mean((1, 2, 3)).clamp_min(1e-10)
            values = {"mouth_psnr": -10.0 * noise.log10().mean(), "sync": self._sync_loss(made, sync_speech)}
            self.log_dict({prefix + name: value for name, value in values.items()}, sync_dist=True)

    def configure_optimizers(self) -> Any:
        optimizer = self.make_optimizer(self.net.parameters())
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        return [optimizer, self.make_discriminator_optimizer(self.discriminator.parameters())]


def unit_range(images: Tensor) -> Tensor:
    """RGB `(..., S, S, 3)` uint8 as `(..., 3, S, S)`, float32 in [0, 1]."""
    return images.movedim(-1, -3).float() / 255.0


def lower_half(faces: Tensor) -> Tensor:
    """What the network has to invent: `(B, T, 3, S, S)` in [0, 1] to `(B * T, 3, S / 2, S)` in [-1, 1]."""
    return faces[..., faces.shape[-2] // 2 :, :].flatten(0, 1) * 2.0 - 1.0
