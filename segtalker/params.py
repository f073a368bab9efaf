"""The typed form of `params.yaml`, with the active experiment's overrides merged in."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field, ValidationError, model_validator
from ruamel.yaml import YAML, YAMLError

from segtalker.data_params import Crop, Cut, Download, Gate
from segtalker.errors import BadInputError
from segtalker.training_params import (
    Section,
    Training,
    TrainParser,
    TrainSgi,
    TrainSync,
    TrainTsg,
    TrainWav2Lip,
)

PARAMS_FILE = "params.yaml"
EXPERIMENT_FILE = "experiment.yaml"

Stage = Literal[
    "download", "cut", "crop", "gate", "train_parser", "parse", "split", "train_sync", "train_tsg", "train_sgi",
    "train_wav2lip", "generate", "evaluate", "tables",
]  # fmt: skip
STAGES: tuple[Stage, ...] = get_args(Stage)

# what each stage reads; dvc.yaml says the same in files
STAGE_INPUTS: dict[Stage, tuple[Stage, ...]] = {
    "download": (),
    "cut": ("download",),
    "crop": ("cut",),
    "gate": ("crop",),
    "train_parser": ("crop", "gate"),
    "parse": ("crop", "gate", "train_parser"),
    "split": ("parse",),
    "train_sync": ("crop", "gate", "parse", "split"),
    "train_tsg": ("crop", "gate", "parse", "split", "train_sync"),
    "train_sgi": ("crop", "gate", "parse", "split", "train_parser"),
    "train_wav2lip": ("crop", "gate", "parse", "split", "train_sync"),
    "generate": ("crop", "gate", "parse", "split", "train_parser", "train_tsg", "train_sgi", "train_wav2lip"),
    "evaluate": ("crop", "gate", "parse", "split", "train_parser", "train_sync", "generate"),
    "tables": (
        "crop",
        "gate",
        "parse",
        "split",
        "train_parser",
        "train_sync",
        "train_tsg",
        "train_sgi",
        "train_wav2lip",
        "generate",
        "evaluate",
    ),
}


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


class Machine(Section):
    """Where and how fast work is done, which neither DVC nor signatures count.

    Processes change no result. Several devices do, for each draws samples of its own.
    """

    runner: Literal["local", "dask"]
    scheduler: str
    workers: int = Field(ge=0)
    buffer_mib: int = Field(ge=0)
    devices: Literal["auto"] | int
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
    """Train, validation and test subjects."""

    strategy: Literal["source", "subjects"]
    shared_subjects: bool
    val_fraction: float = Field(ge=0, lt=1)
    test_fraction: float = Field(ge=0, lt=1)


class Edits(Section):
    """The edit strip, see `segtalker.edit_strip`."""

    clips: int = Field(ge=0)
    frames: int = Field(ge=1)
    background: str = Field(pattern=r"^#[0-9a-fA-F]{6}$")


class Generate(Section):
    """Videos of the test clips by every method and control."""

    methods: tuple[Literal["segtalker", "wav2lip", "static", "shuffled_audio", "silent_audio", "sgi_oracle_mask"], ...]
    max_clips: int = Field(ge=0)
    batch_size: int = Field(ge=1)
    crf: int = Field(ge=0, le=51)
    edits: Edits
    samples: int = Field(ge=0)


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


class Params(Section):
    """All of it."""

    active: Active
    machine: Machine
    base: Base
    training: Training
    download: Download
    cut: Cut
    crop: Crop
    gate: Gate
    train_parser: TrainParser
    parse: Parse
    split: Split
    train_sync: TrainSync
    train_tsg: TrainTsg
    train_sgi: TrainSgi
    train_wav2lip: TrainWav2Lip
    generate: Generate
    evaluate: Evaluate
    tables: Tables

    @model_validator(mode="after")
    def _check_sizes(self) -> "Params":
        size = self.base.image_size
        for name, channels in (
            ("train_sgi.encoder", self.train_sgi.encoder.channels),
            ("train_sgi.generator", self.train_sgi.generator.channels),
        ):
            if size % max(channels):
                raise ValueError(
                    f"{name}.channels end at {max(channels)}, which does not divide base.image_size {size}"
                )
        if size % 2 ** len(self.train_parser.net.multipliers):
            raise ValueError(f"train_parser.net.multipliers are too many for base.image_size {size}")
        return self

    @model_validator(mode="after")
    def _check_frames(self) -> "Params":
        frames, window_frames = self.train_tsg.net.frames, self.base.window_frames
        if window_frames % frames:
            raise ValueError(f"train_tsg.net.frames {frames} must divide base.window_frames {window_frames}")
        return self

    @model_validator(mode="after")
    def _check_parser(self) -> "Params":
        untrained = self.train_parser.labels == "none" and self.parse.backend == "trained"
        if untrained and not self.train_parser.weights:
            raise ValueError(
                "train_parser.labels none needs train_parser.weights, a trained parser, or parse.backend bisenet"
            )
        return self

    @model_validator(mode="after")
    def _check_baseline(self) -> "Params":
        if "wav2lip" in self.generate.methods and not self.train_wav2lip.trained:
            raise ValueError("generate.methods names wav2lip, which needs train_wav2lip.trained")
        return self

    @model_validator(mode="after")
    def _check_budgets(self) -> "Params":
        parser, sync, tsg, sgi = self.train_parser, self.train_sync, self.train_tsg, self.train_sgi
        wav2lip = self.train_wav2lip
        budgets = {
            "train_parser.steps": (parser.steps, parser),
            "train_sync.mask_expert.steps": (sync.mask_expert.steps, sync),
            "train_sync.image_expert.steps": (sync.image_expert.steps, sync),
            "train_tsg.steps": (tsg.steps, tsg),
            "train_sgi.reconstruction_steps + adversarial_steps": (
                sgi.reconstruction_steps + sgi.adversarial_steps,
                sgi,
            ),
            "train_wav2lip.steps": (wav2lip.steps, wav2lip),
        }
        for name, (steps, stage) in budgets.items():
            if steps % stage.checkpoint_every:
                raise ValueError(f"{name} {steps} is no multiple of its checkpoint_every {stage.checkpoint_every}")
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
        keys = [".".join(str(part) for part in first["loc"])] if first["loc"] else []
        message = first["msg"].removeprefix("Value error, ")  # pydantic's words before ours
        raise BadInputError(": ".join([origin, *keys, message])) from error


def load_params(root: Path = Path()) -> Params:
    """Reads `params.yaml` under `root` with `experiment.yaml` laid over it."""
    files = [root / PARAMS_FILE, root / EXPERIMENT_FILE]
    content = merge(read_yaml(files[0]), read_yaml(files[1]))
    return parse_params(content, f"{PARAMS_FILE} with {EXPERIMENT_FILE}")


def params_hash(content: BaseModel | Mapping[str, Any]) -> str:
    """Hash of validated params, independent of key order: 64 hex digits."""
    plain = content.model_dump(mode="json") if isinstance(content, BaseModel) else content
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
