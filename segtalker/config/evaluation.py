"""Params of the stages `generate`, `evaluate` and `tables`."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from segtalker.config.base import Section


class Edits(Section):
    """The edit strip, see `segtalker.inference.edit_strip`."""

    clips: int = Field(ge=0)
    frames: int = Field(ge=1)
    background: str = Field(pattern=r"^#[0-9a-fA-F]{6}$")


Method = Literal[
    "segtalker", "segtalker_pasted", "wav2lip", "static", "shuffled_audio", "silent_audio", "sgi_oracle_mask"
]


class PoseReferences(Section):
    """See `segtalker.faces.head_pose.PoseReferences`."""

    most: int = Field(ge=1)
    step: float = Field(gt=0)
    reach: float = Field(gt=0)


class Generate(Section):
    """Videos of the test clips by every method and control."""

    methods: tuple[Method, ...]
    max_clips: int = Field(ge=0)
    batch_size: int = Field(ge=1)
    steady_window: int = Field(ge=1)
    pose_references: PoseReferences
    crf: int = Field(ge=0, le=51)
    mouth_fade: float = Field(gt=0)
    lip_reach: float = Field(gt=0)
    edits: Edits
    samples: int = Field(ge=0)

    @field_validator("steady_window")
    @classmethod
    def _odd(cls, frames: int) -> int:
        if frames % 2 == 0:
            raise ValueError(f"steady_window {frames} must be odd: as many frames before as after")
        return frames

    @model_validator(mode="after")
    def _check(self) -> "Generate":
        own = self.methods
        if "segtalker_pasted" in own and "segtalker" not in own[: own.index("segtalker_pasted")]:
            raise ValueError("methods must name segtalker before segtalker_pasted, which is made of its frames")
        return self


class Evaluate(Section):
    """Metrics."""

    reference_masks: Literal["truth", "parsed"]
    stand_ins: bool
    batch_size: int = Field(ge=2)
    lpips_weights: str
    lpips_heads: str
    fid_weights: str
    syncnet_weights: str
    identity_weights: str
    mediapipe_weights: str
    fan_weights: str


class Tables(Section):
    """Tables, figures and the report page."""

    headline: tuple[str, ...]
    key_metrics: tuple[str, ...]
    bootstrap_draws: int = Field(ge=100)
    confidence: float = Field(gt=0, lt=1)
    sample_clips: int = Field(ge=1)
    sample_seconds: float = Field(gt=0)
    video_size: int = Field(ge=32, multiple_of=2)
    video_crf: int = Field(ge=0, le=51)
    strip_columns: int = Field(ge=2)
    strip_cell: int = Field(ge=16)
    mouth_columns: int = Field(ge=2)
    mouth_stride: int = Field(ge=1)
    mouth_cell: int = Field(ge=16)
    edit_cell: int = Field(ge=16)
