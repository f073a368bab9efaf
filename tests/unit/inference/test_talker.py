"""Files in, a talking video out, and every wrong file said in one line."""

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from drawn_people import tiny_params

from segtalker.clips.store import write_wav
from segtalker.config.params import Params
from segtalker.inference.edits import Edits, Swap
from segtalker.inference.pictures import open_pictures
from segtalker.inference.talk_inputs import read_mask, save_mask
from segtalker.inference.talk_options import TalkOptions
from segtalker.inference.talker import Talker
from segtalker.inference.timeline import back_and_forth, source_order
from segtalker.media.images import read_image, write_png
from segtalker.media.mel import log_mel, speech_mel
from segtalker.media.video import open_video, write_video
from segtalker.regions import BACKGROUND, MOUTH, REGION_INDEX, colourise
from segtalker.utils.errors import BadInputError, MissingWeightsError, SegTalkerError

NO_EDITS = Edits()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, draw: Any) -> Path:
    """A portrait, another one, and two seconds of speech."""
    folder = tmp_path_factory.mktemp("files")
    for name, x in (("one.png", 100.0), ("other.png", 150.0)):
        image = colourise(draw(240, x, 96.0, 34.0, 0.2).mask)
        write_png(folder / name, np.clip(image.astype(int) + (0 if name == "one.png" else 8), 0, 255).astype(np.uint8))
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, 32000).astype(np.float32)
    write_wav(folder / "speech.wav", noise, 16000)
    return folder


def _shown(path: Path) -> np.ndarray:
    video = open_video(path, "pyav")
    return np.stack([frame.image for frame in video.at_rate(25, video.start_s)])


