"""The typed form of `params.yaml`, with the active experiment's overrides merged in."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError, model_validator
from ruamel.yaml import YAML, YAMLError

from segtalker.config.base import Base, Machine, Section
from segtalker.config.data import Crop, Cut, Download, Gate, Parse, Split
from segtalker.config.evaluation import Evaluate, Generate, Tables
from segtalker.config.renamed_keys import RENAMED_KEYS
from segtalker.config.sgi import TrainSgi
from segtalker.config.stages import STAGES, Stage
from segtalker.config.training import PAIRS, Training, TrainParser, TrainSync, TrainTsg, TrainWav2Lip
from segtalker.utils.errors import BadInputError

PARAMS_FILE = "params.yaml"
EXPERIMENT_FILE = "experiment.yaml"
CODE_FILE = "code.yaml"


class Active(Section):
    """What runs: names folders of data, models and results."""

    experiment: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    dataset: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")


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
        kinds = {"generator": self.train_sgi.generator.kind, "discriminator": self.train_sgi.discriminator.kind}
        for name, kind in kinds.items():
            if kind == "stylegan2" and size & (size - 1):
                raise ValueError(
                    f"train_sgi.{name}.kind stylegan2 halves images: base.image_size {size} must be a power of two"
                )
        smallest_size = size // 2 if self.train_parser.coarse_steps else size
        if smallest_size % 2 ** len(self.train_parser.net.multipliers):
            raise ValueError(f"train_parser.net.multipliers are too many for images of {smallest_size} px")
        return self

    @model_validator(mode="after")
    def _check_processes(self) -> "Params":
        processes, nodes = self.training.processes, self.machine.num_nodes
        if processes % nodes:
            raise ValueError(f"training.processes {processes} cannot be spread evenly over machine.num_nodes {nodes}")
        return self

    @model_validator(mode="after")
    def _check_frames(self) -> "Params":
        frames, window_frames = self.train_tsg.net.frames, self.base.window_frames
        if window_frames % frames:
            raise ValueError(f"train_tsg.net.frames {frames} must divide base.window_frames {window_frames}")
        return self

    @model_validator(mode="after")
    def _check_parser(self) -> "Params":
        needs_weights = self.train_parser.labels == "none" and self.parse.backend == "trained"
        if needs_weights and not self.train_parser.weights:
            raise ValueError(
                "train_parser.labels none needs train_parser.weights, a trained parser, or parse.backend bisenet"
            )
        return self

    @model_validator(mode="after")
    def _check_datasets(self) -> "Params":
        sources = self.download.sources
        for name, stage in (("sync", self.train_sync), ("tsg", self.train_tsg), ("wav2lip", self.train_wav2lip)):
            if unknown := [dataset for dataset in stage.datasets if dataset not in sources]:
                raise ValueError(
                    f"train_{name}.datasets names {unknown[0]}, which is none of download.sources {', '.join(sources)}"
                )
        for key, choice, weights in (
            ("train_parser.labels", self.train_parser.labels, self.train_parser.datasets),
            ("train_sgi.data", self.train_sgi.data, self.train_sgi.datasets),
        ):
            allowed = [*(sources if choice != PAIRS else ()), *([PAIRS] if choice in (PAIRS, "both") else ())]
            if unknown := [dataset for dataset in weights if dataset not in allowed]:
                section = key.partition(".")[0]
                raise ValueError(
                    f"{section}.datasets names {unknown[0]}; with {key} {choice} there are: {', '.join(allowed)}"
                )
        return self

    @model_validator(mode="after")
    def _check_splits(self) -> "Params":
        download = self.download
        if "folder" in download.sources and download.folder.splits and self.split.strategy == "subjects":
            raise ValueError(
                "download.folder.splits says who is tested, which split.strategy subjects does not look at; set it to"
                " source"
            )
        return self

    @property
    def pairs_readers(self) -> tuple[Stage, ...]:
        """The stages that learn from the photographs of `training.pairs`."""
        choices: dict[Stage, str] = {"train_parser": self.train_parser.labels, "train_sgi": self.train_sgi.data}
        return tuple(stage for stage, choice in choices.items() if choice in (PAIRS, "both"))

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
        if parser.coarse_steps >= parser.steps:
            raise ValueError(
                f"train_parser.coarse_steps {parser.coarse_steps} leaves none of its {parser.steps} steps at full size"
            )
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
    result = dict(base)
    for key, value in overrides.items():
        old = result.get(key)
        result[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


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
        if keys and keys[0] in RENAMED_KEYS:
            message = f"is {RENAMED_KEYS[keys[0]]} now"
        raise BadInputError(": ".join([origin, *keys, message])) from error


def override_params(defaults: Mapping[str, Any], overrides: Mapping[str, Any], origin: str) -> Params:
    """Validates `params.yaml` with an experiment's overrides laid over it.

    Args:
        defaults: content of `params.yaml`; it alone says which losses there are.
        overrides: content of `experiment.yaml`.
        origin: where they come from, for messages.

    Raises:
        BadInputError: see `parse_params`, or the weight of an unknown loss.
    """
    params = parse_params(merge(defaults, overrides), origin)
    for stage in STAGES:
        loss_names = defaults[stage].get("loss_weights", {})
        if unknown := sorted(set(getattr(getattr(params, stage), "loss_weights", ())) - set(loss_names)):
            raise BadInputError(
                f"{origin}: {stage}.loss_weights.{unknown[0]}: no such loss; there are: {', '.join(loss_names)}"
            )
    return params


def load_params(root: Path = Path()) -> Params:
    """Reads `params.yaml` under `root` with `experiment.yaml` laid over it."""
    defaults, overrides = read_yaml(root / PARAMS_FILE), read_yaml(root / EXPERIMENT_FILE)
    return override_params(defaults, overrides, f"{PARAMS_FILE} with {EXPERIMENT_FILE}")


def params_hash(content: BaseModel | Mapping[str, Any]) -> str:
    """Hash of validated params, independent of key order: 64 hex digits."""
    plain = content.model_dump(mode="json") if isinstance(content, BaseModel) else content
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
