"""The whole way through SyncNet, from a clip's frames and sound to three numbers, against the release's computation."""

import dataclasses
import json
import math
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from segtalker.clips.store import processed_clip, write_wav
from segtalker.evaluation import clip as evaluation
from segtalker.evaluation.metric_nets import WeightFiles
from segtalker.media.mfcc import mfcc
from segtalker.metrics.sync import SYNCNET
from segtalker.nets.external.syncnet import SyncNet

RATE_HZ, SHIFTS, FRAMES = 16000, 15, 24


@pytest.fixture(scope="module")
def net() -> SyncNet:
    """With random weights, whose embeddings differ from window to window about as much as they do of noise."""
    torch.manual_seed(0)
    net = SyncNet()
    for layer in net.modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.Conv3d | torch.nn.Linear):
            torch.nn.init.kaiming_normal_(layer.weight)
    return net


def _release(net: SyncNet, frames: np.ndarray, samples: np.ndarray) -> tuple[float, float, int]:
    """`SyncNetInstance.evaluate` of the release: frames RGB, samples 16-bit."""
    images = np.stack([cv2.resize(frame[..., ::-1], (224, 224)) for frame in frames], axis=3)
    images = torch.from_numpy(np.expand_dims(images, 0).transpose(0, 3, 4, 1, 2).astype(float)).float()
    cepstra = torch.from_numpy(mfcc(samples, RATE_HZ)).float()
    last = min(len(frames), math.floor(len(samples) / 640)) - 5
    with torch.inference_mode():
        seen = torch.cat([net.embed_frames(images[:, :, first : first + 5]) for first in range(last)])
        heard = torch.cat([net.embed_audio(cepstra[None, :, first * 4 : first * 4 + 20]) for first in range(last)])
        padded = F.pad(heard, (0, 0, SHIFTS, SHIFTS))
        rows = [
            F.pairwise_distance(row.repeat(2 * SHIFTS + 1, 1), padded[at : at + 2 * SHIFTS + 1])
            for at, row in enumerate(seen)
        ]
    means = torch.stack(rows, dim=1).mean(dim=1)
    smallest, index = means.min(dim=0)
    return float(smallest), float(means.median() - smallest), int(SHIFTS - index)


@pytest.mark.parametrize("samples", [FRAMES * 640, 22 * 640 + 500])
def test_equals_the_release(
    drawn: SimpleNamespace, net: SyncNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, samples: int
):
    config = drawn.evaluate_config(tmp_path)
    drawn.write_clip(config.data, "face", drawn.speech(1))
    clip = processed_clip(config.data, config.dataset, "face", "face")
    sound = np.random.default_rng(0).normal(0, 2000, samples).round()
    write_wav(clip.crop_folder / "audio.wav", (sound / 32767).astype(np.float32), RATE_HZ)
    weights = tmp_path / "syncnet_v2.model"
    weights.write_bytes(b"stands for the file")
    nets = dataclasses.replace(config.nets, weights=WeightFiles((("syncnet", weights),)), stand_ins=False)
    monkeypatch.setattr(evaluation, "load_metric_nets", lambda _: drawn.make_nets({SYNCNET: net}))
    record = evaluation.EvaluationRecord(
        clip_id="face", subject="face", source=Path("x.mp4"), methods=(), compared=FRAMES
    )
    evaluation.evaluate_clip(dataclasses.replace(config, nets=nets, batch_size=7), record, tmp_path)
    scores = json.loads((tmp_path / "scores.json").read_text())["scores"]["ground_truth"]
    distance, confidence, offset = _release(net, clip.frames.read(range(FRAMES)), sound)
    assert scores["lse_d_syncnet"]["value"] == pytest.approx(distance, rel=1e-5)
    assert scores["lse_c_syncnet"]["value"] == pytest.approx(confidence, rel=1e-4)
    assert scores["offset_syncnet"]["value"] == offset
