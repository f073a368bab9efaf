"""Drawn people with exact masks and landmarks, and untrained networks of the real classes at a tiny size."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from segtalker.clips.image_pack import write_images
from segtalker.clips.store import Clip, write_wav
from segtalker.config.base import Clock
from segtalker.config.params import Params, merge, parse_params, read_yaml
from segtalker.config.training import SpeechFeatures
from segtalker.faces.head_pose import PoseReferences
from segtalker.inference.talk_settings import TalkSettings
from segtalker.nets.checkpoints import save_net
from segtalker.nets.encoder import MaskGuidedEncoder
from segtalker.nets.generator import MaskGuidedGenerator
from segtalker.nets.parser import FaceParser
from segtalker.nets.tsg import TalkingSegmenter
from segtalker.nets.wav2lip import Wav2LipGenerator
from segtalker.regions import MOUTH, NUM_REGIONS, PALETTE, REGION_INDEX, colourise

SIZE, FPS, RATE_HZ, HOP = 64, 25, 16000, 200
SETTINGS = TalkSettings(
    image_size=SIZE,
    clock=Clock(FPS, RATE_HZ, HOP, smooth_frames=5),
    box_size=(16, 24),
    stride=2,
    edge=1,
    steady_window=9,
    pose_references=PoseReferences(most=6, step=0.05, reach=0.03),
    batch_size=8,
    speech=SpeechFeatures(kind="mel", weights=""),
)
_TSG = {
    "regions": NUM_REGIONS, "frames": 5, "mel_bins": 80, "mel_window": 24, "channels": [8, 8],
    "decoder_channels": [8, 8], "audio_channels": [4, 4], "blocks": 1, "speech": 8,
}  # fmt: skip
_WAV2LIP = {
    "channels": [4, 4, 6, 6, 8], "blocks": [0, 1, 1, 1], "decoder_channels": [4, 4, 6, 6, 8],
    "decoder_blocks": [1, 1, 1, 1], "audio_channels": [4, 4, 4, 4, 8], "audio_blocks": [1, 1, 1, 1], "mel_bins": 80,
    "mel_window": 16,
}  # fmt: skip
_CODE = {"regions": NUM_REGIONS, "image_size": SIZE, "style": 8, "texture": 4, "hung_mouth": True}
_ENCODER = _CODE | {
    "channels": {32: 8, 16: 8}, "taps": [32, 16], "present_share": 2e-4, "mask_guided": True,
    "lent_mouths": 0, "shut_below": 6e-3,
}  # fmt: skip
_PARSER = {"regions": NUM_REGIONS, "channels": 4, "multipliers": [1, 2]}
_GENERATOR = _CODE | {
    "channels": {16: 8, 32: 8}, "masked_up_to": 32, "mapping_layers": 1, "detailed": ("hair",), "exact_borders": False,
    "soft_edges": False,
}  # fmt: skip


def face_landmarks(x: float, y: float, scale: float, open_by: float) -> np.ndarray:
    """iBUG-68 of the drawn face: middle of the eyes, eye distance and mouth opening, in pixels."""
    points = np.zeros((68, 2))
    angle = np.linspace(np.pi, 0, 17)
    points[:17] = np.stack([1.1 * np.cos(angle), 0.4 + 1.5 * np.sin(angle)], axis=1)
    for first, side in ((17, -0.5), (22, 0.5)):
        points[first : first + 5] = np.stack([side + np.linspace(-0.3, 0.3, 5), np.full(5, -0.45)], axis=1)
    points[27:31, 1] = np.linspace(0, 0.5, 4)
    points[31:36] = np.stack([np.linspace(-0.2, 0.2, 5), np.full(5, 0.7)], axis=1)
    for first, side in ((36, -0.5), (42, 0.5)):
        reach = np.array([(-0.2, 0), (-0.07, -0.1), (0.07, -0.1), (0.2, 0), (0.07, 0.1), (-0.07, 0.1)])
        points[first : first + 6] = reach + np.array([side, 0.0])
    turn = np.linspace(np.pi, -np.pi, 12, endpoint=False)
    points[48:60] = np.stack([0.4 * np.cos(turn), 1.2 - (0.1 + open_by / 2) * np.sin(turn)], axis=1)
    turn = np.linspace(np.pi, -np.pi, 8, endpoint=False)
    points[60:] = np.stack([0.35 * np.cos(turn), 1.2 - open_by / 2 * np.sin(turn)], axis=1)
    return (points * scale + [x, y]).astype(np.float32)


def face_mask(size: int, x: float, y: float, scale: float, open_by: float) -> np.ndarray:
    """The regions of the same face, `(size, size)`, uint8."""
    mask = np.zeros((size, size), np.uint8)

    def ellipse(dx: float, dy: float, width: float, height: float, region: str) -> None:
        centre = (float(x + dx * scale), float(y + dy * scale))
        axes = (2 * width * scale, 2 * height * scale)
        cv2.ellipse(mask, (centre, axes, 0.0), REGION_INDEX[region], -1)

    ellipse(0, -0.2, 1.4, 1.5, "hair")
    ellipse(0, 2.0, 0.6, 0.9, "neck")
    ellipse(0, 0.4, 1.1, 1.5, "skin")
    for side in (-0.5, 0.5):
        ellipse(side, 0, 0.2, 0.1, "eyes")
        ellipse(side, -0.4, 0.3, 0.06, "eyebrows")
    ellipse(0, 0.35, 0.2, 0.37, "nose")
    ellipse(0, 1.2, 0.4, 0.1 + open_by / 2, "lip")
    if open_by:
        ellipse(0, 1.2, 0.33, open_by / 2, "mouth")
    return mask


def draw_clip(folder: Path, clip_id: str, subject: str, seed: int, frames: int = 60) -> Clip:
    """A clip of a drawn person who moves and opens the mouth now and then."""
    rng = np.random.default_rng(seed)
    opening = np.abs(np.sin(np.arange(frames) / 3 + seed)) * 0.3
    sway = np.sin(np.arange(frames) / 9) * 2
    poses = [(SIZE / 2 + shift, SIZE * 0.4, SIZE * 0.24, gap) for shift, gap in zip(sway, opening, strict=True)]
    masks = [face_mask(SIZE, *pose) for pose in poses]
    tint = rng.integers(-25, 25, 3)
    crop, parse = folder / "crop" / clip_id, folder / "parse" / clip_id
    wall = np.linspace(0, 90, SIZE)[None, :, None] * (masks[0][..., None] == 0)
    images = [np.clip(colourise(mask) + tint + wall, 0, 255).astype(np.uint8) for mask in masks]
    write_images(crop / "frames.zip", images, ".jpg")
    write_images(crop / "truth_masks.zip", masks, ".pgm")
    write_images(parse / "masks.zip", masks, ".pgm")
    np.save(crop / "landmarks.npy", np.stack([face_landmarks(*pose) for pose in poses]))
    seconds = frames / FPS
    np.save(crop / "mel.npy", rng.standard_normal((80, 1 + int(seconds * RATE_HZ / HOP))).astype(np.float32))
    write_wav(crop / "audio.wav", rng.uniform(-0.5, 0.5, int(seconds * RATE_HZ)).astype(np.float32), RATE_HZ)
    return Clip(clip_id, subject, "test", crop, parse, parse)


@dataclass(frozen=True)
class DrawnFace:
    """A face at a place: middle of the eyes, eye distance and mouth opening in eye distances."""

    size: int
    x: float
    y: float
    scale: float
    open_by: float

    @property
    def mask(self) -> np.ndarray:
        """Regions, `(size, size)`, uint8."""
        return face_mask(self.size, self.x, self.y, self.scale, self.open_by)

    @property
    def landmarks(self) -> np.ndarray:
        """`(68, 2)`, float32, pixels."""
        return face_landmarks(self.x, self.y, self.scale, self.open_by)


def draw_clips(folder: Path) -> list[Clip]:
    """Three clips of two people."""
    people = (("a0", "a"), ("a1", "a"), ("b0", "b"))
    return [draw_clip(folder, name, subject, seed) for seed, (name, subject) in enumerate(people)]


def write_models(folder: Path) -> Path:
    """`models/<experiment>` with untrained networks."""
    torch.manual_seed(0)
    for path, build, config in (
        ("train_tsg/tsg.ckpt", TalkingSegmenter, _TSG),
        ("train_sgi/encoder.ckpt", MaskGuidedEncoder, _ENCODER),
        ("train_sgi/generator.ckpt", MaskGuidedGenerator, _GENERATOR),
        ("train_parser/parser.ckpt", FaceParser, _PARSER),
        ("train_wav2lip/wav2lip.ckpt", Wav2LipGenerator, _WAV2LIP),
    ):
        save_net(folder / path, build(**config), "0" * 64)
    return folder


def tiny_params() -> Params:
    """Params of the untrained networks."""
    root = Path(__file__).resolve().parents[1]
    tiny = {
        "active": {"experiment": "demo", "dataset": "synthetic"},
        "base": {"image_size": SIZE, "mouth_box": {"height": 16, "width": 24}},
        "generate": {"batch_size": 8},
    }
    return parse_params(merge(read_yaml(root / "params.yaml"), tiny), "tiny")


class ColourParser(torch.nn.Module):
    """Reads the regions of drawings by their colours."""

    def __init__(self) -> None:
        super().__init__()
        self.palette = torch.nn.Parameter(torch.from_numpy(PALETTE).float() / 127.5 - 1.0)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """RGB `(B, 3, H, W)` in [-1, 1] to scores, `(B, K, H, W)`."""
        return -(images[:, None] - self.palette[None, :, :, None, None]).square().sum(dim=2)


def mouth_masks(count: int) -> np.ndarray:
    """Square faces of 32 px with a mouth that opens a pixel a frame, up to four: `(T, 32, 32)`, uint8 regions."""
    masks = np.zeros((count, 32, 32), np.uint8)
    masks[:, 6:26, 8:24] = REGION_INDEX["skin"]
    for index in range(count):
        masks[index, 18 : 18 + index % 5, 12:20] = MOUTH
    return masks
