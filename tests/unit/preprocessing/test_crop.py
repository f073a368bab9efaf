"""A whole clip: frames, sound, mel, landmarks and masks on one clock."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from segtalker.clips.image_pack import ImagePack, write_images
from segtalker.clips.record import ClipRecord
from segtalker.clips.store import read_wav
from segtalker.config.base import Base
from segtalker.config.data import Crop
from segtalker.config.params import load_params
from segtalker.faces.crop_squares import warp_image
from segtalker.media.decoders import TimedFrame
from segtalker.media.video import write_video
from segtalker.preprocessing import crop as clip_crop
from segtalker.preprocessing.crop import Timeline, crop_clip, find_landmarks, make_timeline
from segtalker.utils.errors import BadClipError

FRAMES = 40
HEAD = np.stack(np.meshgrid(np.linspace(90, 150, 8), np.linspace(80, 150, 9)), axis=-1).reshape(-1, 2)[:68]


@pytest.fixture
def base() -> Base:
    """The project's base params at a small size."""
    return load_params(Path(__file__).parents[3]).base.model_copy(update={"image_size": 96})


@pytest.fixture
def crop() -> Crop:
    """The project's crop params."""
    return load_params(Path(__file__).parents[3]).crop.model_copy(
        update={"detector": "annotations", "annotated": False}
    )


def sway(frame: int) -> np.ndarray:
    """Where the head is, in whole pixels."""
    return np.round([3.0 * np.sin(frame / 4), 2.0 * np.cos(frame / 3)])


