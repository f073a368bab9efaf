"""Names of MEAD's recordings in every form in which they are passed on."""

import pytest

from segtalker.clips.splits import _number
from segtalker.datasets.mead_layout import (
    TEST_ACTORS,
    TRAIN_ACTORS,
    VAL_ACTORS,
    MeadName,
    actor_in,
    parse_sound,
    parse_video,
    published_split,
)


@pytest.mark.parametrize(
    "path",
    [
        "M003/video/front/angry/level_1/001",
        "deep/below/M003/video/front/angry/level_1/001",
        "M003/video/video/front/angry/level_1/001",
        "W001/M003/front/angry/level_1/001",
        "M003_angry_1_001",
        "any/where/M003_front_angry_level_1_001",
        "M003_front_angry_1_001",
        "M003#angry#level_1#001",
    ],
)
def test_names_of_one_recording(path: str) -> None:
    name = parse_video(path)
    assert name == MeadName("M003", "front", "angry", 1, 1)
    assert name.clip_id == "M003_front_angry_1_001"


@pytest.mark.parametrize(
    "path",
    [
        "sad",
        "M003/video/front/angry/level_4/001",
        "M003/video/front/furious/level_1/001",
        "M003/video/left_90/angry/level_1/001",
        "M003/video/front/angry/level_1/1",
        "video/front/angry/level_1/001",
        "M03/video/front/angry/level_1/001",
        "XM003_angry_1_001x",
        "M003/audio/angry/level_1/001",
    ],
)
def test_what_is_no_name(path: str) -> None:
    assert parse_video(path) is None


def test_sounds_belong_to_all_views() -> None:
    sound, left = parse_sound("M003/audio/angry/level_1/001"), parse_video("M003/video/left_30/angry/level_1/001")
    assert sound is not None
    assert left is not None
    assert sound.sound == left.sound
    assert left.view == "left_30"


def test_actors_in_paths() -> None:
    assert actor_in("x/M003/video") == actor_in("M003.tar") == actor_in("W001/M003_front_sad_1_001") == "M003"
    assert actor_in("MM003x/video.tar") is None


def test_validation_actors_are_those_with_the_smallest_hash() -> None:
    actors = TRAIN_ACTORS + VAL_ACTORS
    assert len(set(actors)) == 39
    assert not set(actors) & set(TEST_ACTORS)
    assert sorted(sorted(actors, key=_number)[:3]) == sorted(VAL_ACTORS)
    assert [published_split(actor) for actor in ("M003", "M019", "M005", "W999")] == ["test", "val", "train", "train"]
