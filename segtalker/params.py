"""The typed form of `params.yaml`, with the active experiment's overrides merged in."""

import hashlib
import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML, YAMLError

from segtalker.errors import BadInputError
from segtalker.regions import REGIONS

PARAMS_FILE = "params.yaml"
EXPERIMENT_FILE = "experiment.yaml"

Stage = Literal[
    "download", "crop", "train_parser", "parse", "split", "train_sync", "train_tsg", "train_sgi", "generate",
    "evaluate", "tables",
]  # fmt: skip
STAGES: tuple[Stage, ...] = get_args(Stage)

# what each stage reads; dvc.yaml says the same in files
STAGE_INPUTS: dict[Stage, tuple[Stage, ...]] = {
    "download": (),
    "crop": ("download",),
    "train_parser": ("crop",),
    "parse": ("crop", "train_parser"),
    "split": ("parse",),
    "train_sync": ("crop", "parse", "split"),
    "train_tsg": ("crop", "parse", "split", "train_sync"),
    "train_sgi": ("crop", "parse", "split", "train_parser"),
    "generate": ("crop", "parse", "split", "train_parser", "train_tsg", "train_sgi"),
    "evaluate": ("crop", "parse", "split", "train_parser", "train_sync", "generate"),
    "tables": (
        "crop",
        "parse",
        "split",
        "train_parser",
        "train_sync",
        "train_tsg",
        "train_sgi",
        "generate",
        "evaluate",
    ),
}


class Section(BaseModel):
    """A part of the params: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Active(Section):
    """What runs: names folders of data, models and results."""

    experiment: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    dataset: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")


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


class MouthBoxSize(Section):
    """The lower-face box, see `segtalker.mouth_box`."""

    height: int = Field(ge=16, multiple_of=8)
    width: int = Field(ge=16, multiple_of=8)
    smooth_frames: int = Field(ge=1)


class Base(Section):
    """What every stage shares."""

    seed: int = Field(ge=0)
    image_size: int = Field(ge=32)
    fps: int = Field(gt=0)
    sample_rate_hz: int = Field(gt=0)
    mel: Mel
    window_frames: int = Field(gt=0)
    mel_window: int = Field(gt=0)
    mouth_box: MouthBoxSize
    workers: int = Field(ge=0)
    devices: Literal["auto"] | int
    num_nodes: int = Field(ge=1)
    precision: str
    max_failed_fraction: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _check(self) -> "Base":
        if self.image_size % 32:
            raise ValueError(f"image_size {self.image_size} must be a multiple of 32")
        if self.mel.f_max_hz > self.sample_rate_hz / 2:
            raise ValueError(
                f"mel.f_max_hz {self.mel.f_max_hz} lies above half of sample_rate_hz {self.sample_rate_hz}"
            )
        return self


class Synthetic(Section):
    """The embedded dataset."""

    train_subjects: int = Field(ge=1)
    val_subjects: int = Field(ge=1)
    test_subjects: int = Field(ge=1)
    clips_per_subject: int = Field(ge=1)
    seconds: float = Field(gt=0.5)
    height: int = Field(ge=64)
    width: int = Field(ge=64)


class Folder(Section):
    """The user's own videos."""

    root: str
    include: tuple[str, ...]
    subject: Literal["file", "folder"]
    people: dict[str, tuple[str, ...]]


class Download(Section):
    """Where clips come from."""

    source: Literal["synthetic", "folder"]
    synthetic: Synthetic
    folder: Folder


class Crop(Section):
    """Face detection and cropping."""

    detector: Literal["annotations", "face_alignment", "mediapipe"]
    weights: str
    decoder: Literal["decord", "pyav"]
    margin: float = Field(ge=0, le=2)
    lift: float = Field(ge=-1, le=1)
    detect_every: int = Field(ge=1)
    max_lost_frames: int = Field(ge=0)
    smooth_frames: int = Field(ge=1)
    follow_frames: int = Field(ge=1)
    min_seconds: float = Field(ge=0)
    max_seconds: float = Field(ge=0)


class Training(Section):
    """What every training stage has."""

    batch_size: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    log_every: int = Field(ge=1)
    checkpoint_every: int = Field(ge=1)


class ImageChanges(Section):
    """How far images are changed in training, see `datamodules.augment`."""

    flip: float = Field(ge=0, le=1)
    rotation_deg: float = Field(ge=0, le=180)
    scale: float = Field(ge=0, le=1)
    shift: float = Field(ge=0, le=1)
    colour: float = Field(ge=0, le=1)
    blur: float = Field(ge=0, le=1)


