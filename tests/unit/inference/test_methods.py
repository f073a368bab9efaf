"""Every method's video of a test clip."""

import json
from pathlib import Path

import av
import numpy as np
import pytest

from segtalker.clips.image_pack import ImagePack
from segtalker.clips.store import Clip
from segtalker.faces.mouth_box import face_transforms, hidden_pixels, hidden_share
from segtalker.inference.background import SourceBackground
from segtalker.inference.methods import METHODS, GenerateConfig, GenerateRecord, generate_clip
from segtalker.inference.talk_model import TalkModel
from segtalker.inference.talk_settings import TalkSettings
from segtalker.regions import BACKGROUND
from segtalker.utils.errors import BadClipError

FADE = 0.2  # distances of the eyes


def _config(models: Path, settings: TalkSettings, folder: Path) -> GenerateConfig:
    return GenerateConfig(models, settings, METHODS, folder, -4.0, 20, "cpu", 2, FADE)


def _record(clip: Clip, driving: Clip) -> GenerateRecord:
    return GenerateRecord(clip_id=clip.clip_id, subject=clip.subject, source=Path("x.mp4"), clip=clip, driving=driving)


@pytest.fixture(scope="module")
def made(models: Path, settings: TalkSettings, clips: list[Clip], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generate")
    facts = generate_clip(_config(models, settings, folder), _record(clips[0], clips[2]), folder)
    json.dumps(facts)
    assert facts["made"]["shuffled_audio"] == "b0"
    assert facts["made"]["segtalker"] == "a0"
    return folder


def test_every_method_writes_every_frame(made: Path, clips: list[Clip]) -> None:
    for method in METHODS:
        frames = ImagePack(made / method / "a0" / "frames.zip")
        assert len(frames) == len(clips[0].frames)
        assert (made / method / "a0" / "masks.zip").is_file() == (method not in ("static", "wav2lip"))


def test_videos_play_in_a_browser_with_the_clips_own_sound(made: Path) -> None:
    for method in METHODS:
        with av.open(str(made / method / "a0" / "video.mp4")) as video:
            picture, sound = video.streams.video[0], video.streams.audio[0]
            assert (picture.codec_context.name, picture.codec_context.pix_fmt) == ("h264", "yuv420p")
            assert sound.codec_context.name == "aac"
            assert float(picture.duration * picture.time_base) == pytest.approx(2.4, abs=0.05)


def test_frames_are_exactly_those_that_were_painted(made: Path, talk_model: TalkModel, clips: list[Clip]) -> None:
    clip, identity = clips[0], talk_model.identify(clips[0])
    masks, every = ImagePack(made / "segtalker" / "a0" / "masks.zip"), np.arange(len(clips[0].frames))
    places = talk_model.steady_frames(masks)
    painted = np.stack(list(talk_model.render(clip, every, masks.read(), places, identity, SourceBackground())))
    stored = ImagePack(made / "segtalker" / "a0" / "frames.zip").read()
    assert np.ptp(painted) > 50
    np.testing.assert_array_equal(stored, painted)


def test_a_pasted_mouth_leaves_the_source_as_it_is(made: Path, clips: list[Clip], settings: TalkSettings) -> None:
    source = clips[0].frames.read()
    own, pasted = (ImagePack(made / name / "a0" / "frames.zip").read() for name in ("segtalker", "segtalker_pasted"))
    places = face_transforms(np.asarray(clips[0].landmarks), settings.clock.smooth_frames)
    inside, share = hidden_pixels(places, source.shape[1:3]), hidden_share(places, source.shape[1:3], FADE)
    assert 0.02 < inside.mean() < 0.6
    assert (own != source)[share == 0].any()
    np.testing.assert_array_equal(pasted[share == 0], source[share == 0])
    np.testing.assert_array_equal(pasted[inside], own[inside])
    fading = (share > 0) & (share < 1)
    low, high = np.minimum(own, source), np.maximum(own, source)
    assert fading.any()
    assert ((low <= pasted) & (pasted <= high))[fading].all()
    masks = [(made / name / "a0" / "masks.zip").read_bytes() for name in ("segtalker", "segtalker_pasted")]
    assert masks[0] == masks[1]


def test_static_stands_still_and_the_oracle_has_the_true_masks(made: Path, clips: list[Clip]) -> None:
    static = ImagePack(made / "static" / "a0" / "frames.zip").read()
    assert (static == static[0]).all()
    truth = clips[0].truth_masks
    assert truth is not None
    np.testing.assert_array_equal(ImagePack(made / "sgi_oracle_mask" / "a0" / "masks.zip").read(), truth.read())


def test_other_speech_moves_the_mouth_otherwise(made: Path) -> None:
    own, other = (ImagePack(made / name / "a0" / "masks.zip").read() for name in ("segtalker", "shuffled_audio"))
    assert (own != other).any()
    outside = (own == BACKGROUND) & (other == BACKGROUND)
    assert outside.mean() > 0.1


def test_generating_again_gives_the_same_bytes(
    made: Path, models: Path, settings: TalkSettings, clips: list[Clip], tmp_path: Path
) -> None:
    generate_clip(_config(models, settings, tmp_path), _record(clips[0], clips[2]), tmp_path)
    for path in sorted(made.rglob("*.*")):
        assert (tmp_path / path.relative_to(made)).read_bytes() == path.read_bytes()


def test_a_clip_in_disarray_is_a_bad_clip(
    models: Path, settings: TalkSettings, clips: list[Clip], tmp_path: Path
) -> None:
    broken = Clip("a0", "a", "test", clips[0].crop_folder, tmp_path, tmp_path)
    (tmp_path / "masks.zip").write_bytes((clips[2].parse_folder / "masks.zip").read_bytes())
    landmarks = np.load(clips[0].crop_folder / "landmarks.npy")
    assert len(landmarks) == len(broken.masks)
    crop = tmp_path / "crop"
    crop.mkdir()
    for name in ("frames.zip", "mel.npy", "audio.wav"):
        (crop / name).symlink_to(clips[0].crop_folder / name)
    np.save(crop / "landmarks.npy", landmarks[:-1])
    with pytest.raises(BadClipError, match=r"\[59, 60\]"):
        generate_clip(
            _config(models, settings, tmp_path),
            _record(Clip("a0", "a", "test", crop, tmp_path, tmp_path), clips[2]),
            tmp_path,
        )


def test_silence_is_heard_in_place_of_the_speech(made: Path) -> None:
    spoken, silent = (ImagePack(made / method / "a0" / "masks.zip").read() for method in ("segtalker", "silent_audio"))
    assert spoken.shape == silent.shape
    assert (spoken != silent).any()
