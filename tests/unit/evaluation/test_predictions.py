"""Predictions of another system: matched by id, and tolerant of rate, size and length, each difference said."""

import json
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from segtalker.clips.image_pack import ImagePack, write_images
from segtalker.datasets.folder import clip_ids
from segtalker.evaluation.predictions import PredictionReader, PredictionRecord, find_predictions, read_prediction
from segtalker.media.video import write_video
from segtalker.utils.errors import BadClipError, BadInputError

FPS, SIZE, COUNT, RATE_HZ = 25, 64, 20, 16000
SQUARE = [[16.0 - 0.5, 8.0 - 0.5, 32.0]]  # of a recording of 64 x 48


def _frames(count: int, height: int, width: int) -> np.ndarray:
    """A bright patch on a ramp, brighter with each frame, `(T, H, W, 3)`, uint8."""
    ramp = np.linspace(20, 120, width)[None, None, :, None]
    frames = np.broadcast_to(ramp, (count, height, width, 3)).copy()
    frames[:, height // 4 : height // 2, width // 3 : width // 2] += 60
    return (frames + 2 * np.arange(count)[:, None, None, None]).astype(np.uint8)


@pytest.fixture
def reader(tmp_path: Path) -> PredictionReader:
    """A clip of 20 frames, cut from the middle of a recording of 64 x 48."""
    crop = tmp_path / "data" / "crop" / "set" / "clips" / "one"
    crop.mkdir(parents=True)
    write_images(crop / "frames.zip", _frames(COUNT, SIZE, SIZE), ".jpg")
    facts = {"source_width": 64, "source_height": 48, "start_s": 0.2, "source_start_s": 0.0, "squares": SQUARE}
    (crop / "crop.json").write_text(json.dumps(facts))
    return PredictionReader(tmp_path / "data", "set", tmp_path / "out", FPS, SIZE, "auto", starts_with_clip=True)


def _take(reader: PredictionReader, *videos: Path) -> dict:
    record = PredictionRecord(clip_id="one", subject="s", source=Path("x.mp4"), videos=videos)
    facts = read_prediction(reader, record, reader.folder)
    return {**facts, "notes": "; ".join(facts["notes"])}


def _video(path: Path, frames: np.ndarray, fps: int = FPS) -> Path:
    write_video(path, frames, fps, None, RATE_HZ, 1)
    return path


def _read(reader: PredictionReader) -> np.ndarray:
    return ImagePack(reader.folder / "one" / "frames.zip").read().astype(float)


def test_the_square_itself_is_taken_as_it_is(reader, tmp_path):
    facts = _take(reader, _video(tmp_path / "one.mp4", _frames(COUNT, SIZE, SIZE)))
    assert facts == {"frames": COUNT, "notes": ""}
    assert np.abs(_read(reader) - _frames(COUNT, SIZE, SIZE)).mean() < 3


def test_another_size_is_scaled_and_said(reader, tmp_path):
    facts = _take(reader, _video(tmp_path / "one.mp4", _frames(COUNT, 128, 128)))
    assert "128x128, scaled from the crop's 64 px" in facts["notes"]
    assert np.abs(_read(reader) - _frames(COUNT, SIZE, SIZE)).mean() < 3


def test_the_whole_recording_is_cropped_as_the_clip_was(reader, tmp_path):
    whole = _frames(COUNT, 48, 64)
    facts = _take(reader, _video(tmp_path / "one.mp4", whole))
    assert facts["notes"] == ""
    expected = whole[:, 8:40, 16:48].repeat(2, axis=1).repeat(2, axis=2).astype(float)
    assert np.abs(_read(reader) - expected).mean() < 4


def test_of_the_whole_recording_the_clip_begins_later(reader, tmp_path):
    whole = _frames(COUNT + 5, 48, 64)  # the clip begins 5 frames into the recording
    of_recording = PredictionReader(**{**vars(reader), "starts_with_clip": False})
    facts = _take(of_recording, _video(tmp_path / "one.mp4", whole))
    assert facts["frames"] == COUNT
    expected = whole[5:, 8:40, 16:48].mean(axis=(1, 2, 3))
    assert _read(reader).mean(axis=(1, 2, 3)) == pytest.approx(expected, abs=1.5)


def test_another_rate_is_read_by_its_times_and_said(reader, tmp_path):
    facts = _take(reader, _video(tmp_path / "one.mp4", _frames(2 * COUNT, SIZE, SIZE), fps=50))
    assert "50 fps read at 25" in facts["notes"]
    assert facts["frames"] == COUNT
    expected = _frames(2 * COUNT, SIZE, SIZE)[::2].mean(axis=(1, 2, 3))
    assert _read(reader).mean(axis=(1, 2, 3)) == pytest.approx(expected, abs=2.5)


def test_a_shorter_one_is_compared_as_far_as_it_goes_and_a_longer_one_is_cut(reader, tmp_path):
    facts = _take(reader, _video(tmp_path / "one.mp4", _frames(COUNT - 4, SIZE, SIZE)))
    assert facts["frames"] == COUNT - 4
    assert "16 frames, the clip has 20: the first 16 are compared" in facts["notes"]
    longer = _take(reader, _video(tmp_path / "two.mp4", _frames(COUNT + 9, SIZE, SIZE)))
    assert longer["frames"] == COUNT
    assert "goes on after the clip's 20 frames" in longer["notes"]


@pytest.mark.parametrize(
    ("size", "count", "reason"),
    [((64, 64), 6, "too few to stand for it"), ((40, 64), COUNT, "neither the shape of the recording")],
)
def test_what_cannot_be_compared_is_refused(reader, tmp_path, size, count, reason):
    with pytest.raises(BadClipError, match=reason):
        _take(reader, _video(tmp_path / "one.mp4", _frames(count, *size)))
    assert not (reader.folder / "one").exists()


def test_missing_empty_unreadable_and_doubled_ones_are_named(reader, tmp_path):
    with pytest.raises(BadClipError, match="no prediction of this clip"):
        _take(reader)
    empty, broken = tmp_path / "one.mp4", tmp_path / "one.mkv"
    empty.touch()
    broken.write_bytes(b"no video" * 100)
    with pytest.raises(BadClipError, match=r"one\.mp4: empty file"):
        _take(reader, empty)
    with pytest.raises(BadClipError, match=r"one\.mkv"):
        _take(reader, broken)
    with pytest.raises(BadClipError, match="2 predictions"):
        _take(reader, empty, broken)


def test_videos_are_matched_by_their_name_or_their_folder(tmp_path):
    for name in ("One.mp4", "deep/two/video.mp4", "other.mp4"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found, extra = find_predictions(tmp_path, ["one", "two", "three"])
    assert found == {"one": [tmp_path / "One.mp4"], "two": [tmp_path / "deep" / "two" / "video.mp4"]}
    assert extra == [tmp_path / "other.mp4"]


def test_a_folder_laid_out_as_the_real_videos_is_matched(tmp_path):
    real, made = tmp_path / "real", tmp_path / "x"
    names = ("My talk (1).mp4", "ann/x.mp4", "x.mp4", "bob/x.v2.mov")
    for path in (folder / name for folder in (real, made) for name in names):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    ids = clip_ids([Path(name) for name in names])
    found, extra = find_predictions(made, ids)
    assert found == {clip_id: [made / name] for clip_id, name in zip(ids, names, strict=True)}
    assert not extra


def test_the_folder_of_all_predictions_names_no_clip(tmp_path):
    folder = tmp_path / "one"
    folder.mkdir()
    for name in ("one.mp4", "other.mp4"):
        (folder / name).touch()
    assert find_predictions(folder, ["one"]) == ({"one": [folder / "one.mp4"]}, [folder / "other.mp4"])


def test_a_folder_without_predictions_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="no such folder"):
        find_predictions(tmp_path / "none", ["one"])
    with pytest.raises(BadInputError, match="no videos"):
        find_predictions(tmp_path, ["one"])
    (tmp_path / "other.mp4").touch()
    with pytest.raises(BadInputError, match=r"named after a clip, such as one\.mp4"):
        find_predictions(tmp_path, ["one"])


def test_what_systems_leave_beside_files_is_no_prediction(tmp_path):
    video = _video(tmp_path / "one.mp4", _frames(COUNT, SIZE, SIZE))
    for name in ("._one.mp4", ".one/one.mp4", "__MACOSX/one.mp4", "__MACOSX/._one.mp4", ".DS_Store"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\0\5\x16\7")
    assert find_predictions(tmp_path, ["one"]) == ({"one": [video]}, [])


def test_pixels_that_are_not_square_are_shown_square(reader, tmp_path):
    stored = _video(tmp_path / "stored.mp4", _frames(COUNT, SIZE, 48))
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", stored, "-c", "copy", "-aspect", "1:1"]
    subprocess.run([*command, tmp_path / "one.mp4"], check=True, stdin=subprocess.DEVNULL)
    assert _take(reader, tmp_path / "one.mp4") == {"frames": COUNT, "notes": ""}
    assert np.abs(_read(reader) - _frames(COUNT, SIZE, SIZE)).mean() < 4


def test_what_an_edit_list_hides_is_not_compared(reader, tmp_path):
    before = np.concatenate([_frames(10, SIZE, SIZE)[::-1], _frames(COUNT, SIZE, SIZE)])
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "error",
        "-ss",
        "0.4",
        "-i",
        _video(tmp_path / "long.mp4", before),
    ]
    subprocess.run([*command, "-c", "copy", tmp_path / "one.mp4"], check=True, stdin=subprocess.DEVNULL)
    assert _take(reader, tmp_path / "one.mp4") == {"frames": COUNT, "notes": ""}
    assert np.abs(_read(reader) - _frames(COUNT, SIZE, SIZE)).mean() < 3
