"""A whole finished experiment, drawn and written in the formats of the stages, so that reports can be tested alone."""

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from segtalker.clips.image_pack import ImagePack, write_images
from segtalker.clips.store import CLIP_COLUMNS, FAILURE_COLUMNS, write_table, write_wav
from segtalker.config.workspace import Workspace
from segtalker.regions import PALETTE, REGION_INDEX
from segtalker.utils.atomic import write_text

RATE_HZ = 16000
FPS = 25
METHODS = ("segtalker", "static", "shuffled_audio", "sgi_oracle_mask")
MASKED = ("segtalker", "shuffled_audio", "sgi_oracle_mask")
PROTOCOLS = {
    "psnr": ("Peak signal-to-noise ratio on RGB in 0-255.", "dB", True),
    "lmd_mouth": ("Mean distance of 20 mouth landmarks.", "px", False),
    "lse_d_expert": ("Least distance over shifts of +-15 frames by this project's own expert.", "", False),
    "fid_seeded": ("Frechet distance of a seeded random network's features.", "", False),
    "mouth_iou": ("IoU of the mouth interior.", "", True),
    "region_iou": ("Mean IoU over regions.", "", True),
    "lpips_alex": ("LPIPS v0.1 with AlexNet.", "", False),
    "iou_lip": ("IoU of the lips.", "", True),
    "iou_hair": ("IoU of the hair.", "", True),
}
MEANS = {
    "psnr": (34.0, 26.0, 24.0, 25.0, 27.0),
    "lmd_mouth": (0.2, 0.9, 2.9, 2.1, 0.4),
    "lse_d_expert": (0.4, 0.6, 1.2, 1.1, 0.45),
    "mouth_iou": (1.0, 0.66, 0.14, 0.45, 0.95),
    "region_iou": (1.0, 0.82, 0.7, 0.75, 0.96),
    "iou_lip": (1.0, 0.6, 0.2, 0.4, 0.9),
    "iou_hair": (1.0, 0.9, 0.8, 0.88, 0.97),
}


DVC_FILE = """
stages:
  crop: {cmd: x, outs: ["data/crop/${active.dataset}"]}
  train_tsg: {cmd: x, deps: ["data/crop/${active.dataset}/clips.csv"], outs: [models/train_tsg]}
  generate:
    cmd: x
    deps: [segtalker/inference/talk_model.py, "data/crop/${active.dataset}", models/train_tsg/tsg.ckpt]
    outs: [{"results/generate": {persist: true}}]
  tables: {cmd: x, deps: [results/generate, "data/crop/${active.dataset}"], outs: [reports/index.html]}
"""


def draw_masks(opening: np.ndarray, size: int) -> np.ndarray:
    """A face whose mouth opens by so much: regions `(T, H, W)` uint8."""
    masks = []
    for amount in opening:
        mask = np.zeros((size, size), np.uint8)

        def oval(x: float, y: float, width: float, height: float, region: str, mask: np.ndarray = mask) -> None:
            centre, axes = (int(x * size), int(y * size)), (max(1, int(width * size)), max(1, int(height * size)))
            cv2.ellipse(mask, centre, axes, 0, 0, 360, REGION_INDEX[region], -1)

        oval(0.5, 0.98, 0.16, 0.25, "neck")
        oval(0.5, 0.42, 0.34, 0.40, "hair")
        oval(0.5, 0.52, 0.28, 0.36, "skin")
        for side in (-1, 1):
            oval(0.5 + side * 0.12, 0.44, 0.05, 0.025, "eyes")
            oval(0.5 + side * 0.12, 0.36, 0.07, 0.015, "eyebrows")
        oval(0.5, 0.55, 0.03, 0.06, "nose")
        oval(0.5, 0.72, 0.11, 0.035 + 0.06 * amount, "lip")
        oval(0.5, 0.72, 0.08, 0.005 + 0.05 * amount, "mouth")
        masks.append(mask)
    return np.stack(masks)


def draw_landmarks(opening: np.ndarray, size: int) -> np.ndarray:
    """68 points `(T, 68, 2)`, of which the mouth's follow the opening."""
    angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    points = np.full((len(opening), 68, 2), 0.5, np.float32)
    points[:, 48:, 0] = 0.5 + 0.11 * np.cos(angles)
    points[:, 48:, 1] = 0.72 + (0.035 + 0.06 * opening[:, None]) * np.sin(angles)
    return points * size


