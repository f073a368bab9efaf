"""Mouth windows on disk: what is drawn is what is there, cached or not, and depends on the draw alone."""

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from datamodules.mouth_clips import FaceClips, MouthClips, WindowShape, shifted
from datamodules.speech_augmentation import SpeechAugmentation, change_speech
from datamodules.sync import SyncClips, SyncDraws, recoloured
from datamodules.tsg import TsgClipWindows, TsgDraws, TsgWindows
from datamodules.wav2lip import FaceClipWindows, FaceDraws, FaceWindows
from segtalker.clips.image_pack import write_images
from segtalker.clips.store import Clip
from segtalker.config.base import Clock
from segtalker.faces.mouth_box import box_transforms, extract_boxes, face_box_transforms
from segtalker.media.mel import centred_starts, window_starts
from segtalker.regions import LIP, MOUTH

SIZE = (16, 24)
FRAMES = 20
CLOCK = Clock(fps=25, sample_rate_hz=16000, mel_hop=200, smooth_frames=3)
WINDOW = WindowShape(frames=5, mel_columns=16, clock=CLOCK, mel_max_abs=4.0)
AS_IT_IS = SpeechAugmentation(vocal_tract=0.0, gain=0.0, tilt=0.0, noise=0.0)
CHANGED = SpeechAugmentation(vocal_tract=0.2, gain=1.0, tilt=1.0, noise=0.3)


def _write_clip(folder: Path, seed: int) -> Clip:
    """Mouths that open frame by frame in noise; the first mel bin counts the columns."""
    rng = np.random.default_rng(seed)
    masks = rng.integers(2, 8, (FRAMES, 64, 64), dtype=np.uint8)
    for index, mask in enumerate(masks):
        cv2.ellipse(mask, ((32, 44), (16, 2 + index), 0), LIP, -1)
        cv2.ellipse(mask, ((32, 44), (12, index), 0), MOUTH, -1)
    face = np.zeros((68, 2), np.float32)
    face[[36, 39, 42, 45], 0] = (-14, -8, 8, 14)
    face[31:36, 1] = 15
    landmarks = face + np.array((32, 20), np.float32) + rng.normal(0, 1, (FRAMES, 1, 2)).astype(np.float32)
    mel = rng.uniform(-4, 4, (80, 66)).astype(np.float32)
    mel[0] = np.linspace(-4, 4, 66)
    crop, parse = folder / "crop" / str(seed), folder / "parse" / str(seed)
    crop.mkdir(parents=True)
    write_images(parse / "masks.zip", masks, ".pgm")
    write_images(crop / "frames.zip", rng.integers(0, 256, (FRAMES, 64, 64, 3), dtype=np.uint8), ".jpg")
    np.save(crop / "landmarks.npy", landmarks)
    np.save(crop / "mel.npy", mel)
    return Clip(str(seed), str(seed), "train", crop, parse, parse)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    folder = tmp_path_factory.mktemp("clips")
    return [_write_clip(folder, seed) for seed in range(3)]


def _open(clips: list[Clip], border: int = 2, cache_mib: int = 64) -> MouthClips:
    return MouthClips(clips, size=SIZE, border=border, smooth_frames=3, cache_mib=cache_mib)


@pytest.mark.parametrize("content", ["frames", "masks"])
def test_boxes_are_the_same_with_and_without_a_cache(clips: list[Clip], content: str) -> None:
    indices = np.array([3, 3, 19, 0])
    cached, uncached = _open(clips), _open(clips, cache_mib=0)
    for _ in range(2):
        np.testing.assert_array_equal(cached.boxes(1, content, indices), uncached.boxes(1, content, indices))  # type: ignore[arg-type]
    assert not uncached._boxes


def test_the_border_surrounds_the_box(clips: list[Clip]) -> None:
    boxes = shifted(_open(clips, border=3).boxes(0, "masks", np.arange(FRAMES)), 3, (0, 0), flip=False)
    transforms = box_transforms(clips[0].landmarks, SIZE, 3)
    np.testing.assert_array_equal(boxes, extract_boxes(clips[0].masks.read(), transforms, SIZE))


def test_shifts_move_and_flips_mirror() -> None:
    boxes = np.arange(2 * 8 * 10).reshape(2, 8, 10)
    np.testing.assert_array_equal(shifted(boxes, 2, (1, -2), flip=False), boxes[:, 3:7, 0:6])
    np.testing.assert_array_equal(shifted(boxes, 2, (0, 0), flip=True), boxes[:, 2:6, 2:8][:, :, ::-1])


def _sync_draws(clips: list[Clip], augmentation: SpeechAugmentation, seed: int = 1) -> SyncDraws:
    return SyncDraws(
        _open(clips),
        content="masks",
        window=WINDOW,
        seed=seed,
        windows_per_clip=6,
        span_frames=12,
        augmentation=augmentation,
        colour=0.2,
    )


