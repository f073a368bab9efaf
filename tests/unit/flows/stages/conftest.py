"""A project with downloaded clips, its params, and drawn people for the stages after them."""

from pathlib import Path

import pytest
import torch
from drawn_fixtures import clips, models, settings
from PIL import Image

from segtalker.config.params import PARAMS_FILE, Params, load_params, merge, override_params, parse_params, read_yaml
from segtalker.nets.checkpoints import save_net
from segtalker.nets.parser import FaceParser
from segtalker.regions import CELEBAMASK_HQ_LABELS

from .small_project import CONFIG, write_download

__all__ = ["clips", "models", "settings"]
ROOT = Path(__file__).parents[4]
EVERY_LOSS = {"train_sgi": {"loss_weights": {"parsing": 0.1}}}  # weighs nothing in params.yaml


@pytest.fixture
def params() -> Params:
    """The project's, small and in one process."""
    plain = load_params(ROOT).model_dump(mode="json")
    active = {"active": {"experiment": "demo", "dataset": "synthetic"}}
    small = {
        "machine": {"workers": 1},
        "base": {"image_size": 64, "max_failed_fraction": 0.4},
        "crop": {"min_seconds": 0.5},
    }
    return parse_params(merge(plain, active | small), "test")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with downloaded clips and a parser, as the working folder."""
    monkeypatch.chdir(tmp_path)
    write_download(Path())
    torch.manual_seed(0)
    save_net(Path("models/demo/train_parser/parser.ckpt"), FaceParser(**CONFIG), "0" * 64)
    return tmp_path


@pytest.fixture
def weighed() -> Params:
    """The project's, in which every loss weighs something."""
    active = {"active": {"experiment": "e", "dataset": "d"}}
    return override_params(read_yaml(ROOT / PARAMS_FILE), active | EVERY_LOSS, "test")


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """A folder of four white photographs with masks that are skin alone."""
    folder = tmp_path / "photographs"
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    for number in range(4):
        Image.new("RGB", (16, 16), "white").save(folder / "images" / f"{number}.png")
        Image.new("L", (16, 16), CELEBAMASK_HQ_LABELS.index("skin")).save(folder / "labels" / f"{number}.png")
    return folder