class Experiment:
    """Writes one experiment below `root`."""

    def __init__(self, root: Path, *, subjects: int, frames: int, size: int) -> None:
        self.workspace = Workspace(root, "synthetic", "demo")
        self.frames, self.size = frames, size
        self.clip_ids = [f"person{index:02d}_000" for index in range(subjects)]
        self.rng = np.random.default_rng(5)

    def write(self) -> Workspace:
        self._write_clip_tables()
        for clip_id in self.clip_ids:
            self._write_clip(clip_id)
        self._write_generated_table()
        self._write_scores()
        self._write_histories()
        return self.workspace

    def _write_clip_tables(self) -> None:
        splits = {"train": 4, "val": 1, "test": len(self.clip_ids)}
        rows = [
            {"clip_id": name, "subject": name[:-4], "split": split, "source": f"{name}.mp4", "frames": self.frames,
             "seconds": self.frames / FPS}
            for split, count in splits.items()
            for name in (self.clip_ids if split == "test" else [f"{split}{index}_000" for index in range(count)])
        ]  # fmt: skip
        write_table(self.workspace.data("split") / "clips.csv", rows, CLIP_COLUMNS)
        failures = [{"clip_id": "contempt", "source": "contempt.mp4", "reason": "no audio track"}]
        write_table(self.workspace.data("crop") / "failures.csv", failures, FAILURE_COLUMNS)

    def _write_clip(self, clip_id: str) -> None:
        times = np.arange(self.frames) / FPS
        phase = self.rng.uniform(0, 6)
        opening = np.abs(np.sin(times * 7 + phase)) * np.abs(np.sin(times * 2.1 + phase))
        paint = np.clip(PALETTE + self.rng.integers(-25, 26, PALETTE.shape), 0, 255).astype(np.uint8)
        masks = {"ground_truth": draw_masks(opening, self.size)}
        masks["sgi_oracle_mask"] = masks["ground_truth"]
        masks["segtalker"] = draw_masks(np.clip(opening * 0.9 + 0.03, 0, 1), self.size)
        masks["shuffled_audio"] = draw_masks(np.roll(opening, 9), self.size)
        masks["static"] = draw_masks(np.repeat(opening[:1], self.frames), self.size)
        crop = self.workspace.data("crop") / "clips" / clip_id
        write_images(crop / "frames.zip", (self._paint(mask, paint, 4) for mask in masks["ground_truth"]), ".jpg")
        write_images(self.workspace.data("parse") / "clips" / clip_id / "masks.zip", masks["ground_truth"], ".pgm")
        np.save(crop / "landmarks.npy", draw_landmarks(opening, self.size))
        samples = np.repeat(opening, RATE_HZ // FPS) * np.sin(np.arange(self.frames * RATE_HZ // FPS) * 0.09)
        write_wav(crop / "audio.wav", (0.6 * samples).astype(np.float32), RATE_HZ)
        for method in METHODS:
            folder = self.workspace.results("generate") / method / clip_id
            write_images(folder / "frames.zip", (self._paint(mask, paint, 7) for mask in masks[method]), ".jpg")
            if method in MASKED:
                write_images(folder / "masks.zip", masks[method], ".pgm")

    def _paint(self, mask: np.ndarray, paint: np.ndarray, blur: int) -> np.ndarray:
        image = cv2.GaussianBlur(paint[mask], (0, 0), blur * self.size / 512)
        shade = np.linspace(1.1, 0.8, self.size)[:, None, None]
        return np.clip(image * shade, 0, 255).astype(np.uint8)

    def _write_generated_table(self) -> None:
        rows = [
            {
                "clip_id": clip_id,
                "method": method,
                "frames": self.frames,
                "reference_frame": 3,
                "driving_audio": self.clip_ids[index - 1] if method == "shuffled_audio" else clip_id,
            }
            for index, clip_id in enumerate(self.clip_ids)
            for method in METHODS
        ]
        folder = self.workspace.results("generate")
        write_table(folder / "clips.csv", rows, ("clip_id", "method"))
        edits = []
        for edit in ("original", "hair", "background"):
            frames = ImagePack(folder / "segtalker" / self.clip_ids[0] / "frames.zip").read([0, 12])
            write_images(folder / "edits" / f"{edit}.zip", frames, ".jpg")
            edits.append({"clip_id": self.clip_ids[0], "edit": edit, "label": f"{edit} replaced",
                          "frames": f"{edit}.zip", "reference": f"{edit}.zip" if edit == "hair" else None,
                          "times_s": [0.0, 0.48]})  # fmt: skip
        write_text(folder / "edits" / "edits.json", json.dumps(edits))

    def _write_scores(self) -> None:
        rows = []
        for metric, means in MEANS.items():
            for method, mean in zip(("ground_truth", *METHODS), means, strict=True):
                rows += [self._score(clip_id, method, metric, mean) for clip_id in self.clip_ids]
        for method, value in zip(("ground_truth", *METHODS), (0.0, 3.1, 9.4, 3.3, 2.2), strict=True):
            rows.append({"clip_id": "", "subject": "", "method": method, "metric": "fid_seeded", "value": value})
            reason = "weights lpips_alex are not here; fetch alexnet-owt-7be5be79.pth"
            rows += [
                {"clip_id": clip_id, "subject": clip_id[:-4], "method": method, "metric": "lpips_alex",
                 "reason": reason}
                for clip_id in self.clip_ids
            ]  # fmt: skip
        folder = self.workspace.results("evaluate")
        folder.mkdir(parents=True)
        columns = ["clip_id", "subject", "method", "metric", "value", "reason"]
        pd.DataFrame(rows, columns=columns).to_csv(folder / "metrics.csv", index=False)
        facts = {
            name: {"protocol": protocol, "unit": unit, "higher_is_better": higher, "reference": "truth masks"}
            for name, (protocol, unit, higher) in PROTOCOLS.items()
        }
        (folder / "metrics.json").write_text(json.dumps(facts))
        failure = {"clip_id": "person99_000", "source": "", "reason": "no face found", "method": "static"}
        write_table(folder / "failures.csv", [failure], FAILURE_COLUMNS)

    def _score(self, clip_id: str, method: str, metric: str, mean: float) -> dict:
        value = mean * (1 + 0.04 * self.rng.standard_normal())
        return {"clip_id": clip_id, "subject": clip_id[:-4], "method": method, "metric": metric, "value": value}

    def _write_histories(self) -> None:
        for stage, names in {"train_tsg": ("loss", "mouth_iou"), "train_sgi": ("loss", "adversarial")}.items():
            rows = []
            for name in names:
                for step in range(25, 1001, 25):
                    value = 0.2 + np.exp(-step / 250) + 0.05 * self.rng.standard_normal()
                    rows.append({"step": step, "name": f"train/{name}", "value": value})
                    if step % 250 == 0:
                        rows.append({"step": step, "name": f"val/{name}", "value": value + 0.05})
            folder = self.workspace.model(stage)
            folder.mkdir(parents=True)
            pd.DataFrame(rows).to_csv(folder / "history.csv", index=False)


@pytest.fixture(scope="session")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A finished experiment of two test clips."""
    root = tmp_path_factory.mktemp("experiment")
    return Experiment(root, subjects=2, frames=30, size=64).write()


def write_project(root: Path) -> Path:
    """A project folder with a finished experiment in it: params, `dvc.yaml`, data, models, results."""
    Experiment(root, subjects=2, frames=30, size=64).write()
    checkout = Path(__file__).parents[3]
    params = (checkout / "params.yaml").read_text(encoding="utf-8")
    # figures are drawn in this process: workers of so few take longer to start than to draw
    assert "\n  workers: 0 " in params
    (root / "params.yaml").write_text(params.replace("\n  workers: 0 ", "\n  workers: 1 "), encoding="utf-8")
    # some other experiment may be active in the checkout
    (root / "experiment.yaml").write_text("active: {experiment: demo, dataset: synthetic}\n")
    (root / "dvc.yaml").write_text(DVC_FILE)
    return root


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of a test's own."""
    return write_project(tmp_path)


@pytest.fixture(scope="session")
def shared_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project to read from."""
    return write_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def changed_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose files the tests of a module change together."""
    return write_project(tmp_path_factory.mktemp("changed"))