class TrainParser(Training):
    """The face parser."""

    labels: Literal["clips", "pairs"]
    pairs_root: str
    pairs_order: Literal["celebamask_hq", "bisenet", "regions"]
    held_out: float = Field(gt=0, lt=1)
    channels: int = Field(ge=1)
    multipliers: tuple[int, ...] = Field(min_length=2)
    steps: int = Field(ge=1)
    weight_decay: float = Field(ge=0)
    warmup_steps: int = Field(ge=0)
    balance: float = Field(ge=0, le=1)
    dice_weight: float = Field(ge=0)
    augmentation: ImageChanges
    validation_frames: int = Field(ge=1)
    loader_workers: int = Field(ge=0)


class Parse(Section):
    """Applying a parser to every clip."""

    backend: Literal["trained", "bisenet"]
    weights: str
    batch_size: int = Field(ge=1)


class Split(Section):
    """Train, validation and test subjects."""

    strategy: Literal["source", "subjects"]
    val_fraction: float = Field(ge=0, lt=1)
    test_fraction: float = Field(ge=0, lt=1)


class SpeechChanges(Section):
    """How far speech is changed in training, see `datamodules.speech_augmentation`."""

    vocal_tract: float = Field(ge=0, lt=1)
    gain: float = Field(ge=0)
    tilt: float = Field(ge=0)
    noise: float = Field(ge=0)


class Expert(Section):
    """One sync expert."""

    steps: int = Field(ge=1)
    channels: tuple[int, ...] = Field(min_length=1)
    audio_channels: tuple[int, ...] = Field(min_length=1)


class MouthTraining(Training):
    """What the stages that learn from mouth boxes and speech share."""

    blocks: int = Field(ge=0)
    jitter: int = Field(ge=0)
    speech_augmentation: SpeechChanges
    eval_batch_size: int = Field(ge=1)
    warmup_steps: int = Field(ge=0)
    weight_decay: float = Field(ge=0)
    cache_mib: int = Field(ge=0)
    loader_workers: int = Field(ge=0)


class TrainSync(MouthTraining):
    """The sync experts of the image and the mask domain."""

    mask_expert: Expert
    image_expert: Expert
    embedding: int = Field(ge=2)
    loss: Literal["contrast", "bce"]
    temperature: float = Field(gt=0)
    windows_per_clip: int = Field(ge=2)
    span_frames: int = Field(ge=2)
    colour: float = Field(ge=0, lt=1)
    max_shift: int = Field(ge=1)
    piece_frames: int = Field(ge=1)
    piece_stride: int = Field(ge=1)
    tolerance: int = Field(ge=0)


class TrainTsg(MouthTraining):
    """Talking segmentation generation."""

    steps: int = Field(ge=1)
    channels: tuple[int, ...] = Field(min_length=1)
    decoder_channels: tuple[int, ...] = Field(min_length=1)
    audio_channels: tuple[int, ...] = Field(min_length=1)
    speech: int = Field(ge=1)
    mel_columns: int = Field(ge=1)
    balance: float = Field(ge=0, le=1)
    sync_weight: float = Field(ge=0)
    stride: int = Field(ge=1)

    @model_validator(mode="after")
    def _check(self) -> "TrainTsg":
        if len(self.channels) != len(self.decoder_channels):
            raise ValueError("channels and decoder_channels must have the same number of levels")
        return self


class RegionCode(Section):
    """The code of a region."""

    style: int = Field(ge=1)
    texture: int = Field(ge=1)

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
    """The mask-guided encoder."""

    channels: Pyramid
    taps: tuple[int, ...] = Field(min_length=1)
    present_share: float = Field(ge=0, lt=1)

    @model_validator(mode="after")
    def _check(self) -> "SgiEncoder":
        if missing := sorted(set(self.taps) - set(self.channels)):
            raise ValueError(f"taps {missing} are no resolutions of channels")
        return self


class SgiGenerator(Section):
    """The mask-guided generator."""

    channels: Pyramid
    masked_up_to: int = Field(ge=1)
    mapping_layers: int = Field(ge=0)


class SgiDiscriminator(Section):
    """The patch discriminator."""

    channels: tuple[int, ...] = Field(min_length=1)
    learning_rate: float = Field(gt=0)


