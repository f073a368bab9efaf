"""MEAD's naming on a recording as it is distributed, and on the published lists of clips."""

import json
import os
from pathlib import Path

import pytest

from segtalker.config.data import Mead
from segtalker.config.params import load_params
from segtalker.datasets.mead import mead_recordings
from segtalker.datasets.mead_layout import TEST_ACTORS, TRAIN_ACTORS, VAL_ACTORS, parse_video, published_split

ROOT = Path(os.environ.get("SEGTALKER_REAL_DATA", ""))
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif("SEGTALKER_REAL_DATA" not in os.environ, reason="SEGTALKER_REAL_DATA is not set"),
]


@pytest.fixture
def settings() -> Mead:
    """The project's, with a root."""
    return load_params(Path(__file__).parents[2]).download.mead.model_copy(update={"root": str(ROOT / "videos/mead")})


def test_a_recording_is_known_by_its_name(settings: Mead, tmp_path: Path) -> None:
    rows, failures = mead_recordings(settings, tmp_path)
    assert len(rows) == 1
    facts = vars(rows[0]) | rows[0].groups
    assert (
        facts
        | {
            "clip_id": "M030_front_sad_3_001",
            "subject": "M030",
            "split": "test",
            "frames": 112,
            "fps": 30.0,
            "audio": None,
            "emotion": "sad",
        }
        == facts
    )
    assert [Path(row.source).name for row in failures] == ["contempt.mp4", "disgusted.mp4", "sad.mp4"]
    assert all("does not say which recording" in row.reason for row in failures)


@pytest.mark.parametrize("side", ["train", "test"])
def test_published_lists(side: str) -> None:
    listed = json.loads((ROOT / "annotations/clip_lists" / f"{side}.json").read_text())
    names = [name for name in listed if "#level_" in name]
    found = [parse_video(name) for name in names]
    assert len(names) == {"train": 25747, "test": 2293}[side]
    assert [
        None if name is None else f"{name.actor}#{name.emotion}#level_{name.level}#{name.number:03d}" for name in found
    ] == names
    assert len({name.clip_id for name in found if name}) == len(names)
    actors = {name.actor for name in found if name}
    assert actors == set(TEST_ACTORS if side == "test" else TRAIN_ACTORS + VAL_ACTORS)
    assert {published_split(actor) for actor in actors} == ({"test"} if side == "test" else {"train", "val"})
    assert not any(parse_video(name) for name in listed if "#level_" not in name)
