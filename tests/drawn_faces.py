"""Talking faces drawn in region colours, and networks that read them exactly: no training in tests of measuring."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, SimpleNamespace

import cv2
import numpy as np
import torch
from torch import nn

from segtalker.clips.image_pack import write_images
from segtalker.clips.store import CLIP_COLUMNS, write_table, write_wav
from segtalker.config.base import Clock
from segtalker.evaluation.clip import EvaluateConfig
from segtalker.evaluation.metric_nets import MetricNetsConfig, WeightFiles
from segtalker.faces.parsing import ParserChoice
from segtalker.metrics.frame_chunks import MetricNets
from segtalker.metrics.perceptual import SEEDED
from segtalker.metrics.registry import MetricNet
from segtalker.metrics.sync import EXPERT
from segtalker.nets.seeded_features import SeededFeatures
from segtalker.regions import BACKGROUND, LIP, MOUTH, PALETTE, REGION_INDEX

SIZE, FRAMES, FPS, RATE_HZ, MEL_HOP = 128, 60, 25, 16000, 200
MEL_RATE = RATE_HZ / MEL_HOP
DATASET = "drawn"


class PaletteParser(nn.Module):
    """Names the region whose colour is nearest."""

    def __init__(self) -> None:
        super().__init__()
        self.colours = nn.Parameter(torch.from_numpy(PALETTE).float() / 127.5 - 1.0, requires_grad=False)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        # -|x - c|^2 / 2 but for what is the same for every region
        return nn.functional.conv2d(image, self.colours[:, :, None, None], -self.colours.square().sum(dim=1) / 2)


class _SpeechWindow:
    window = (80, 16)


class OpeningExpert(nn.Module):
    """Compares how far the mouth is open in five frames with the loudness of their speech."""

    window = (5, 3, 64, 96)
    audio_tower = _SpeechWindow()

    def embed_frames(self, frames: torch.Tensor) -> torch.Tensor:
        colour = torch.from_numpy(PALETTE[MOUTH]).float()[:, None, None] / 127.5 - 1.0
        share = ((frames - colour).abs().amax(dim=2) < 0.2).float().mean(dim=(2, 3))  # (B, 5)
        return nn.functional.normalize(share - share.mean(dim=1, keepdim=True))

    def embed_audio(self, mel: torch.Tensor) -> torch.Tensor:
        columns = (torch.arange(5) * MEL_RATE / FPS).long()
        loudness = mel.mean(dim=1)[:, columns]
        return nn.functional.normalize(loudness - loudness.mean(dim=1, keepdim=True))


def speech(seed: int, frames: int = FRAMES) -> np.ndarray:
    """Loudness of each frame, `(T,)`, in [0, 1]."""
    rng = np.random.default_rng(seed)
    loud = np.convolve(rng.random(frames + 2), np.ones(3) / 3, mode="valid")
    return (loud - loud.min()) / (loud.max() - loud.min())


def draw_masks(loudness: np.ndarray) -> np.ndarray:
    """A nodding face that opens its mouth with its speech, `(T, 128, 128)`, uint8."""
    masks = []
    for step, amount in enumerate(loudness):
        x, y = 64 + 4 * np.sin(step / 9), 62 + 2 * np.cos(step / 7)
        mask = np.full((SIZE, SIZE), BACKGROUND, np.uint8)

        def oval(dx: float, dy: float, width: float, height: float, region: int, mask=mask, x=x, y=y) -> None:
            centre, axes = (round((x + dx) * 16), round((y + dy) * 16)), (round(width * 16), round(height * 16))
            cv2.ellipse(mask, centre, axes, 0, 0, 360, region, -1, cv2.LINE_8, 4)

        oval(0, -8, 46, 50, REGION_INDEX["hair"])
        oval(0, 0, 38, 48, REGION_INDEX["skin"])
        oval(0, 4, 5, 9, REGION_INDEX["nose"])
        for side in (-15, 15):
            oval(side, -10, 6, 3, REGION_INDEX["eyes"])
            oval(side, -18, 8, 2, REGION_INDEX["eyebrows"])
        oval(0, 26, 14, 4 + 7 * amount, LIP)
        oval(0, 26, 10, 7 * amount, MOUTH)
        masks.append(mask)
    return np.stack(masks)


def paint(masks: np.ndarray) -> np.ndarray:
    """Region colours with a fine texture that moves with nothing, `(T, H, W, 3)`, uint8."""
    grain = np.random.default_rng(0).normal(0, 2, (SIZE, SIZE, 1))
    return np.clip(PALETTE[masks] + grain, 0, 255).astype(np.uint8)


def landmarks() -> np.ndarray:
    """Of the drawn face, `(T, 68, 2)`; only eyes and nose base are where they belong."""
    points = np.zeros((FRAMES, 68, 2), np.float32)
    steps = np.arange(FRAMES)
    centre = np.stack([64 + 4 * np.sin(steps / 9), 62 + 2 * np.cos(steps / 7)], axis=-1)[:, None]
    points[:] = centre
    for index, dx in ((36, -20), (39, -10), (42, 10), (45, 20)):
        points[:, index] = centre[:, 0] + (dx, -10)
    for index, dx in zip(range(31, 36), (-4, -2, 0, 2, 4), strict=True):
        points[:, index] = centre[:, 0] + (dx, 12)
    return points


def write_clip(data: Path, clip_id: str, loudness: np.ndarray) -> None:
    """A clip as crop and parse leave it."""
    crop, parsed = (data / stage / DATASET / "clips" / clip_id for stage in ("crop", "parse"))
    crop.mkdir(parents=True)
    masks = draw_masks(loudness)
    write_images(crop / "frames.zip", paint(masks), ".jpg")
    write_images(crop / "truth_masks.zip", masks, ".pgm")
    write_images(parsed / "masks.zip", masks, ".pgm")
    np.save(crop / "landmarks.npy", landmarks())
    columns = np.rint(np.arange(FRAMES * MEL_RATE / FPS + 16) * FPS / MEL_RATE).astype(int).clip(0, FRAMES - 1)
    np.save(crop / "mel.npy", np.tile(loudness[columns], (80, 1)).astype(np.float32))
    hum = np.sin(np.arange(FRAMES * RATE_HZ // FPS) * 0.05) * np.repeat(loudness, RATE_HZ // FPS) * 0.5
    write_wav(crop / "audio.wav", hum.astype(np.float32), RATE_HZ)


def write_split(data: Path, clips: dict[str, str]) -> None:
    """`clips.csv` of the test clips, subject by id."""
    rows = [
        {"clip_id": clip, "subject": subject, "split": "test", "source": "x.mp4"} for clip, subject in clips.items()
    ]
    write_table(data / "split" / DATASET / "clips.csv", rows, CLIP_COLUMNS)


def make_nets(others: Mapping[MetricNet, nn.Module] = MappingProxyType({})) -> MetricNets:
    """The networks of this file, and others."""
    torch.set_num_threads(1)  # as evaluation does
    loaded = {EXPERT: OpeningExpert(), SEEDED: SeededFeatures(), **others}
    return MetricNets(PaletteParser(), loaded, torch.device("cpu"))


def evaluate_config(root: Path) -> EvaluateConfig:
    return EvaluateConfig(
        data=root / "data",
        dataset=DATASET,
        generate_folder=root / "generate",
        cache=root / "cache",
        reference_masks="truth",
        nets=MetricNetsConfig(
            parser=ParserChoice("trained", root / "parser.ckpt", "cpu", "32-true"),
            expert=root / "expert.ckpt",
            weights=WeightFiles(()),
            stand_ins=True,
            device="cpu",
        ),
        clock=Clock(FPS, RATE_HZ, MEL_HOP, smooth_frames=1),
        batch_size=25,
    )


def functions() -> SimpleNamespace:
    """The functions of this file, for tests to call."""
    called = (speech, draw_masks, paint, write_clip, write_split, make_nets, evaluate_config)
    return SimpleNamespace(**{function.__name__: function for function in called}, frames=FRAMES)