@pytest.fixture
def record(tmp_path: Path) -> ClipRecord:
    """A clip of a bright patch that moves, clicks at frame 20, and is annotated."""
    images, masks, points = [], [], []
    rows, columns = np.mgrid[:240, :240]
    for frame in range(FRAMES):
        x, y = np.array([120.0, 115.0]) + sway(frame)
        patch = (np.abs(columns - x) < 20) & (np.abs(rows - y) < 14)
        images.append(np.where(patch[..., None], 220, 60).astype(np.uint8).repeat(3, axis=2))
        masks.append(np.where(patch, 6, 0).astype(np.uint8))
        points.append(HEAD + sway(frame))
    sound = np.zeros(FRAMES * 640, np.float32)
    sound[20 * 640 : 20 * 640 + 80] = 0.8
    folder = tmp_path / "raw"
    write_video(folder / "video.mp4", images, 25, sound, 16000, crf=10)
    write_images(folder / "masks.zip", masks, ".pgm")
    np.save(folder / "landmarks.npy", np.stack(points).astype(np.float32))
    return ClipRecord(clip_id="a", source=folder / "video.mp4", annotations=folder)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """An empty folder."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def test_everything_fits_together(base: Base, crop: Crop, record: ClipRecord, output: Path) -> None:
    assert crop_clip(base, crop, 64, record, output) == {"frames": FRAMES, "seconds": FRAMES / 25}
    frames, masks = ImagePack(output / "frames.zip").read(), ImagePack(output / "truth_masks.zip").read()
    landmarks, mel, sound = (
        np.load(output / "landmarks.npy"),
        np.load(output / "mel.npy"),
        read_wav(output / "audio.wav"),
    )
    assert frames.shape == (FRAMES, 96, 96, 3)
    assert masks.shape == (FRAMES, 96, 96)
    assert landmarks.shape == (FRAMES, 68, 2)
    assert landmarks.dtype == np.float32
    assert len(sound) == FRAMES * 640
    assert mel.shape == (80, 1 + FRAMES * 640 // 200)
    assert abs(int(np.abs(sound).argmax()) - 20 * 640) < 120
    assert int(mel.mean(axis=0).argmax()) in range(62, 67)


class Batches:
    """A detector that looks at four frames together and knows where the head is in each.

    Args:
        every: how often it is asked.
    """

    batch_frames = 4

    def __init__(self, every: int) -> None:
        self._every, self.sizes = every, list[int]()

    def landmarks_batch(self, frames: list[TimedFrame]) -> list[np.ndarray | None]:
        """Of some frames."""
        first = sum(self.sizes)
        self.sizes.append(len(frames))
        return [(HEAD + sway((first + place) * self._every)).astype(np.float32) for place in range(len(frames))]

    def close(self) -> None:
        """Holds nothing."""


def _raw_crops(base: Base, crop: Crop, record: ClipRecord) -> np.ndarray:
    """The crops before they are stored."""
    timeline = make_timeline(record, base, crop)
    passage = find_landmarks(timeline, crop, 64, record)
    squares = clip_crop.place_squares(passage.landmarks, timeline.video, crop, record)
    frames = timeline.frames(passage.first)
    return np.stack([warp_image(frame.image, square, 96) for frame, square in zip(frames, squares, strict=True)])


@pytest.mark.parametrize(
    ("setting", "split", "exact"),
    [("test", "test", True), ("test", "train", False), ("test", "", False), ("all", "", True), ("none", "test", False)],
)
def test_clips_to_be_measured_on_are_kept_without_loss(
    base: Base, crop: Crop, record: ClipRecord, output: Path, setting: str, split: str, exact: bool
) -> None:
    crop, record = crop.model_copy(update={"lossless": setting}), replace(record, split=split)
    crop_clip(base, crop, 64, record, output)
    frames = ImagePack(output / "frames.zip").read()
    assert np.array_equal(frames, _raw_crops(base, crop, record)) == exact


def test_a_clip_that_joins_the_test_people_is_cropped_again(crop: Crop, record: ClipRecord) -> None:
    keys = {split: clip_crop._clip_key("how", crop, replace(record, split=split)) for split in ("train", "val", "test")}
    assert keys["train"] == keys["val"] != keys["test"]


@pytest.mark.parametrize(("every", "sizes"), [(1, [4] * 10 + [0]), (3, [4, 4, 4, 2])])
def test_a_detector_gets_as_many_frames_as_it_looks_at_together(
    every: int, sizes: list[int], base: Base, crop: Crop, record: ClipRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = Batches(every)
    monkeypatch.setattr(clip_crop, "make_detector", lambda _name, _weights: detector)
    chosen = crop.model_copy(update={"detector": "face_alignment", "detect_every": every, "smooth_frames": 1})
    passage = find_landmarks(make_timeline(record, base, chosen), chosen, 64, record)
    assert detector.sizes == sizes
    assert len(passage.landmarks) == FRAMES
    assert passage.landmarks[::every] == pytest.approx(np.stack([HEAD + sway(n) for n in range(0, FRAMES, every)]))


def test_masks_and_landmarks_lie_on_the_picture(base: Base, crop: Crop, record: ClipRecord, output: Path) -> None:
    crop_clip(base, crop, 64, record, output)
    frames, masks = ImagePack(output / "frames.zip").read(), ImagePack(output / "truth_masks.zip").read()
    landmarks = np.load(output / "landmarks.npy")
    bright = frames[..., 0] > 140
    assert (bright != (masks == 6)).mean() < 0.01
    scale = 96 / json.loads((output / "crop.json").read_text())["squares"][0][2]
    for frame in range(FRAMES):
        middle = np.argwhere(bright[frame])[:, ::-1].mean(axis=0)
        expected = landmarks[frame].mean(axis=0) - (HEAD.mean(axis=0) - [120.0, 115.0]) * scale
        np.testing.assert_allclose(middle, expected, atol=0.5)


def test_a_second_run_gives_the_same_bytes(
    base: Base, crop: Crop, record: ClipRecord, output: Path, tmp_path: Path
) -> None:
    crop_clip(base, crop, 64, record, output)
    (tmp_path / "again").mkdir()
    crop_clip(base, crop, 64, record, tmp_path / "again")
    for path in output.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


class Annotator:
    """A detector that knows the annotated landmarks, in a picture far larger than the face."""

    def __init__(self, jump: np.ndarray, batch_frames: int) -> None:
        self.count, self.jump, self.batch_frames = -1, jump, batch_frames

    def landmarks_batch(self, frames: list[TimedFrame]) -> list[np.ndarray | None]:
        """Of the next frames that are asked about."""
        return [self._next() for _ in frames]

    def _next(self) -> np.ndarray:
        self.count += 1
        points = HEAD / 2 + sway(self.count) + (self.jump if self.count > FRAMES / 2 else 0)
        return points.astype(np.float32)

    def close(self) -> None:
        """Nothing to free."""


@pytest.mark.parametrize(
    ("jump", "batch_frames", "buffer_mib", "passes"),
    [([0, 0], 1, 2, 1), ([60, 60], 1, 2, 2), ([0, 0], 1, 0, 2), ([0, 0], 4, 12, 1)],
)
def test_frames_in_memory_give_the_crops_of_frames_decoded_again(
    jump: list[int], batch_frames: int, buffer_mib: int, passes: int, base: Base, crop: Crop, record: ClipRecord,
    output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Whole frames take 3.3 MiB; parts around the face less, and where they miss the square, all are read again."""
    decoded = []
    frames = Timeline.frames
    monkeypatch.setattr(Timeline, "frames", lambda self, first=0: decoded.append(first) or frames(self, first))
    monkeypatch.setattr(clip_crop, "make_detector", lambda *_: Annotator(np.array(jump), batch_frames))
    settings = crop.model_copy(update={"detector": "mediapipe", "decoder": "pyav"})
    crop_clip(base, settings, buffer_mib, record, output)
    assert len(decoded) == passes
    monkeypatch.setattr(TimedFrame, "part", lambda self, *_: self)
    (tmp_path / "whole").mkdir()
    crop_clip(base, settings, 64, record, tmp_path / "whole")
    assert (output / "frames.zip").read_bytes() == (tmp_path / "whole" / "frames.zip").read_bytes()


