"""A studio over untrained networks that know drawings."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_fixtures import colour_parser, draw, models, one_thread, params, talker

from flows.studio.desk import Desk
from flows.studio.examples import Examples, make_examples
from flows.studio.options import UPLOADS, StudioOptions
from flows.studio.talkers import Talkers
from segtalker.clips.store import write_wav
from segtalker.inference.talker import Talker
from segtalker.media.images import write_png
from segtalker.regions import colourise

__all__ = ["colour_parser", "draw", "models", "one_thread", "params", "talker"]
LIMITS = StudioOptions(port=0, max_speech_s=20.0, max_render_s=60.0)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, draw: Any) -> Path:
    """A project whose run left a few drawn people and their speech."""
    root = tmp_path_factory.mktemp("project")
    (root / "models" / "demo" / "train_sgi").mkdir(parents=True)
    (root / "models" / "demo" / "train_sgi" / "generator.ckpt").touch()
    samples = root / "results" / "demo" / "generate" / "samples"
    samples.mkdir(parents=True)
    for number, x in enumerate((80.0, 96.0)):
        image = colourise(draw(180, x, 72.0, 26.0, 0.2).mask).astype(int) + 8 * number
        write_png(samples / f"s{number}.png", image.clip(0, 255).astype(np.uint8))
        noise = np.random.default_rng(number).uniform(-0.3, 0.3, 12000).astype(np.float32)
        write_wav(samples / f"s{number}.wav", noise, 16000)
    return root


@pytest.fixture
def talkers(project: Path, talker: Talker, monkeypatch: pytest.MonkeyPatch) -> Talkers:
    """The project's networks."""
    monkeypatch.setattr(Talker, "load", lambda *_, **__: talker)
    return Talkers(project)


@pytest.fixture
def examples(project: Path, tmp_path: Path) -> Examples:
    """What can be clicked on."""
    return make_examples(project, "demo", tmp_path / "examples")


@pytest.fixture
def desk(talkers: Talkers, tmp_path: Path) -> Desk:
    """A desk without visitors."""
    (tmp_path / UPLOADS).mkdir()
    shared = frozenset({tmp_path / UPLOADS / "shared" / "face.png"})
    return Desk(talkers, tmp_path / "visitors", tmp_path / UPLOADS, shared, LIMITS)