class SgiWeights(Section):
    """Weights of the renderer's losses."""

    pixel: float = Field(ge=0)
    gradient: float = Field(ge=0)
    gradient_scales: int = Field(ge=1)
    parsing: float = Field(ge=0)
    adversarial: float = Field(ge=0)
    matching: float = Field(ge=0)
    regions: dict[str, float]

    @model_validator(mode="after")
    def _check(self) -> "SgiWeights":
        if set(self.regions) != set(REGIONS):
            raise ValueError(f"regions must name each of {', '.join(REGIONS)}")
        return self


class TrainSgi(Training):
    """Segmentation-guided GAN injection."""

    code: RegionCode
    encoder: SgiEncoder
    generator: SgiGenerator
    discriminator: SgiDiscriminator
    weights: SgiWeights
    reference_candidates: int = Field(ge=1)
    same_frame: float = Field(ge=0, le=1)
    augmentation: ImageChanges
    movement: ImageChanges
    reconstruction_steps: int = Field(ge=1)
    adversarial_steps: int = Field(ge=0)
    warmup_steps: int = Field(ge=0)
    ema_decay: float = Field(ge=0, lt=1)
    edge: int = Field(ge=0)
    validation_frames: int = Field(ge=1)
    loader_workers: int = Field(ge=0)


class Edits(Section):
    """The edit strip, see `segtalker.edit_strip`."""

    clips: int = Field(ge=0)
    frames: int = Field(ge=1)
    background: str = Field(pattern=r"^#[0-9a-fA-F]{6}$")


class Generate(Section):
    """Videos of the test clips by every method and control."""

    methods: tuple[Literal["segtalker", "static", "shuffled_audio", "sgi_oracle_mask"], ...]
    max_clips: int = Field(ge=0)
    batch_size: int = Field(ge=1)
    crf: int = Field(ge=0, le=51)
    edits: Edits
    samples: int = Field(ge=0)


class Evaluate(Section):
    """Metrics."""

    reference_masks: Literal["truth", "parsed"]
    batch_size: int = Field(ge=2)
    lpips_weights: str
    lpips_heads: str
    fid_weights: str
    syncnet_weights: str
    identity_weights: str


class Tables(Section):
    """Tables, figures and the report page."""

    headline: tuple[str, ...]
    key_metrics: tuple[str, ...]
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


class Params(Section):
    """All of it."""

    active: Active
    base: Base
    download: Download
    crop: Crop
    train_parser: TrainParser
    parse: Parse
    split: Split
    train_sync: TrainSync
    train_tsg: TrainTsg
    train_sgi: TrainSgi
    generate: Generate
    evaluate: Evaluate
    tables: Tables

    @model_validator(mode="after")
    def _check(self) -> "Params":
        size = self.base.image_size
        for name, channels in (
            ("train_sgi.encoder", self.train_sgi.encoder.channels),
            ("train_sgi.generator", self.train_sgi.generator.channels),
        ):
            if size % max(channels):
                raise ValueError(
                    f"{name}.channels end at {max(channels)}, which does not divide base.image_size {size}"
                )
        if size % 2 ** len(self.train_parser.multipliers):
            raise ValueError(f"train_parser.multipliers are too many for base.image_size {size}")
        return self


def read_yaml(path: Path) -> dict[str, Any]:
    """Reads a mapping from YAML.

    Raises:
        BadInputError: missing, unreadable or not a mapping.
    """
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read ({error.strerror})") from error
    except (YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise BadInputError(f"{path}: not valid YAML ({reason})") from error
    if not isinstance(content, dict):
        raise BadInputError(f"{path}: expected a mapping of keys to values")
    return content


def merge(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the leaves of `overrides` laid over it; neither is changed."""
    merged = dict(base)
    for key, value in overrides.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def parse_params(content: Mapping[str, Any], origin: str) -> Params:
    """Validates merged params.

    Raises:
        BadInputError: the first wrong key, with what is wrong, on one line.
    """
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BadInputError(f"{origin}: {key}: {first['msg']}") from error


def load_params(root: Path = Path()) -> Params:
    """Reads `params.yaml` under `root` with `experiment.yaml` laid over it."""
    files = [root / PARAMS_FILE, root / EXPERIMENT_FILE]
    content = merge(read_yaml(files[0]), read_yaml(files[1]))
    return parse_params(content, f"{PARAMS_FILE} with {EXPERIMENT_FILE}")


def params_hash(content: BaseModel | Mapping[str, Any]) -> str:
    """Hash of validated params, independent of key order: 64 hex digits."""
    plain = content.model_dump(mode="json") if isinstance(content, BaseModel) else content
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
