"""Windows of faces for the baseline, with their speech and a reference."""

from typing import Any

import numpy as np
import pytest
import torch

from datamodules.mouth_clips import FaceClips
from datamodules.tsg import TsgClipWindows, TsgWindows
from datamodules.wav2lip import FaceClipWindows, FaceDraws, FaceWindows
from segtalker.clips.store import Clip
from segtalker.faces.mouth_box import extract_boxes, face_box_transforms
from segtalker.media.mel import centred_starts, window_starts

from .speaking_clips import AS_IT_IS, CLOCK, FRAMES, WINDOW, open_mouths


def _face_windows(clips: list[Clip], border: int = 2) -> FaceWindows:
    return FaceWindows(FaceClips(clips, size=(24, 24), border=border, smooth_frames=3, cache_mib=64), WINDOW, 16)


def _draws(clips: list[Clip], border: int = 2, **settings: Any) -> FaceDraws:
    windows = _face_windows(clips, border)
    return FaceDraws(windows, windows.clips.choice({}), augmentation=AS_IT_IS, **settings)


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
    draws = _draws(clips, border=0, seed=2, colour=0.0, windows_from_step=0)
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


def test_windows_begin_at_their_step_however_many_draws_a_step_has(clips: list[Clip]) -> None:
    draws, frames, windows = (_draws(clips, seed=3, colour=0.0, windows_from_step=step) for step in (2, 99, 0))
    draws.step_draws = 4  # two ranks of two
    for draw, expected in ((7, frames), (8, windows)):
        assert all(torch.equal(*pair) for pair in zip(draws[draw], expected[draw], strict=True))
        assert not torch.equal(frames[draw].faces, windows[draw].faces)


def test_early_draws_hold_frames_of_many_windows(clips: list[Clip]) -> None:
    draws = _draws(clips, border=0, seed=2, colour=0.0, windows_from_step=24)
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
    plain = _draws(clips, seed=3, colour=0.0, windows_from_step=0)
    coloured = _draws(clips, seed=3, colour=0.3, windows_from_step=0)
    before, after = (torch.cat([sample.faces, sample.reference[:1]]).numpy() for sample in (plain[4], coloured[4]))
    for channel in range(3):
        pairs = {
            (int(low), int(high)) for low, high in zip(before[..., channel].flat, after[..., channel].flat, strict=True)
        }
        assert len(pairs) == len({low for low, _ in pairs}), "one table for all frames"
        assert any(low != high for low, high in pairs)


def test_a_clip_of_one_window_takes_its_reference_from_it(clips: list[Clip]) -> None:
    draws = _draws(clips, seed=3, colour=0.0, windows_from_step=0)
    draws.windows.window = WINDOW._replace(frames=FRAMES)
    places = [draws._places(np.random.default_rng(seed), 0) for seed in range(20)]
    assert {start for start, _ in places} == {0}
    assert {reference for _, reference in places} <= set(range(FRAMES))


def test_face_validation_has_the_reference_that_inference_uses(clips: list[Clip]) -> None:
    masks, faces = (
        TsgClipWindows(TsgWindows(open_mouths(clips), WINDOW, 16)),
        FaceClipWindows(_face_windows(clips, border=0)),
    )
    assert len(faces) == len(masks)
    sample = faces[0]
    assert sample.faces.shape == (5, 24, 24, 3)
    clip, frames = _place(clips, torch.cat([sample.faces, sample.reference[:1]]))
    assert (clip, int(frames[5])) == (0, masks.references[0])
    assert torch.equal(sample.speech, masks[0].speech)
