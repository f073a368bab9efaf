"""The steps from speech and a face to frames."""

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import segtalker.inference.talk_model
from segtalker.clips.store import Clip
from segtalker.config.base import Clock
from segtalker.faces.head_pose import head_poses
from segtalker.faces.mouth_box import box_transforms, hidden_area, paste_regions
from segtalker.inference.background import SourceBackground
from segtalker.inference.rendering import encode_identity
from segtalker.inference.talk_model import TalkModel
from segtalker.inference.talk_settings import TalkSettings
from segtalker.inference.timeline import back_and_forth, frames_of_speech
from segtalker.regions import BACKGROUND, LIP, MOUTH, NUM_REGIONS
from segtalker.utils.errors import BadInputError, MissingWeightsError

CLOCK = Clock(fps=25, sample_rate_hz=16000, mel_hop=200, smooth_frames=5)


def _mel(columns: int) -> np.ndarray:
    return np.random.default_rng(5).standard_normal((80, columns)).astype(np.float32)


def _masks(talk_model: TalkModel, clip: Clip, mel: np.ndarray, count: int) -> np.ndarray:
    timeline = talk_model.trained_timeline(clip, count)
    chunks = talk_model.talking_masks(clip, talk_model.identify(clip), mel, timeline, edit=None)
    return np.concatenate([masks for _, masks in chunks])


@pytest.mark.parametrize("available", [1, 2, 5])
def test_a_source_is_walked_back_and_forth_without_jumps(available: int) -> None:
    walk = back_and_forth(available, 23)
    assert walk[0] == 0
    assert set(walk) == set(range(available))
    assert np.abs(np.diff(walk)).max(initial=0) <= 1
    assert available == 1 or (np.diff(walk) != 0).all()


def test_frames_last_as_long_as_the_speech() -> None:
    assert frames_of_speech(16000, 16000, 25) == 25
    assert frames_of_speech(10, 16000, 25) == 1
    assert frames_of_speech(600 * 16000, 16000, Fraction(30000, 1001)) == 17982


