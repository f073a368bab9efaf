"""The stage generate, with the drawn people of this folder: keys, the table of methods, samples."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flows.stages.generate import make_tasks, write_method_table, write_samples
from segtalker.clips.record import ClipRecord
from segtalker.clips.store import Clip, read_table, read_wav
from segtalker.inference.methods import METHODS, GenerateConfig, GenerateRecord
from segtalker.inference.talk_settings import TalkSettings
from segtalker.media.video import write_video
from segtalker.utils.errors import BadInputError

RECORDS = {name: ClipRecord(clip_id=name, source=Path(f"{name}.mp4")) for name in ("a0", "a1", "b0")}


def _config(models: Path, settings: TalkSettings, methods: tuple[str, ...], crf: int) -> GenerateConfig:
    return GenerateConfig(models, settings, methods, Path("unused"), -4.0, crf, "cpu", 2, 0.2)


def test_a_task_is_keyed_by_all_it_depends_on(models: Path, settings: TalkSettings, clips: list[Clip]) -> None:
    def keys(methods: tuple[str, ...], crf: int, used: list[Clip]) -> dict[str, str]:
        return {
            task.clip_id: task.key for task in make_tasks(_config(models, settings, methods, crf), used, RECORDS, 7)
        }

    every = METHODS
    first = keys(every, 20, clips)
    assert first == keys(every, 20, clips)
    assert len(set(first.values())) == 3
    assert not set(first.values()) & set(keys(every, 21, clips).values())
    assert not set(first.values()) & set(keys(every[:2], 20, clips).values())
    # without the only stranger, the same clip is driven by another speech
    assert keys(every, 20, clips[:2])["a0"] != first["a0"]
    alone = keys(("segtalker", "static"), 20, clips[:1])
    assert alone == {"a0": keys(("segtalker", "static"), 20, clips)["a0"]}
    with pytest.raises(BadInputError, match="two test clips"):
        keys(every, 20, clips[:1])


def test_the_table_has_a_row_for_each_video_and_no_other_is_left(tmp_path: Path) -> None:
    for name in ("static/a0", "static/gone", "segtalker/a0", "old_method/a0"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "video.mp4").touch()
    (tmp_path / "samples").mkdir()
    made = {"segtalker": "a0", "static": "a0"}
    clip = Clip("a0", "a", "test", tmp_path, tmp_path, tmp_path)
    record = GenerateRecord(
        clip_id="a0", subject="a", source=Path("x.mp4"), frames=5, reference_frame=2, made=made, clip=clip, driving=clip
    )
    write_method_table(tmp_path, [record])
    table = read_table(tmp_path / "clips.csv")
    assert sorted(zip(table["clip_id"], table["method"], table["driving_audio"], table["frames"], strict=True)) == [
        ("a0", "segtalker", "a0", 5),
        ("a0", "static", "a0", 5),
    ]
    left = sorted(str(path.parent.relative_to(tmp_path)) for path in tmp_path.glob("*/*/video.mp4"))
    assert left == ["segtalker/a0", "static/a0"]
    assert (tmp_path / "samples").is_dir()


def test_samples_are_uncropped_pictures_with_speech(clips: list[Clip], tmp_path: Path) -> None:
    picture = np.zeros((48, 80, 3), np.uint8) + np.array((200, 40, 40), np.uint8)
    write_video(tmp_path / "source.mp4", iter([picture] * 5), 25, None, 16000, 4)
    write_samples(tmp_path / "samples", clips[:1], {"a0": ClipRecord(clip_id="a0", source=tmp_path / "source.mp4")})
    with Image.open(tmp_path / "samples" / "a0.png") as image:
        assert image.size == (80, 48)
    np.testing.assert_array_equal(read_wav(tmp_path / "samples" / "a0.wav"), clips[0].audio)