def test_a_detector_is_asked_only_where_there_are_no_annotations(
    base: Base, crop: Crop, record: ClipRecord, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip_crop, "make_detector", lambda *_: Annotator(np.array([60, 60]), 1))
    mixed = crop.model_copy(update={"detector": "mediapipe", "annotated": True})
    places = {}
    for name, one in (("own", record), ("none", replace(record, annotations=None))):
        (tmp_path / name).mkdir()
        crop_clip(base, mixed, 64, one, tmp_path / name)
        places[name] = json.loads((tmp_path / name / "crop.json").read_text())
    crop_clip(base, crop, 64, record, output)
    assert places["own"] == json.loads((output / "crop.json").read_text())
    assert (places["own"]["detector"], places["none"]["detector"]) == ("annotations", "mediapipe")
    assert places["own"]["squares"] != places["none"]["squares"]


@pytest.mark.parametrize("detector", ["annotations", "mediapipe"])
def test_annotations_of_frames_without_a_number_are_refused(
    detector: str, base: Base, crop: Crop, record: ClipRecord, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = Timeline.frames
    numberless = partial(replace, index=-1)  # as frames are that were reached by a jump into the video
    monkeypatch.setattr(Timeline, "frames", lambda self, first=0: map(numberless, frames(self, first)))
    monkeypatch.setattr(clip_crop, "make_detector", lambda *_: Annotator(np.zeros(2), 1))
    with pytest.raises(BadClipError, match=r"from the middle; set cut.mode whole"):
        crop_clip(base, crop.model_copy(update={"detector": detector}), 64, record, output)


def test_max_seconds_ends_the_clip_early(base: Base, crop: Crop, record: ClipRecord, output: Path) -> None:
    facts = crop_clip(base, crop.model_copy(update={"max_seconds": 1.2}), 64, record, output)
    assert facts == {"frames": 30, "seconds": 1.2}
    assert len(read_wav(output / "audio.wav")) == 30 * 640
    assert len(ImagePack(output / "truth_masks.zip")) == 30


def test_sound_that_ends_early_ends_the_clip(base: Base, crop: Crop, record: ClipRecord, output: Path) -> None:
    silent = record.source.with_name("mute.mp4")
    images = [np.full((240, 240, 3), 90, np.uint8)] * FRAMES
    write_video(silent, images, 25, np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32), 16000, crf=20)
    facts = crop_clip(base, crop, 64, replace(record, source=silent), output)
    assert 25 <= facts["frames"] <= 31


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"audio": None}, "no sound track, and no sound file beside it"),
        ({"annotations": None}, "brings no landmarks"),
    ],
)
def test_bad_clips_have_a_reason(
    base: Base, crop: Crop, record: ClipRecord, output: Path, change: dict, reason: str
) -> None:
    if "audio" in change:
        write_video(record.source, [np.zeros((64, 64, 3), np.uint8)] * 30, 25, None, 16000, crf=20)
    with pytest.raises(BadClipError, match=reason):
        crop_clip(base, crop, 64, replace(record, **change), output)


def test_too_short_and_ill_annotated_clips(base: Base, crop: Crop, record: ClipRecord, output: Path) -> None:
    with pytest.raises(BadClipError, match=r"1\.60 s long, less than crop.min_seconds 3"):
        crop_clip(base, crop.model_copy(update={"min_seconds": 3.0}), 64, record, output)
    np.save(record.annotations / "landmarks.npy", np.zeros((10, 68, 2), np.float32))
    with pytest.raises(BadClipError, match="landmarks of 10 frames for a video of 40"):
        crop_clip(base, crop, 64, record, output)


def test_sound_beside_the_video_counts_from_its_first_frame(
    base: Base, crop: Crop, record: ClipRecord, output: Path, tmp_path: Path
) -> None:
    from segtalker.clips.store import write_wav

    samples = np.zeros(FRAMES * 640, np.float32)
    samples[10 * 640] = 0.9
    write_wav(tmp_path / "beside.wav", samples, 16000)
    crop_clip(base, crop, 64, replace(record, audio=tmp_path / "beside.wav"), output)
    assert int(np.abs(read_wav(output / "audio.wav")).argmax()) == 10 * 640
