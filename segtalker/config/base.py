"""Params that every stage shares."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from segtalker.utils.arithmetic import InstructionSet


class Section(BaseModel):
    """A part of the params: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Mel(Section):
    """Log-mel spectrogram, after Wav2Lip (arXiv 2008.10010)."""

    bins: int = Field(gt=0)
    n_fft: int = Field(gt=0)
    hop: int = Field(gt=0)
    window: int = Field(gt=0)
    f_min_hz: float = Field(ge=0)
    f_max_hz: float = Field(gt=0)
    pre_emphasis: float = Field(ge=0, lt=1)
    min_level_db: float
    ref_level_db: float
    max_abs: float = Field(gt=0)


class Machine(Section):
    """Where and how fast work is done, which neither DVC nor signatures count.

    How many processes train one network together does change results: `training.processes`.
    """

    runner: Literal["local", "dask"]
    scheduler: str
    workers: int = Field(ge=0)
    buffer_mib: int = Field(ge=0)
    num_nodes: int = Field(ge=1)
    loader_workers: int = Field(ge=0)
    cache_mib: int = Field(ge=0)
    log_every: int = Field(ge=1)

    @model_validator(mode="after")
    def _check(self) -> "Machine":
        if self.runner == "dask" and not self.scheduler:
            raise ValueError("scheduler must be the address of a Dask scheduler, such as tcp://HOST:8786")
        return self


class MouthBoxSize(Section):
    """The lower-face box, see `segtalker.faces.mouth_box`."""

    height: int = Field(ge=16, multiple_of=8)
    width: int = Field(ge=16, multiple_of=8)
    smooth_frames: int = Field(ge=1)


@dataclass(frozen=True)
class Clock:
    """How picture and sound run along each other, for all that brings frames and speech together.

    Args:
        fps: frames a second.
        sample_rate_hz: of the sound.
        mel_hop: samples from one mel column to the next.
        smooth_frames: over which the mouth box is steadied, see `segtalker.faces.mouth_box.box_transforms`.
    """

    fps: int
    sample_rate_hz: int
    mel_hop: int
    smooth_frames: int

    @property
    def mel_rate(self) -> Fraction:
        """Mel columns a second."""
        return Fraction(self.sample_rate_hz, self.mel_hop)


class Base(Section):
    """What every stage shares."""

    seed: int = Field(ge=0)
    instruction_set: InstructionSet
    image_size: int = Field(ge=32)
    fps: int = Field(gt=0)
    sample_rate_hz: int = Field(gt=0)
    mel: Mel
    window_frames: int = Field(gt=0)
    mel_window: int = Field(gt=0)
    mouth_box: MouthBoxSize
    max_failed_fraction: float = Field(ge=0, le=1)

    @property
    def clock(self) -> Clock:
        """How picture and sound of clips run along each other."""
        return Clock(self.fps, self.sample_rate_hz, self.mel.hop, self.mouth_box.smooth_frames)

    @model_validator(mode="after")
    def _check(self) -> "Base":
        if self.image_size % 32:
            raise ValueError(f"image_size {self.image_size} must be a multiple of 32")
        if self.mel.f_max_hz > self.sample_rate_hz / 2:
            raise ValueError(
                f"mel.f_max_hz {self.mel.f_max_hz} lies above half of sample_rate_hz {self.sample_rate_hz}"
            )
        return self
