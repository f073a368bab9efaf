"""The sections of the params that lead from recordings to clips."""

from typing import Literal

from pydantic import Field, model_validator

from segtalker.config.base import Section

Source = Literal["synthetic", "folder", "hdtf", "mead"]
SYNTHETIC: Source = "synthetic"  # rendered: who is who is known, and nothing lies outside of the project


class Synthetic(Section):
    """The embedded dataset."""

    train_subjects: int = Field(ge=0)
    val_subjects: int = Field(ge=0)
    test_subjects: int = Field(ge=0)
    clips_per_subject: int = Field(ge=1)
    seconds: float = Field(gt=0.5)
    test_clips_per_subject: int = Field(ge=1)
    test_seconds: float = Field(gt=0.5)
    height: int = Field(ge=64)
    width: int = Field(ge=64)

    @property
    def subjects(self) -> dict[str, int]:
        """How many people each split has."""
        return {"train": self.train_subjects, "val": self.val_subjects, "test": self.test_subjects}

    def clips_of(self, split: str) -> int:
        """How many clips a person of a split has."""
        return self.test_clips_per_subject if split == "test" else self.clips_per_subject

    def seconds_of(self, split: str) -> float:
        """How long a clip of a split is."""
        return self.test_seconds if split == "test" else self.seconds


class Folder(Section):
    """The user's own videos."""

    root: str
    include: tuple[str, ...]
    subject: Literal["file", "folder", "identity"]
    people: dict[str, tuple[str, ...]]
    splits: dict[Literal["train", "val", "test"], tuple[str, ...]]


class Hdtf(Section):
    """HDTF (Zhang et al., CVPR 2021): published lists, videos from the web."""

    root: str
    clips: str
    lists_url: str
    include: tuple[str, ...]
    split: Literal["subjects", "published"]
    cookies: str
    rate_limit_mib: float = Field(ge=0)
    pause_s: tuple[float, float]
    retries: int = Field(ge=0)
    retry_missing: bool


class Mead(Section):
    """MEAD (Wang et al., ECCV 2020) as it is distributed."""

    root: str
    unpack_to: str
    actors: tuple[str, ...]
    views: tuple[str, ...]
    emotions: tuple[str, ...]
    levels: tuple[int, ...]
    split: Literal["subjects", "published"]
    max_gib: float = Field(gt=0)


class Download(Section):
    """Where clips come from."""

    sources: tuple[Source, ...] = Field(min_length=1)
    synthetic: Synthetic
    folder: Folder
    hdtf: Hdtf
    mead: Mead

    @model_validator(mode="after")
    def _check(self) -> "Download":
        if len(set(self.sources)) < len(self.sources):
            raise ValueError(f"sources {', '.join(self.sources)} names one twice")
        subjects = self.synthetic.subjects
        if self.sources == (SYNTHETIC,) and (empty := [split for split in subjects if not subjects[split]]):
            raise ValueError(f"synthetic.{empty[0]}_subjects is 0, and no other of sources brings that split")
        if SYNTHETIC in self.sources and not any(subjects.values()):
            raise ValueError("synthetic has no subjects: leave it out of sources")
        return self


class Cut(Section):
    """Recordings to stretches with one talking face, see `segtalker.preprocessing`."""

    mode: Literal["whole", "talking"]
    face: Literal["talking", "largest"]
    look_s: float = Field(gt=0)
    scene_threshold: float = Field(gt=0)
    max_lost_s: float = Field(ge=0)
    silence_db: float = Field(lt=0)
    max_silence_s: float = Field(gt=0)
    min_seconds: float = Field(ge=0)
    max_seconds: float = Field(ge=0)


class Crop(Section):
    """Face detection and cropping."""

    detector: Literal["annotations", "face_alignment", "mediapipe"]
    annotated: bool
    weights: str
    decoder: Literal["decord", "pyav"]
    published: bool
    margin: float = Field(ge=0, le=2)
    lift: float = Field(ge=-1, le=1)
    detect_every: int = Field(ge=1)
    max_lost_frames: int = Field(ge=0)
    smooth_frames: int = Field(ge=1)
    follow_frames: int = Field(ge=1)
    min_seconds: float = Field(ge=0)
    max_seconds: float = Field(ge=0)
    lossless: Literal["none", "test", "all"]


class CertainOffsets(Section):
    """Confidence from which an offset is taken to be one, on the scale of each expert."""

    trained: float = Field(ge=0)
    syncnet: float = Field(ge=0)


class GateSync(Section):
    """Whether a clip's sound is in time."""

    expert: Literal["none", "trained", "syncnet"]
    weights: str
    max_shift: int = Field(ge=1)
    max_offset: int = Field(ge=0)
    min_confidence: float = Field(ge=0)
    certain: CertainOffsets
    batch_size: int = Field(ge=1)

    def is_certain(self, confidence: float) -> bool:
        """Whether an offset of this confidence counts."""
        return self.expert != "none" and confidence >= getattr(self.certain, self.expert)


class Gate(Section):
    """What a clip must be like, see `segtalker.gate`."""

    max_cuts: int = Field(ge=0)
    scene_threshold: float = Field(gt=0)
    min_face_px: float = Field(ge=0)
    min_sharpness: float = Field(ge=0)
    max_yaw_deg: float = Field(gt=0, le=180)
    max_pitch_deg: float = Field(gt=0, le=180)
    samples: int = Field(ge=1)
    sync: GateSync
    identity_weights: str
    identity_distance: float = Field(gt=0, lt=2)
    sheet_clips: int = Field(ge=1)
    sheet_px: int = Field(ge=16)


class Parse(Section):
    """Applying a parser to every clip."""

    backend: Literal["trained", "bisenet"]
    weights: str
    precision: Literal["32-true", "bf16-true"]
    batch_size: int = Field(ge=1)
    smooth_frames: int = Field(ge=1)
    smooth_sigma: float = Field(gt=0)

    @model_validator(mode="after")
    def _check(self) -> "Parse":
        if self.smooth_frames % 2 == 0:
            raise ValueError(f"smooth_frames {self.smooth_frames} must be odd: as many frames before as after")
        return self


class Split(Section):
    """Who trains, validates and tests."""

    strategy: Literal["source", "subjects", "time"]
    shared_subjects: bool
    val_fraction: float = Field(ge=0, lt=1)
    test_fraction: float = Field(ge=0, lt=1)

    @model_validator(mode="after")
    def _check(self) -> "Split":
        if self.val_fraction + self.test_fraction >= 1:
            raise ValueError("val_fraction and test_fraction add up to 1 or more: none are left to train on")
        if self.strategy == "time" and not self.shared_subjects:
            raise ValueError("strategy time puts everybody on every side; say so: set shared_subjects to true")
        return self