def test_sync_groups_pair_frames_with_their_own_speech(clips: list[Clip]) -> None:
    draws = _sync_draws(clips, AS_IT_IS)
    for draw in range(8):
        boxes, speech = draws[draw]
        assert boxes.shape == (6, 5, *SIZE)
        assert speech.shape == (6, 80, 16)
        # the mouth opens frame by frame, the first mel bin rises column by column
        opening = (boxes == MOUTH).float().mean(dim=(1, 2, 3))
        assert torch.equal(opening.argsort(), speech[:, 0, 0].argsort())


def test_groups_lie_in_a_stretch_and_do_not_repeat(clips: list[Clip]) -> None:
    draws = _sync_draws(clips, AS_IT_IS)
    for draw in range(8):
        columns = ((draws[draw][1][:, 0, 0] + 4) / 8 * 65).round()
        assert len(columns.unique()) == 6
        assert columns.max() - columns.min() <= 12 * 3.2


def test_draws_depend_on_seed_and_number_alone(clips: list[Clip]) -> None:
    draws = _sync_draws(clips, CHANGED)
    copy = pickle.loads(pickle.dumps(draws))
    copy[5]
    for ours, theirs in zip(draws[3], copy[3], strict=True):
        assert torch.equal(ours, theirs)
    assert not torch.equal(draws[3][1], draws[4][1])
    assert not torch.equal(draws[3][1], _sync_draws(clips, CHANGED, seed=2)[3][1])


def test_validation_walks_whole_clips(clips: list[Clip]) -> None:
    boxes, speech = SyncClips(_open(clips), "frames", WINDOW)[2]
    assert boxes.shape == (FRAMES, *SIZE, 3)
    starts = window_starts(np.arange(16), CLOCK)
    np.testing.assert_array_equal(speech[:, :, 0], clips[2].mel[:, starts].T)


def test_tsg_samples_hold_consecutive_frames_and_their_speech(clips: list[Clip]) -> None:
    draws = TsgDraws(TsgWindows(_open(clips), WINDOW, speech_columns=8), seed=1, augmentation=AS_IT_IS)
    opened = set()
    for draw in range(12):
        regions, identity, speech, sync_speech = draws[draw]
        assert regions.shape == (5, *SIZE)
        assert identity.shape == SIZE
        start = round(float(sync_speech[0, 0] + 4) / 8 * 65 / 3.2)
        columns = centred_starts(start + np.arange(5), CLOCK, 8)
        expected = np.linspace(-4, 4, 66)[columns.clip(0, 65)]
        np.testing.assert_allclose(speech[:, 0, 0], expected, atol=1e-5)
        opening = (regions == MOUTH).sum(dim=(1, 2))
        assert opening[-1] > opening[0]
        opened.add(int((identity == MOUTH).sum()))
    assert len(opened) > 3


def test_tsg_validation_covers_clips_with_the_widest_reference(clips: list[Clip]) -> None:
    samples = TsgClipWindows(TsgWindows(_open(clips), WINDOW, speech_columns=8))
    assert len(samples) == 3 * 4
    widest = max(int((samples[index].regions == MOUTH).sum(dim=(1, 2)).max()) for index in range(4))
    assert abs(int((samples[0].identity == MOUTH).sum()) - widest) <= 4


def _face_windows(clips: list[Clip], border: int = 2) -> FaceWindows:
    return FaceWindows(FaceClips(clips, size=(24, 24), border=border, smooth_frames=3, cache_mib=64), WINDOW, 16)


def _place(clips: list[Clip], faces: torch.Tensor) -> tuple[int, np.ndarray]:
    """Clip and frames that faces without changes come from."""
    every = [
        extract_boxes(clip.frames.read(), face_box_transforms(clip.landmarks, (24, 24), 3), (24, 24)) for clip in clips
    ]
    wanted = faces.numpy().astype(int)
    distance = np.array([[np.abs(own.astype(int) - face).mean((1, 2, 3)) for face in wanted] for own in every])
    clip = int(distance.min(axis=2).sum(axis=1).argmin())
    assert distance[clip].min(axis=1).max() == 0
    return clip, distance[clip].argmin(axis=1)


def test_faces_come_with_a_reference_from_elsewhere_and_their_speech(clips: list[Clip]) -> None:
    draws = FaceDraws(_face_windows(clips, border=0), seed=2, augmentation=AS_IT_IS, colour=0.0, windows_from=0)
    references = set()
    for draw in range(24):
        faces, reference, speech, sync_speech = draws[draw]
        if not torch.equal(faces, draws[draw].faces):
            pytest.fail("the same draw gave other faces")
        try:
            clip, frames = _place(clips, torch.cat([faces, reference[:1]]))
        except AssertionError:
            clip, frames = _place(clips, torch.cat([faces, reference[:1]]).flip(2))
        assert (np.diff(frames[:5]) == 1).all()
        assert frames[5] not in frames[:5]
        references.add(int(np.sign(frames[5] - frames[0])))
        columns = centred_starts(frames[:5], CLOCK, 16).clip(0, 65)
        np.testing.assert_allclose(speech[:, 1, 0], clips[clip].mel[1, columns], atol=1e-5)
        np.testing.assert_array_equal(sync_speech[:, 0], clips[clip].mel[:, window_starts(frames[:1], CLOCK)[0]])
    assert references == {-1, 1}