def test_stretches_leave_no_trace(talk_model: TalkModel, clips: list[Clip], monkeypatch: pytest.MonkeyPatch) -> None:
    count = 130
    mel = _mel(count * 16 // 5)
    whole = _masks(talk_model, clips[0], mel, count)
    monkeypatch.setattr(segtalker.inference.talk_model, "_CHUNK_S", 0.5)
    timeline = talk_model.trained_timeline(clips[0], count)
    pieces = list(talk_model.talking_layouts(clips[0], talk_model.identify(clips[0]), mel, timeline, edit=None))
    assert len(pieces) > 2
    np.testing.assert_array_equal(np.concatenate([masks for _, masks, _ in pieces]), whole)
    torch.testing.assert_close(torch.cat([frames for _, _, frames in pieces]), talk_model.steady_frames(whole))


def test_speech_changes_the_mouth_and_nothing_else(talk_model: TalkModel, clips: list[Clip]) -> None:
    mel = np.array(clips[0].mel)
    one, other = _masks(talk_model, clips[0], mel, 20), _masks(talk_model, clips[0], -mel, 20)
    assert (one != other).any()
    landmarks = np.asarray(clips[0].landmarks)[:20]
    settings = talk_model.settings
    transforms = box_transforms(landmarks, settings.box_size, settings.clock.smooth_frames)
    everywhere = torch.zeros(20, NUM_REGIONS, *settings.box_size)
    everywhere[:, MOUTH] = 1.0
    hidden = paste_regions(np.zeros_like(one), everywhere, transforms) == MOUTH
    assert 0 < hidden.mean() < hidden_area(settings.box_size).mean()
    assert not (one != other)[~hidden].any()


class _Shown:
    """Pictures held in memory."""

    def __init__(self, pictures: np.ndarray) -> None:
        self.pictures = pictures

    def __len__(self) -> int:
        return len(self.pictures)

    def read(self, indices: list[int] | None = None) -> np.ndarray:
        return self.pictures if indices is None else self.pictures[indices]


@dataclass(frozen=True)
class _Face:
    frames: _Shown
    masks: _Shown
    landmarks: np.ndarray


def test_a_frame_says_nothing_of_its_own_mouth(talk_model: TalkModel, clips: list[Clip]) -> None:
    """Masks that differ in the mouth alone lead to the same talking masks."""
    clip, masks = clips[0], clips[0].masks.read()
    closed = np.where(masks == MOUTH, np.uint8(LIP), masks)
    assert (closed != masks).any()
    silent = _Face(_Shown(clip.frames.read()), _Shown(closed), np.asarray(clip.landmarks))
    timeline = talk_model.trained_timeline(silent, 20)
    chunks = talk_model.talking_masks(silent, talk_model.identify(clip), np.asarray(clip.mel), timeline, edit=None)
    expected = _masks(talk_model, clip, np.asarray(clip.mel), 20)
    np.testing.assert_array_equal(np.concatenate([masks for _, masks in chunks]), expected)


def test_the_identity_is_the_widest_mouth(talk_model: TalkModel, clips: list[Clip]) -> None:
    areas = (clips[0].masks.read() == MOUTH).sum(axis=(1, 2))
    identity = talk_model.identify(clips[0])
    assert areas[identity.index] == areas.max()
    assert identity.codes.shape[:2] == (1, NUM_REGIONS)


def _turning(clip: Clip, talk_model: TalkModel) -> _Face:
    """The clip with landmarks of a head that turns from one side to the other."""
    landmarks = np.array(clip.landmarks)
    landmarks[:, 27:36, 0] += np.linspace(-3.0, 3.0, len(landmarks))[:, None]
    return _Face(_Shown(clip.frames.read()), _Shown(clip.masks.read()), landmarks)


def test_a_head_that_turns_has_codes_of_several_poses(talk_model: TalkModel, clips: list[Clip]) -> None:
    face = _turning(clips[0], talk_model)
    identity, still = talk_model.identify(face), talk_model.identify(clips[0])
    assert len(still.codes) == 1
    assert 2 < len(identity.codes) <= talk_model.settings.pose_references.most
    assert identity.poses[0] == pytest.approx(head_poses(face.landmarks)[identity.index])
    codes = identity.codes_at(face.landmarks)
    assert codes.shape == (len(face.landmarks), *identity.codes.shape[1:])
    shares = talk_model.settings.pose_references.shares(head_poses(face.landmarks), identity.poses)
    expected = sum(
        share * code for share, code in zip(torch.from_numpy(shares).T[..., None, None], identity.codes, strict=True)
    )
    torch.testing.assert_close(codes, expected.float())


def test_every_pose_has_the_mouth_of_the_reference_frame(talk_model: TalkModel, clips: list[Clip]) -> None:
    face = _turning(clips[0], talk_model)
    identity = talk_model.identify(face)
    for region in (LIP, MOUTH):
        assert torch.equal(identity.codes[:, region], identity.codes[:1, region].expand(len(identity.codes), -1))
    own = encode_identity(talk_model.encoder, face.frames.read([identity.index]), face.masks.read([identity.index]))
    torch.testing.assert_close(identity.codes[0, MOUTH], own[0, MOUTH])


def test_a_turning_head_is_painted_alike_in_batches_of_any_size(talk_model: TalkModel, clips: list[Clip]) -> None:
    face, source = _turning(clips[0], talk_model), np.arange(11)
    masks, identity = face.masks.read(source.tolist()), talk_model.identify(face)
    places = talk_model.steady_frames(masks)
    painted = []
    for size in (1, 8):
        settings = replace(talk_model.settings, batch_size=size)
        sized = TalkModel(talk_model.segmenter, talk_model.encoder, talk_model.generator, settings)
        painted.append(np.stack(list(sized.render(face, source, masks, places, identity, SourceBackground()))))
    assert np.abs(painted[0].astype(int) - painted[1]).max() <= 1


def test_surroundings_come_from_the_source(talk_model: TalkModel, clips: list[Clip]) -> None:
    clip, source = clips[0], np.arange(12)
    masks = clip.masks.read(source.tolist())
    identity, region_frames = talk_model.identify(clip), talk_model.steady_frames(masks)
    frames = np.stack(list(talk_model.render(clip, source, masks, region_frames, identity, SourceBackground())))
    assert frames.shape == (12, *clip.frames.read([0]).shape[1:])
    far_from_outlines = np.ones((7, 7), np.uint8)
    untouched = np.stack([cv2.erode(np.uint8(mask == BACKGROUND), far_from_outlines) for mask in masks]) == 1
    assert untouched.any()
    np.testing.assert_array_equal(frames[untouched], clip.frames.read(source.tolist())[untouched])


def test_talking_gives_a_frame_for_every_mask(talk_model: TalkModel, clips: list[Clip]) -> None:
    identity = talk_model.identify(clips[0])
    timeline = talk_model.trained_timeline(clips[0], 70)
    chunks = list(talk_model.talk(clips[0], identity, _mel(300), timeline, SourceBackground()))
    assert sum(len(list(chunk.frames)) for chunk in chunks) == 70
    assert np.concatenate([chunk.source for chunk in chunks]).max() == len(clips[0].frames) - 1


@pytest.mark.parametrize("net", ["train_tsg/tsg.ckpt", "train_sgi/encoder.ckpt", "train_sgi/generator.ckpt"])
def test_a_missing_network_names_the_stage_to_run(
    tmp_path: Path, models: Path, settings: TalkSettings, net: str
) -> None:
    for path in models.rglob("*.ckpt"):
        if not path.match(net):
            (tmp_path / path.relative_to(models)).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path.relative_to(models)).symlink_to(path)
    with pytest.raises(MissingWeightsError, match=f"reproduce --until {net.split('/')[0]}"):
        TalkModel.load(tmp_path, settings, torch.device("cpu"))


def test_networks_of_another_size_are_refused(models: Path, settings: TalkSettings) -> None:
    with pytest.raises(BadInputError, match="trained at 64 px, the params say 128"):
        TalkModel.load(models, replace(settings, image_size=128), torch.device("cpu"))
