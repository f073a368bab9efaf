"""The renderer's section of the params."""

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from segtalker.config.base import Section
from segtalker.config.training import DatasetWeights, Discriminator, ImageChanges, LossWeights, TrainingStage
from segtalker.regions import REGIONS


class RegionCode(Section):
    """The code of a region, which encoder and generator share."""

    style: int = Field(ge=1)
    texture: int = Field(ge=0)
    hung_mouth: bool
    per_layer: bool

    @property
    def net(self) -> dict[str, Any]:
        """What both networks are made of."""
        return self.model_dump(include={"style", "texture", "hung_mouth"})

    @model_validator(mode="after")
    def _check(self) -> "RegionCode":
        if self.texture & (self.texture - 1):
            raise ValueError(f"texture {self.texture} must be a power of two")
        return self


def _check_pyramid(channels: dict[int, int]) -> dict[int, int]:
    sizes = sorted(channels)
    if not sizes or any(large != 2 * small for small, large in pairwise(sizes)):
        raise ValueError(f"resolutions {sizes} must double from one to the next")
    return channels


Pyramid = Annotated[dict[int, int], AfterValidator(_check_pyramid)]


class SgiEncoder(Section):
    """See `segtalker.nets.encoder.MaskGuidedEncoder` and `segtalker.nets.residual_encoder.ResidualEncoder`."""

    kind: Literal["plain", "residual"]
    channels: Pyramid
    units: tuple[Annotated[int, Field(ge=1)], ...]
    taps: tuple[int, ...] = Field(min_length=1)
    present_share: float = Field(ge=0, lt=1)
    mask_guided: bool
    lent_mouths: int = Field(ge=0)
    shut_below: float = Field(ge=0, lt=1)

    @model_validator(mode="after")
    def _check(self) -> "SgiEncoder":
        if self.lent_mouths and not self.mask_guided:
            raise ValueError("lent_mouths needs mask_guided: else no mouth is told from the rest")
        if missing := sorted(set(self.taps) - set(self.channels)):
            raise ValueError(f"taps {missing} are no resolutions of channels")
        if self.kind == "residual" and len(self.units) != len(self.channels) - 1:
            raise ValueError(f"units must name {len(self.channels) - 1} levels, one less than channels")
        return self

    @property
    def net(self) -> dict[str, Any]:
        """What the network is made of."""
        return self.model_dump(exclude={"kind"} if self.kind == "residual" else {"kind", "units"})


class StyleGan2Widths(Section):
    """Channels of StyleGAN2's levels, see `segtalker.nets.resampling.channels_at`."""

    channel_base: int = Field(ge=1)
    channel_max: int = Field(ge=1)


class SgiGenerator(Section):
    """See `segtalker.nets.generator.MaskGuidedGenerator` and `segtalker.nets.stylegan2_generator`."""

    kind: Literal["mask_guided", "stylegan2"]
    channels: Pyramid
    stylegan2: StyleGan2Widths
    weights: str
    masked_up_to: int = Field(ge=1)
    mapping_layers: int = Field(ge=0)
    detailed: tuple[str, ...]
    exact_borders: bool
    soft_edges: bool

    @model_validator(mode="after")
    def _check(self) -> "SgiGenerator":
        if len(self.channels) < 2:
            raise ValueError("channels needs two resolutions or more")
        if unknown := sorted(set(self.detailed) - set(REGIONS)):
            raise ValueError(f"detailed names {', '.join(unknown)}; the regions are {', '.join(REGIONS)}")
        if self.weights and self.kind != "stylegan2":
            raise ValueError("weights are of a StyleGAN2, and so need kind stylegan2")
        return self

    @property
    def net(self) -> dict[str, Any]:
        """What the network is made of."""
        if self.kind == "stylegan2":
            shared = self.model_dump(include={"masked_up_to", "mapping_layers", "exact_borders"})
            return shared | self.stylegan2.model_dump()
        return self.model_dump(exclude={"kind", "stylegan2", "weights"})


class SgiDiscriminator(Discriminator):
    """The renderer's discriminator: the patch discriminator, or `segtalker.nets.stylegan2_discriminator`."""

    kind: Literal["patch", "stylegan2"]
    masks: bool
    equalised: bool
    loss: Literal["hinge", "softplus"]
    r1: float = Field(ge=0)
    r1_every: int = Field(ge=1)
    stylegan2: StyleGan2Widths

    @model_validator(mode="after")
    def _normalised_once(self) -> "SgiDiscriminator":
        if self.kind == "patch" and self.spectral and self.equalised:
            raise ValueError("spectral normalisation and an equalised rate exclude each other; set one to false")
        return self


class PathLength(Section):
    """How lengths of paths are measured, see `lightning_modules.sgi.Smoothing`."""

    every: int = Field(ge=1)
    shrink: int = Field(ge=1)
    decay: float = Field(gt=0, le=1)


class TrainSgi(TrainingStage):
    """Segmentation-guided GAN injection."""

    data: Literal["clips", "pairs", "both"]
    pairs_sha256: str
    datasets: DatasetWeights
    code: RegionCode
    encoder: SgiEncoder
    generator: SgiGenerator
    equalised: bool
    discriminator: SgiDiscriminator
    path_length: PathLength
    loss_weights: LossWeights
    lpips_weights: str
    lpips_heads: str
    region_weights: dict[str, Annotated[float, Field(ge=0)]]
    squared_weight: float = Field(ge=0)
    gradient_scales: int = Field(ge=1)
    detail_window: int = Field(ge=2)
    reference_candidates: int = Field(ge=1)
    same_frame: float = Field(ge=0, le=1)
    mouth_change: float = Field(ge=0, le=2)
    hidden_mouth: float = Field(ge=0, le=1)
    augmentation: ImageChanges
    movement: ImageChanges
    reconstruction_steps: int = Field(ge=1)
    adversarial_steps: int = Field(ge=0)
    warmup_steps: int = Field(ge=0)
    ema_decay: float = Field(ge=0, lt=1)
    edge: int = Field(ge=0)
    validation_frames: int = Field(ge=1)

    @model_validator(mode="after")
    def _check(self) -> "TrainSgi":
        if self.loss_weights.get("lpips") and not (self.lpips_weights and self.lpips_heads):
            raise ValueError("loss_weights.lpips needs lpips_weights and lpips_heads, published files")
        if self.generator.kind == "stylegan2" and self.code.texture:
            raise ValueError("generator.kind stylegan2 paints no texture: set code.texture to 0")
        if set(self.region_weights) != set(REGIONS):
            raise ValueError(f"region_weights must name each of {', '.join(REGIONS)}")
        return self
