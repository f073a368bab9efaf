"""Offsets of real recordings: one picture with its sound in time, and 5 frames late.

The weights of SyncNet are not part of this project, so an expert learns here, in seconds, from the first part of the
clip that is in time, and has to find both offsets in the part it has not seen. What is tested is everything around
it: decoding, encoder delay, the clock of picture and sound, windows, mouth boxes, the search.
"""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from flows.stages.train_sync import expert_net
from segtalker.clips.image_pack import ImagePack
from segtalker.clips.record import ClipRecord
from segtalker.config.params import Params, load_params, merge, parse_params
from segtalker.faces.mouth_box import box_transforms, extract_boxes
from segtalker.media.mel import gather_columns, window_starts
from segtalker.metrics.sync_expert import embed_windows
from segtalker.metrics.sync_scores import SyncScores, sync_scores
from segtalker.nets.sync import SyncExpert
from segtalker.nets.tensors import rgb_channels
from segtalker.preprocessing.crop import crop_clip

ROOT = os.environ.get("SEGTALKER_REAL_DATA", "")
pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(not ROOT, reason="SEGTALKER_REAL_DATA is not set"),
]
LEARNED, STEPS, BATCH, MAX_SHIFT = 187, 200, 48, 15  # windows, of 313
Windows = tuple[torch.Tensor, torch.Tensor]  # mouth boxes of all frames, speech of all windows


@pytest.fixture(scope="module")
def params() -> Params:
    crop = {"detector": "mediapipe", "weights": f"{ROOT}/weights/face_landmarker.task", "decoder": "pyav"}
    changes = {"base": {"image_size": 128}, "crop": crop | {"detect_every": 2}}
    return parse_params(merge(load_params(Path(__file__).parents[2]).model_dump(mode="json"), changes), "test")


def _windows(name: str, params: Params, folder: Path) -> Windows:
    """A recording as `crop` and the experts see it."""
    folder.mkdir()
    record = ClipRecord(clip_id=name, source=Path(f"{ROOT}/videos/sync/{name}.avi"))
    crop_clip(params.base, params.crop, 512, record, folder)
    box, mel = params.base.mouth_box, np.load(folder / "mel.npy")
    places = box_transforms(np.load(folder / "landmarks.npy"), (box.height, box.width), box.smooth_frames)
    frames = ImagePack(folder / "frames.zip").read()
    boxes = rgb_channels(torch.from_numpy(extract_boxes(frames, places, (box.height, box.width))))
    starts = window_starts(np.arange(len(frames) - 4), params.base.clock)
    return boxes, torch.from_numpy(gather_columns(mel, starts, params.base.mel_window))


def _learn(expert: SyncExpert, boxes: torch.Tensor, speech: torch.Tensor) -> None:
    """Tells the speech of each window from that of others."""
    rng, same = np.random.default_rng(0), torch.arange(BATCH)
    optimizer = torch.optim.AdamW(expert.parameters(), 2e-3, weight_decay=0.05)
    for _ in range(STEPS):
        chosen = rng.choice(LEARNED, BATCH, replace=False)
        frames = torch.stack([boxes[first : first + 5] for first in chosen])
        frames = frames.roll(tuple(rng.integers(-4, 5, 2).tolist()), (-2, -1))
        frames = frames + 0.1 * torch.randn(BATCH, 1, 3, 1, 1)
        heard = speech[chosen] + 0.3 * torch.randn(BATCH, *speech.shape[1:])
        alike = expert.embed_frames(frames) @ expert.embed_audio(heard).T / 0.07
        near = torch.from_numpy(abs(chosen[:, None] - chosen[None]) == 1)
        alike = alike.masked_fill(near, -1e4)
        loss = F.cross_entropy(alike, same) + F.cross_entropy(alike.T, same)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@pytest.fixture(scope="module")
def scores(params: Params, tmp_path_factory: pytest.TempPathFactory) -> dict[str, SyncScores]:
    """Of the unseen part of both recordings."""
    folder = tmp_path_factory.mktemp("sync")
    recordings = {name: _windows(name, params, folder / name) for name in ("test_offset_0", "test_offset_5")}
    torch.manual_seed(0)
    expert = expert_net("image", params)
    _learn(expert, *recordings["test_offset_0"])
    expert.eval()
    found = {}
    for name, (boxes, speech) in recordings.items():
        unseen = embed_windows(expert, boxes[LEARNED + 4 :], speech[LEARNED + 4 :], BATCH)
        found[name] = sync_scores(*(vectors.numpy() for vectors in unseen), MAX_SHIFT, zero_padding=False)
    return found


def test_both_offsets_are_found(scores):
    assert scores["test_offset_0"].offset == 0
    assert scores["test_offset_5"].offset == -5  # negative where the sound lags


def test_the_right_shift_stands_out(scores):
    assert all(found.confidence > 0.05 for found in scores.values())
