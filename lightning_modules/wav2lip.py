"""Training of the baseline Wav2Lip.

Shapes: B windows, T frames of a window, S px side of the face box, M mel bins, N mel steps; faces in [0, 1].
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from lightning_modules.adversarial import AdversarialModule
from lightning_modules.training import OptimizerFactory
from segtalker.faces.mouth_box import mouth_area, mouth_of_face
from segtalker.losses.adversarial import discriminator_loss, generator_losses
from segtalker.losses.reconstruction import pixel_loss, psnr
from segtalker.losses.sync import sync_loss
from segtalker.nets.sync import SyncExpert
from segtalker.nets.wav2lip import Wav2LipGenerator, net_input


class Wav2LipModule(AdversarialModule):
    """Difference of pixels, sync in the image domain, and a discriminator of the lower half.

    The published discriminator sees the lower half at one scale and scores it as a whole; here it scores patches,
    without looking at masks (`PatchDiscriminator` of no region). Validation runs each batch again with its speech
    handed to other windows, as that of `TsgModule`.

    Args:
        net: the generator.
        discriminator: of the lower half.
        expert: image-domain expert, frozen here.
        optimizer: builds the optimiser of the generator at its peak rate.
        discriminator_optimizer: likewise of the discriminator.
        loss_weights: of the terms in `loss_terms`, by name; what weighs nothing is not computed.
        squared_weight: see `pixel_loss`.
        mouth_weight: weight of pixels where the mouth may be, others count 1.
        sync_from_step: before it the faces are too poor for the expert's word to mean anything.
        adversarial_from_step: the discriminator learns, and judges, from there on.
        steps: the budget the rate decays over.
        warmup_steps: steps of rising rate.
        mouth_size: height and width of the mouth box that the expert sees, px.
    """

    generator: Wav2LipGenerator
    expert: SyncExpert
    pixel_weights: Tensor

    def __init__(
        self,
        net: Wav2LipGenerator,
        *,
        discriminator: nn.Module,
        expert: SyncExpert,
        optimizer: OptimizerFactory,
        discriminator_optimizer: OptimizerFactory,
        loss_weights: Mapping[str, float],
        squared_weight: float,
        mouth_weight: float,
        sync_from_step: int,
        adversarial_from_step: int,
        steps: int,
        warmup_steps: int,
        mouth_size: tuple[int, int],
    ) -> None:
        super().__init__(
            # colours side by side in memory: on the CPU a tenth to a sixth off each step
            generator=net.to(memory_format=torch.channels_last),
            discriminator=discriminator,
            optimizer=optimizer,
            discriminator_optimizer=discriminator_optimizer,
            loss_weights=loss_weights,
            steps=steps,
            warmup_steps=warmup_steps,
        )
        # past nn.Module's registration: training mode and checkpoints leave it alone
        self.__dict__["expert"] = expert.requires_grad_(False).eval()
        self.squared_weight = squared_weight
        self.sync_from_step, self.adversarial_from_step = sync_from_step, adversarial_from_step
        self.mouth_size = mouth_size
        pixel_weights = 1.0 + (mouth_weight - 1.0) * mouth_area(net.size)
        self.register_buffer("pixel_weights", pixel_weights[None], persistent=False)

    def on_fit_start(self) -> None:
        self.expert.to(self.device)

    def predict(self, faces: Tensor, reference: Tensor, speech: Tensor) -> Tensor:
        """Paints faces.

        Args:
            faces: see `FaceSample`, in `unit_range`, `(B, T, 3, S, S)`; their lower half is not read.
            reference: likewise.
            speech: mel window around each frame, `(B, T, M, N)`, float32.

        Returns:
            `(B, T, 3, S, S)` in [0, 1].
        """
        visible = net_input(faces.flatten(0, 1), reference.flatten(0, 1))  # (B*T, 6, S, S)
        return self.generator(visible, speech.flatten(0, 1)).unflatten(0, faces.shape[:2])

    def _sync_loss(self, faces: Tensor, speech: Tensor) -> Tensor:
        mouths = mouth_of_face(faces.flatten(0, 1), self.mouth_size).unflatten(0, faces.shape[:2])
        return sync_loss(self.expert.embed_frames(mouths * 2.0 - 1.0), self.expert.embed_audio(speech))

    def _counts(self, name: str, from_step: int) -> bool:
        """Whether a loss has a weight and its time has come."""
        return self.loss_weights[name] > 0 and int(self.step) >= from_step

    def loss_terms(self, faces: Tensor, truth: Tensor, sync_speech: Tensor) -> dict[str, Tensor]:
        """Every loss of the present step, unweighted.

        Args:
            faces: painted, `(B, T, 3, S, S)` in [0, 1].
            truth: what they should be, likewise.
            sync_speech: the expert's mel window, `(B, M, N')`.

        Returns:
            Scalars by the name of their weight.
        """
        flat_faces, true_faces = faces.flatten(0, 1), truth.flatten(0, 1)  # (B*T, 3, S, S)
        pixel_weights = self.pixel_weights.expand(len(flat_faces), -1, -1, -1)
        terms = {"pixel": pixel_loss(flat_faces, true_faces, pixel_weights, self.squared_weight)}
        if self._counts("sync", self.sync_from_step):
            terms["sync"] = self._sync_loss(faces, sync_speech)
        if self._counts("adversarial", self.adversarial_from_step):
            real, fake = lower_half(truth), lower_half(faces)
            terms["adversarial"] = generator_losses(
                self.discriminator, real, fake, no_masks(real), "hinge", matches=True
            ).adversarial
        return terms

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor, Tensor], batch_idx: int) -> None:
        uint8_faces, reference, speech, sync_speech = batch
        truth = unit_range(uint8_faces)
        faces = self.predict(truth, unit_range(reference), speech)
        if self._counts("adversarial", self.adversarial_from_step):
            real, fake = lower_half(truth), lower_half(faces)
            self.update_discriminator(discriminator_loss(self.discriminator, real, fake, no_masks(real), "hinge"))
        self.update_generator(self.loss_terms(faces, truth, sync_speech))

    def validation_step(self, batch: tuple[Tensor, Tensor, Tensor, Tensor], batch_idx: int) -> None:
        uint8_faces, reference, speech, sync_speech = batch
        truth = unit_range(uint8_faces)
        # speech of other windows: a network that does not listen scores the same twice
        for prefix, input_speech in (("val/", speech), ("val/shuffled_", speech.roll(len(speech) // 2, dims=0))):
            faces = self.predict(truth, unit_range(reference), input_speech)
            mouth_psnr = psnr(lower_half(faces), lower_half(truth))
            values = {"mouth_psnr": mouth_psnr, "sync": self._sync_loss(faces, sync_speech)}
            self.log_dict({prefix + name: value for name, value in values.items()}, sync_dist=True)


def unit_range(images: Tensor) -> Tensor:
    """RGB `(..., S, S, 3)` uint8 as `(..., 3, S, S)`, float32 in [0, 1]."""
    return images.movedim(-1, -3).float() / 255.0


def lower_half(faces: Tensor) -> Tensor:
    """What the network has to invent: `(B, T, 3, S, S)` in [0, 1] to `(B * T, 3, S / 2, S)` in [-1, 1]."""
    return faces[..., faces.shape[-2] // 2 :, :].flatten(0, 1) * 2.0 - 1.0


def no_masks(images: Tensor) -> Tensor:
    """Masks of no region for images `(N, 3, H, W)`: `(N, 0, H, W)`."""
    return images[:, :0]
