"""The stages by name, in pipeline order, and what each reads."""

from typing import Literal, get_args

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
    "split": ("gate", "parse"),
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


def shared_sections(stage: Stage) -> tuple[str, ...]:
    """Sections of the params that a stage reads beside its own; dvc.yaml says the same."""
    return ("base", "training") if stage.startswith("train_") else ("base",)
