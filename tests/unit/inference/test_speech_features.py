"""Features of encoders as transformers saves them, against those encoders themselves."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_people import SETTINGS
from safetensors.torch import load_file, save_file
from transformers import HubertConfig, HubertModel, Wav2Vec2Config, Wav2Vec2Model, WavLMConfig, WavLMModel

from segtalker.clips.store import Clip
from segtalker.config.base import Clock
from segtalker.config.training import SpeechFeatures
from segtalker.inference.speech_features import SpeechEncoder, cached_features, feature_rows
from segtalker.inference.talk_model import TalkModel
from segtalker.nets.checkpoints import save_net
from segtalker.nets.feature_encoder import FeatureEncoder, FeatureSegmenter
from segtalker.regions import NUM_REGIONS
from segtalker.utils.errors import BadInputError

ROWS, CLOCK, CPU = 16, Clock(25, 16000, 200, 5), torch.device("cpu")
MODELS = {
    "hubert": (HubertConfig, HubertModel),
    "wav2vec2": (Wav2Vec2Config, Wav2Vec2Model),
    "wavlm": (WavLMConfig, WavLMModel),
}


def _save(folder: Path, kind: str = "hubert", seed: int = 0, normalises: bool | None = None) -> Path:
    """A tiny random encoder with the published convolutions."""
    torch.manual_seed(seed)
    config, model = MODELS[kind]
    small = config(
        hidden_size=ROWS, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, conv_dim=(8,) * 7,
        num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    model(small).save_pretrained(folder)
    if normalises is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps({"do_normalize": normalises}))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _save(tmp_path_factory.mktemp("encoder"))


def _sound(seconds: float, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(int(seconds * 16000)) * 0.1).astype(np.float32)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("normalises", [True, False, None])
def test_features_are_the_encoders_own_at_the_times_of_columns(
    tmp_path: Path, kind: str, normalises: bool | None
) -> None:
    encoder, sound = SpeechEncoder(_save(tmp_path, kind, normalises=normalises), CLOCK, CPU), _sound(1.5) + 0.05
    features = encoder(sound, 121)
    assert (encoder.stride, encoder.field) == (320, 400)
    assert features.shape == (ROWS, 121)
    assert features.dtype == np.float32
    heard = sound if normalises is False else (sound - sound.mean()) / sound.std()
    model = MODELS[kind][1].from_pretrained(tmp_path).eval()
    with torch.no_grad():
        own = model(torch.from_numpy(heard)[None]).last_hidden_state[0].numpy()
    seconds = (np.arange(len(own)) * 320 + 200) / 16000
    expected = np.stack([np.interp(np.arange(121) / 80, seconds, row) for row in own.T])
    np.testing.assert_allclose(features, expected, rtol=1e-3, atol=1e-4)


def test_long_sound_goes_piece_by_piece(folder: Path) -> None:
    encoder, sizes = SpeechEncoder(folder, CLOCK, CPU), []
    inner = encoder._features
    encoder._features = lambda samples: sizes.append(len(samples)) or inner(samples)
    sound = _sound(40.0)
    features = encoder(sound, 3201)
    assert features.shape == (ROWS, 3201)
    assert len(sizes) == 3
    assert max(sizes) <= 18.1 * 16000
    changed = sound.copy()
    changed[20 * 16000 :] = _sound(20.0, seed=1)
    later = encoder(changed, 3201)
    np.testing.assert_array_equal(later[:, : 15 * 80], features[:, : 15 * 80])  # what comes later is not heard
    assert not np.allclose(later[:, 21 * 80 :], features[:, 21 * 80 :])


def test_a_blink_of_sound_has_features_too(folder: Path) -> None:
    features = SpeechEncoder(folder, CLOCK, CPU)(_sound(0.01), 1)
    assert features.shape == (ROWS, 1)
    assert np.isfinite(features).all()


def test_what_is_no_encoder_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"config\.json: cannot be read .*train_tsg\.features\.weights"):
        feature_rows(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BadInputError, match="names no hidden_size"):
        feature_rows(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"hidden_size": 4, "conv_kernel": [10], "model_type": "hubert"}))
    with pytest.raises(BadInputError, match="no encoder transformers can open") as caught:
        SpeechEncoder(tmp_path, CLOCK, CPU)
    assert "\n" not in str(caught.value)
    with pytest.raises(BadInputError, match="sample_rate_hz must be 16000"):
        SpeechEncoder(_save(tmp_path / "own"), replace(CLOCK, sample_rate_hz=22050), CPU)


def test_weights_that_are_not_whole_are_refused(tmp_path: Path) -> None:
    _save(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    name = next(iter(weights))
    rest = {key: value for key, value in weights.items() if key != name}
    save_file(rest, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BadInputError, match="its weights lack"):
        SpeechEncoder(tmp_path, CLOCK, CPU)


def test_half_precision_on_disk_is_heard_in_float32(tmp_path: Path) -> None:
    MODELS["hubert"][1].from_pretrained(_save(tmp_path / "whole")).half().save_pretrained(tmp_path / "half")
    whole, half = (SpeechEncoder(tmp_path / name, CLOCK, CPU)(_sound(1.0), 81) for name in ("whole", "half"))
    np.testing.assert_allclose(whole, half, atol=0.02)


@pytest.mark.parametrize("content", [[], {"hidden_size": 8, "model_type": "bert"}])
def test_a_config_of_another_kind_is_refused(tmp_path: Path, content: object) -> None:
    (tmp_path / "config.json").write_text(json.dumps(content))
    with pytest.raises(BadInputError, match=r"config\.json: (cannot be read|names no conv_kernel)"):
        feature_rows(tmp_path)


def test_code_of_a_folder_never_runs(tmp_path: Path) -> None:
    _save(tmp_path)
    content = json.loads((tmp_path / "config.json").read_text())
    content |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModel": "own.Model"}}
    (tmp_path / "config.json").write_text(json.dumps(content))
    (tmp_path / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(BadInputError, match="no encoder transformers can open"):
        SpeechEncoder(tmp_path, CLOCK, CPU)
    assert not (tmp_path / "ran").exists()


def test_features_of_a_clip_are_made_once(
    folder: Path, clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGTALKER_WEIGHTS", str(tmp_path / "weights"))
    encoder, calls = SpeechEncoder(folder, CLOCK, CPU), []
    inner = encoder._features
    encoder._features = lambda samples: calls.append(1) or inner(samples)
    first = cached_features(encoder, clips[0])
    assert first.shape == (ROWS, clips[0].mel.shape[1])
    np.testing.assert_array_equal(first, encoder(clips[0].audio, clips[0].mel.shape[1]))
    count = len(calls)
    np.testing.assert_array_equal(cached_features(encoder, clips[0]), first)
    assert len(calls) == count
    other = SpeechEncoder(_save(tmp_path / "other", seed=1), CLOCK, CPU)
    assert not np.allclose(cached_features(other, clips[0]), first)


def test_the_encoder_of_features_hears_over_time() -> None:
    torch.manual_seed(0)
    net, features = FeatureEncoder(ROWS, 24, 8, 5), torch.randn(3, ROWS, 24)
    vectors = net(features)
    assert vectors.shape == (3, 5)
    torch.testing.assert_close(net(3.0 * features), vectors, atol=1e-3, rtol=1e-3)  # loudness of features says nothing
    assert not torch.allclose(net(features.flip(2)), vectors, atol=1e-3)


@pytest.fixture
def hearing_models(models: Path, tmp_path: Path) -> Path:
    """Untrained networks whose segmenter hears features."""
    torch.manual_seed(0)
    segmenter = FeatureSegmenter(
        regions=NUM_REGIONS, frames=5, mel_bins=ROWS, mel_window=24, channels=[8, 8], decoder_channels=[8, 8],
        audio_channels=[4, 4], blocks=1, speech=8,
    )  # fmt: skip
    (tmp_path / "models" / "train_sgi").mkdir(parents=True)
    for name in ("encoder", "generator"):
        (tmp_path / "models" / "train_sgi" / f"{name}.ckpt").symlink_to(models / "train_sgi" / f"{name}.ckpt")
    save_net(tmp_path / "models" / "train_tsg" / "tsg.ckpt", segmenter, "0" * 64)
    return tmp_path / "models"


def test_a_talker_hears_by_features(hearing_models: Path, folder: Path, clips: list[Clip]) -> None:
    settings = replace(SETTINGS, speech=SpeechFeatures(kind="hubert", weights=str(folder)))
    talk_model = TalkModel.load(hearing_models, settings, CPU)
    identity, clip = talk_model.identify(clips[0]), clips[0]
    heard = talk_model.hears(clip.mel, lambda: clip.audio)
    assert heard.shape == (ROWS, clip.mel.shape[1])
    timeline = talk_model.trained_timeline(clip, 20)
    scores = [
        np.concatenate([masks for _, masks in talk_model.talking_masks(clip, identity, sound, timeline, edit=None)])
        for sound in (heard, talk_model.hears(clip.mel, lambda: np.zeros_like(clip.audio)))
    ]
    assert scores[0].shape == scores[1].shape == (20, *clip.masks.read([0]).shape[1:])
    assert (scores[0] != scores[1]).any()


def test_a_segmenter_and_params_that_hear_otherwise_are_refused(
    hearing_models: Path, models: Path, folder: Path
) -> None:
    with pytest.raises(BadInputError, match="does not hear mel"):
        TalkModel.load(hearing_models, SETTINGS, CPU)
    settings = replace(SETTINGS, speech=SpeechFeatures(kind="hubert", weights=str(folder)))
    with pytest.raises(BadInputError, match="does not hear hubert"):
        TalkModel.load(models, settings, CPU)