def test_early_draws_hold_frames_of_many_windows(clips: list[Clip]) -> None:
    draws = FaceDraws(_face_windows(clips, border=0), seed=2, augmentation=AS_IT_IS, colour=0.0, windows_from=24)
    places = set()
    for draw in range(12):
        sample = draws[draw]
        assert sample.reference.shape == sample.faces.shape == (5, 24, 24, 3)
        assert sample.speech.shape == (5, 80, 16)
        for face, reference, speech in zip(*sample[:3], strict=True):
            pair = torch.stack([face, reference])
            try:
                clip, frames = _place(clips, pair)
            except AssertionError:
                clip, frames = _place(clips, pair.flip(2))
            columns = centred_starts(frames[:1], CLOCK, 16).clip(0, 65)
            np.testing.assert_allclose(speech[1, 0], clips[clip].mel[1, columns[0]], atol=1e-5)
            places.add((draw, clip))
    assert len(places) > 12 * 1.5
    later = draws[24].faces
    try:
        _, frames = _place(clips, later)
    except AssertionError:
        _, frames = _place(clips, later.flip(2))
    assert (np.diff(frames) == 1).all()


def test_faces_of_a_window_change_their_colours_and_places_alike(clips: list[Clip]) -> None:
    plain = FaceDraws(_face_windows(clips), seed=3, augmentation=AS_IT_IS, colour=0.0, windows_from=0)
    coloured = FaceDraws(_face_windows(clips), seed=3, augmentation=AS_IT_IS, colour=0.3, windows_from=0)
    before, after = (torch.cat([sample.faces, sample.reference[:1]]).numpy() for sample in (plain[4], coloured[4]))
    for channel in range(3):
        pairs = {
            (int(low), int(high)) for low, high in zip(before[..., channel].flat, after[..., channel].flat, strict=True)
        }
        assert len(pairs) == len({low for low, _ in pairs}), "one table for all frames"
        assert any(low != high for low, high in pairs)


def test_a_clip_of_one_window_takes_its_reference_from_it(clips: list[Clip]) -> None:
    draws = FaceDraws(_face_windows(clips), seed=3, augmentation=AS_IT_IS, colour=0.0, windows_from=0)
    draws.windows.window = WINDOW._replace(frames=FRAMES)
    places = [draws._places(np.random.default_rng(seed), 0) for seed in range(20)]
    assert {start for start, _ in places} == {0}
    assert {reference for _, reference in places} <= set(range(FRAMES))


def test_face_validation_has_the_reference_that_inference_uses(clips: list[Clip]) -> None:
    masks, faces = TsgClipWindows(TsgWindows(_open(clips), WINDOW, 16)), FaceClipWindows(_face_windows(clips, border=0))
    assert len(faces) == len(masks)
    sample = faces[0]
    assert sample.faces.shape == (5, 24, 24, 3)
    clip, frames = _place(clips, torch.cat([sample.faces, sample.reference[:1]]))
    assert (clip, int(frames[5])) == (0, masks.references[0])
    assert torch.equal(sample.speech, masks[0].speech)


def test_unchanged_speech_is_unchanged() -> None:
    mel = np.random.default_rng(0).uniform(-4, 4, (3, 80, 16)).astype(np.float32)
    np.testing.assert_allclose(change_speech(mel, np.random.default_rng(1), AS_IT_IS, 4.0), mel, atol=1e-6)


def test_changed_speech_keeps_its_timing_and_limits() -> None:
    mel = np.full((2, 80, 30), -4.0, np.float32)
    mel[:, 20:30, 10:13] = 3.0
    for seed in range(10):
        changed = change_speech(mel, np.random.default_rng(seed), CHANGED, 4.0)
        assert np.abs(changed).max() <= 4.0
        assert changed.dtype == np.float32
        loud = changed.max(axis=1).mean(axis=0)
        assert set(loud.argsort()[-3:].tolist()) == {10, 11, 12}


def test_a_longer_vocal_tract_lowers_formants() -> None:
    how = SpeechAugmentation(vocal_tract=0.3, gain=0.0, tilt=0.0, noise=0.0)
    mel = np.tile(np.exp(-(((np.arange(80) - 40) / 4.0) ** 2))[:, None], (1, 1, 5)).astype(np.float32)
    peaks = [int(change_speech(mel, np.random.default_rng(seed), how, 4.0)[0, :, 0].argmax()) for seed in range(30)]
    assert min(peaks) < 34
    assert max(peaks) > 46


def test_recolouring_keeps_the_order_of_brightness_in_each_channel() -> None:
    boxes = np.random.default_rng(0).integers(40, 200, (2, 5, 6, 3), dtype=np.uint8)
    np.testing.assert_array_equal(recoloured(boxes, np.random.default_rng(1), 0.0), boxes)
    changed = recoloured(boxes, np.random.default_rng(1), 0.2)
    assert (changed != boxes).any()
    for channel in range(3):
        before, after = (values[..., channel].ravel().astype(int) for values in (boxes, changed))
        assert (np.diff(after[before.argsort()]) >= 0).all()