def test_a_still_speaks_inside_its_picture(talker: Talker, files: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "talk.mp4"
    made = talker.talk(files / "one.png", files / "speech.wav", out, NO_EDITS, TalkOptions("face", False))
    assert (made.frames, made.width, made.height) == (50, 240, 240)
    frames = _shown(out)
    assert frames.shape == (50, 240, 240, 3)
    assert frames[:, 90:, 60:140].astype(float).std(axis=0).max() > 5
    assert frames[:, :20, 220:].astype(float).std(axis=0).max() < 3
    with av.open(str(out)) as video:
        assert video.streams.audio[0].codec_context.name == "aac"
        assert float(video.streams.audio[0].duration * video.streams.audio[0].time_base) == pytest.approx(2, abs=0.1)
    assert sorted(path.name for path in out.parent.iterdir()) == ["talk.mp4"]


def test_the_same_files_give_the_same_video(
    talker: Talker, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    for name in ("a.mp4", "b.mp4"):
        talker.talk(files / "one.png", files / "speech.wav", tmp_path / name, NO_EDITS, TalkOptions("face", True))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert _shown(tmp_path / "a.mp4").shape[1:] == (64, 64, 3)


def test_each_edit_changes_the_video(talker: Talker, files: Path, tmp_path: Path) -> None:
    def frames(edits: Edits) -> np.ndarray:
        out = tmp_path / "edited.mp4"
        talker.talk(files / "one.png", files / "speech.wav", out, edits, TalkOptions("face", True))
        return _shown(out).astype(int)

    talker.save_mask(files / "one.png", tmp_path / "mask.png")
    mask = read_mask(tmp_path / "mask.png", 64)
    plain = frames(NO_EDITS)
    save_mask(tmp_path / "same.png", mask, 1)
    assert np.abs(frames(Edits(mask=tmp_path / "same.png")) - plain).max() == 0
    mask[4:14, 20:40] = REGION_INDEX["earrings"]
    save_mask(tmp_path / "edited.png", mask, 4)
    assert np.abs(frames(Edits(mask=tmp_path / "edited.png")) - plain)[:, 4:14, 20:40].max() > 20
    assert np.abs(frames(Edits(swaps=[Swap("hair", files / "other.png")])) - plain).max() > 3
    green = frames(Edits(background="#00ff00"))
    assert (np.abs(green[:, 2, 2] - np.array((0, 255, 0))) < 30).all()


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """Frames as they are handed to the encoder, before it loses anything, and without their watermark."""
    frames: list[np.ndarray] = []
    monkeypatch.setattr("segtalker.provenance.disclosure.Watermark.frames", lambda _, video: iter(video))
    monkeypatch.setattr("segtalker.inference.talker.write_video", lambda _, video, *__: frames.extend(video))
    return frames


def test_all_but_the_mouth_of_a_still_is_the_stills_own(
    talker: Talker, files: Path, draw: Any, tmp_path: Path, written: list[np.ndarray]
) -> None:
    talker.talk(files / "one.png", files / "speech.wav", tmp_path / "o.mp4", NO_EDITS, TalkOptions("mouth", False))
    portrait = read_image(files / "one.png")
    changed = (np.stack(written) != portrait).any(axis=(0, 3))
    mask = draw(240, 100.0, 96.0, 34.0, 0.2).mask
    assert 0.02 < changed.mean() < 0.2
    assert not changed[np.isin(mask, [REGION_INDEX[name] for name in ("eyes", "eyebrows")])].any()
    assert changed[mask == REGION_INDEX["lip"]].all()
    talker.talk(files / "one.png", files / "speech.wav", tmp_path / "o.mp4", NO_EDITS, TalkOptions("face", False))
    assert (np.stack(written[50:]) != portrait).any(axis=(0, 3)).mean() > 2 * changed.mean()


def test_all_but_the_mouth_of_a_video_is_the_videos_own(
    talker: Talker, files: Path, draw: Any, tmp_path: Path, written: list[np.ndarray]
) -> None:
    poses = [colourise(draw(160, 80.0 + shift, 66.0, 24.0, 0.2).mask) for shift in range(8)]
    write_video(tmp_path / "portrait.mp4", iter(poses), 25, None, 16000, 4)
    source = _shown(tmp_path / "portrait.mp4")
    talker.talk(
        tmp_path / "portrait.mp4", files / "speech.wav", tmp_path / "o.mp4", NO_EDITS, TalkOptions("mouth", False)
    )
    walked = source[back_and_forth(len(source), len(written))]
    changed = (np.stack(written) != walked).any(axis=3)
    assert changed.any(axis=(1, 2)).all()
    assert changed.mean() < 0.2
    assert not changed[:, :66].any()  # above the middle of the face


def test_an_edit_adds_its_regions_to_what_is_painted(
    talker: Talker, files: Path, tmp_path: Path, written: list[np.ndarray]
) -> None:
    def changed(edits: Edits) -> np.ndarray:
        written.clear()
        talker.talk(files / "one.png", files / "speech.wav", tmp_path / "o.mp4", edits, TalkOptions("mouth", True))
        return (np.stack(written) != plain).any(axis=(0, 3)) if plain is not None else np.array(written)

    plain = None
    plain = changed(NO_EDITS)
    talker.save_mask(files / "one.png", tmp_path / "mask.png")
    mask = read_mask(tmp_path / "mask.png", 64)
    hair = changed(Edits(swaps=[Swap("hair", files / "other.png")]))
    assert hair[mask == REGION_INDEX["hair"]].mean() > 0.9
    assert not hair[mask == REGION_INDEX["eyes"]].all()
    assert changed(Edits(background="#00ff00"))[:20][mask[:20] == BACKGROUND].all()
    edited = mask.copy()
    edited[4:14, 20:40] = REGION_INDEX["earrings"]
    save_mask(tmp_path / "edited.png", edited, 4)
    reshaped = changed(Edits(mask=tmp_path / "edited.png"))
    assert reshaped[6:12, 22:38].all()
    assert not reshaped[:, -6:].any()


def test_edits_are_done_in_the_whole_picture(talker: Talker, files: Path, tmp_path: Path) -> None:
    edits = Edits(swaps=[Swap("neck", files / "other.png")], background="#102030")
    made = talker.talk(files / "one.png", files / "speech.wav", tmp_path / "o.mp4", edits)
    assert made.width == 240
    assert (np.abs(_shown(tmp_path / "o.mp4")[:, :20, 220:].astype(int) - (16, 32, 48)) < 12).all()


def test_a_video_portrait_is_as_long_as_the_speech(talker: Talker, files: Path, draw: Any, tmp_path: Path) -> None:
    poses = [colourise(draw(160, 80.0 + shift, 66.0, 24.0, 0.2).mask)[:, :151] for shift in range(8)]
    write_video(tmp_path / "portrait.mp4", (pose[:, :150] for pose in poses), 25, None, 16000, 4)
    made = talker.talk(
        tmp_path / "portrait.mp4", files / "speech.wav", tmp_path / "o.mp4", NO_EDITS, TalkOptions("face", False)
    )
    assert (made.frames, made.width, made.height) == (50, 150, 160)


def test_long_speech_is_analysed_in_pieces(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = np.random.default_rng(1).uniform(-0.5, 0.5, 5 * 16000 + 123).astype(np.float32)
    whole = log_mel(samples, 16000, params.base.mel)
    monkeypatch.setattr("segtalker.media.mel._MEL_PIECE_S", 1)
    pieces = speech_mel(samples, params)
    assert pieces.shape == whole.shape
    np.testing.assert_allclose(pieces, whole, atol=1e-5)


@pytest.fixture
def fails(talker: Talker, files: Path, tmp_path: Path) -> Callable[..., str]:
    """The message a wrong file leads to; nothing may be left behind."""

    def message(
        portrait: str = "one.png", audio: str = "speech.wav", out: str = "o.mp4", edits: Edits = NO_EDITS
    ) -> str:
        with pytest.raises(SegTalkerError) as raised:
            talker.talk(files / portrait, files / audio, tmp_path / out, edits, TalkOptions("face", True))
        assert "\n" not in str(raised.value)
        assert not list(tmp_path.rglob("*.mp4"))
        return str(raised.value)

    return message


def test_wrong_files_are_said_in_one_line(fails: Callable[..., str], files: Path) -> None:
    write_video(files / "mute.mp4", iter([np.zeros((64, 64, 3), np.uint8)] * 10), 25, None, 16000, 20)
    write_wav(files / "short.wav", np.full(900, 0.3, np.float32), 16000)
    write_wav(files / "silent.wav", np.zeros(16000, np.float32), 16000)
    (files / "text.wav").write_text("no sound")
    assert "no such file" in fails(portrait="absent.png")
    assert "no such file" in fails(audio="absent.wav")
    assert "mute.mp4: no sound track" in fails(audio="mute.mp4")
    assert "no face found" in fails(portrait="mute.mp4")
    assert "0.06 s of sound" in fails(audio="short.wav")
    assert "silent" in fails(audio="silent.wav")
    assert "text.wav" in fails(audio="text.wav")
    assert "only .mp4" in fails(out="o.avi")
    assert "mask.png: no such file" in fails(edits=Edits(mask=files / "mask.png"))
    assert "absent.png: no such file" in fails(edits=Edits(swaps=[Swap("hair", files / "absent.png")]))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_place_is_said(fails: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    assert "cannot be written" in fails(out="locked/o.mp4")


def test_a_place_that_cannot_be_a_folder_is_said(talker: Talker, files: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for out, reason in ((tmp_path / "file" / "o.mp4", "cannot be written"), (tmp_path, "only .mp4")):
        with pytest.raises(BadInputError, match=reason):
            talker.talk(files / "one.png", files / "speech.wav", out, NO_EDITS, TalkOptions("face", True))


def test_the_phases_are_said_and_raising_from_there_ends_the_work(talker: Talker, files: Path, tmp_path: Path) -> None:
    said: list[tuple[str, float]] = []
    out = tmp_path / "o.mp4"
    talker.talk(files / "one.png", files / "speech.wav", out, report=lambda *what: said.append(what))
    shares: dict[str, list[float]] = {}
    for phase, share in said:
        shares.setdefault(phase, []).append(share)
    assert [*shares] == ["reading the sound", "finding the face", "parsing", "looking at who speaks", "painting"]
    assert all(0 <= share <= 1 for _, share in said)
    assert shares["painting"] == sorted(shares["painting"])
    assert (shares["painting"][0], shares["painting"][-1]) == (0, 1)
    out.unlink()

    def cancel(phase: str, share: float) -> None:
        if phase == "painting" and share > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        talker.talk(files / "one.png", files / "speech.wav", out, report=cancel)
    assert not list(tmp_path.iterdir())


def test_the_mask_to_paint_is_of_the_chosen_face_and_part(talker: Talker, draw: Any, tmp_path: Path) -> None:
    picture = np.concatenate([colourise(draw(150, 75.0, 60.0, 24.0, gap).mask) for gap in (0.05, 0.5)], axis=1)
    write_png(tmp_path / "two.png", picture)

    def mouth(portrait: Path, options: TalkOptions) -> int:
        talker.save_mask(portrait, tmp_path / "mask.png", options)
        return int((read_mask(tmp_path / "mask.png", 64) == MOUTH).sum())

    assert mouth(tmp_path / "two.png", TalkOptions(face=1)) < 20 < mouth(tmp_path / "two.png", TalkOptions(face=2))
    poses = [colourise(draw(150, 75.0, 60.0, 24.0, gap).mask) for gap in (0.05, 0.5, 0.05, 0.05)]
    write_video(tmp_path / "video.mp4", iter(poses), 25, None, 16000, 4)
    for options in (TalkOptions(head="still"), TalkOptions(from_s=0.08), TalkOptions(to_s=0.04)):
        assert mouth(tmp_path / "video.mp4", options) < 20 < mouth(tmp_path / "video.mp4", TalkOptions())


def test_networks_are_loaded_by_the_name_of_their_experiment(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "demo").symlink_to(models)
    monkeypatch.setattr("segtalker.inference.talk_inputs.experiment_params", lambda *_: tiny_params())
    monkeypatch.setattr("segtalker.inference.talker.experiment_params", lambda *_: tiny_params())
    assert Talker.load(root=tmp_path).settings.image_size == 64
    with pytest.raises(MissingWeightsError, match="--experiment other: its networks are not trained yet"):
        Talker.load("other", root=tmp_path)


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory, draw: Any) -> Path:
    """A second of 29.97 frames a second, of odd height, with no face from the 10th frame to the 21st."""
    path = tmp_path_factory.mktemp("filmed") / "filmed.mkv"
    poses = [colourise(draw(160, 80.0 + shift / 2, 66.0, 24.0, 0.2).mask)[:151] for shift in range(30)]
    poses[10:22] = [np.full_like(pose, 60) for pose in poses[10:22]]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=Fraction(30000, 1001))
        stream.width, stream.height, stream.pix_fmt = 160, 151, "bgr0"
        for pose in poses:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pose, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def _pictures(path: Path) -> np.ndarray:
    return np.stack(list(open_pictures(path, "pyav", 25)))


def test_a_video_keeps_its_rate_its_size_and_every_frame(
    talker: Talker, files: Path, filmed: Path, tmp_path: Path, written: list[np.ndarray]
) -> None:
    made = talker.talk(filmed, files / "speech.wav", tmp_path / "o.mp4", options=TalkOptions(loop="hold"))
    source = _pictures(filmed)
    assert source.shape == (30, 151, 160, 3)
    assert (made.rate, made.frames, made.width, made.height) == (Fraction(30000, 1001), 60, 160, 152)
    assert made.untouched == 12
    frames = np.stack(written)[:, :151]
    np.testing.assert_array_equal(np.stack(written)[:, 151], frames[:, 150])
    changed = (frames != source[np.arange(60).clip(max=29)]).any(axis=3)
    assert (np.flatnonzero(~changed.any(axis=(1, 2))) == np.arange(10, 22)).all()
    assert not changed[:, :66].any()  # above the middle of the face, to the last bit
    assert changed.mean() < 0.2


@pytest.mark.parametrize(("loop", "expected"), [("pingpong", 60), ("hold", 60), ("cut", 30)])
def test_speech_that_is_longer_than_the_video(
    talker: Talker, files: Path, filmed: Path, tmp_path: Path, loop: Any, expected: int
) -> None:
    out = tmp_path / "o.mp4"
    made = talker.talk(filmed, files / "speech.wav", out, options=TalkOptions(loop=loop))
    shown, source = _pictures(out)[:, :60], _pictures(filmed)[:, :60]
    assert len(shown) == made.frames == expected
    own = source[source_order(30, 60, loop)].astype(int)
    # what is not painted comes through the encoder nearly as it was
    errors = (shown - own).astype(float)
    assert 10 * np.log10(255**2 / np.square(errors).mean()) > 38
    with av.open(str(out)) as container:
        sound = container.streams.audio[0]
        assert sound.rate == 16000
        assert float(sound.duration * sound.time_base) == pytest.approx(expected / 29.97, abs=1 / 29.97 + 0.064)


def test_a_part_of_a_video_may_be_held(
    talker: Talker, files: Path, filmed: Path, tmp_path: Path, written: list[np.ndarray]
) -> None:
    options = TalkOptions(from_s=0.9, head="still")
    made = talker.talk(filmed, files / "speech.wav", tmp_path / "o.mp4", options=options)
    assert made.frames == 60
    np.testing.assert_array_equal(np.stack(written)[:, :60], np.stack([_pictures(filmed)[27, :60]] * 60))
    written.clear()
    made = talker.talk(filmed, files / "speech.wav", tmp_path / "o.mp4", options=TalkOptions(from_s=0.8, loop="cut"))
    assert made.frames == 6
    np.testing.assert_array_equal(np.stack(written)[:, :60], _pictures(filmed)[24:, :60])
