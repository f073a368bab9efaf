"""The metrics against the plain way: CPBD pixel by pixel, and the stage `evaluate` one frame at a time, in one run.

The plain way measures one frame of one method after the other: both pictures are read from PNG, every metric is
computed of this frame alone with the field's libraries (pyiqa for PSNR and SSIM), networks see one picture, sync
windows one window, and what methods share (the reference's features, its motion) is computed for each anew. Same
networks, same metrics, same frames; the numbers are compared. One process, one thread; processor time is counted.

Needs a finished run of the active experiment (`make reproduce`).

    python -m benchmarks.metrics
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyiqa
import torch
from scipy.linalg import sqrtm

from benchmarks.plain_cpbd import plain_cpbd
from segtalker.clips.image_pack import ImagePack
from segtalker.clips.store import load_clips
from segtalker.config.params import load_params
from segtalker.config.workspace import Workspace, project_root
from segtalker.evaluation.clip import GROUND_TRUTH, EvaluateConfig, EvaluationRecord, evaluate_clip
from segtalker.evaluation.metric_nets import load_metric_nets
from segtalker.evaluation.run import evaluate_config
from segtalker.evaluation.score_table import MeasuredClip
from segtalker.faces.mouth_box import box_transforms, extract_boxes
from segtalker.faces.parsing import parse_frames
from segtalker.media.mel import gather_columns, window_starts
from segtalker.metrics.areas import Areas
from segtalker.metrics.cpbd import cpbd
from segtalker.metrics.frame_chunks import MetricNets
from segtalker.metrics.images import luma
from segtalker.metrics.landmarks import landmark_distance, mouth_points
from segtalker.metrics.masks import region_confusion, region_iou
from segtalker.metrics.motion import estimate_motion, flicker, temporal_error, warp_error
from segtalker.metrics.perceptual import SEEDED, feature_distance, unit_features
from segtalker.metrics.sync import EXPERT, MAX_SHIFT
from segtalker.metrics.sync_scores import sync_scores
from segtalker.nets.tensors import rgb_channels

_SIZES = (128, 256, 512)
_CPBD_TURNS = 5


def processor_seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor time of some work, and what it gives."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def compare_cpbd(frame: np.ndarray) -> None:
    """Prints both ways' time at several sizes of one picture."""
    print(f"{'CPBD':12} {'plain ms':>10} {'ours ms':>10} {'ratio':>7}")
    for size in _SIZES:
        shown = luma(cv2.resize(frame, (size, size), interpolation=cv2.INTER_CUBIC)[None])[0]
        pixels = shown.tolist()
        plain_s, plain = processor_seconds(lambda pixels=pixels: plain_cpbd(pixels))
        ours_s, ours = processor_seconds(lambda shown=shown: [cpbd(shown) for _ in range(_CPBD_TURNS)])
        assert abs(plain - ours[0]) < 1e-9, (plain, ours[0])
        ours_s /= _CPBD_TURNS
        print(f"{size:<4} px      {plain_s * 1e3:10.1f} {ours_s * 1e3:10.2f} {plain_s / ours_s:7.0f}", flush=True)


class PlainWay:
    """One method's video of a clip, measured a frame at a time.

    Args:
        config: how the stage measures.
        nets: the networks.
        clip: the reference.
    """

    def __init__(self, config: EvaluateConfig, nets: MetricNets, clip: Any) -> None:
        self.config, self.nets, self.clip = config, nets, clip
        self.psnr, self.ssim = (pyiqa.create_metric(name, device="cpu") for name in ("psnr", "ssim"))
        self.landmarks, self.mel = np.array(clip.landmarks), np.array(clip.mel)
        self.masks = clip.truth_masks if config.reference_masks == "truth" else clip.masks

    def measure(self, truth: list[Path], made: list[Path], with_cpbd: bool) -> dict[str, float]:
        """Means over the frames, and the sync scores."""
        rows = [self._frame(truth, made, number, with_cpbd) for number in range(len(made))]
        values = {name: float(np.nanmean([row[name] for row in rows if name in row])) for name in rows[1]}
        features = [np.stack([row["features"] for row in self._features(paths)]) for paths in (truth, made)]
        means, spreads = zip(*((f.mean(axis=0), np.cov(f, rowvar=False)) for f in features), strict=True)
        root = sqrtm(spreads[0] @ spreads[1]).real
        values["fid_seeded"] = float(((means[0] - means[1]) ** 2).sum() + np.trace(sum(spreads) - 2 * root))
        return values | self._sync(made)

    def _images(self, frame: np.ndarray) -> torch.Tensor:
        return rgb_channels(torch.from_numpy(frame[None])).contiguous()

    def _features(self, paths: list[Path]) -> list[dict[str, np.ndarray]]:
        net = self.nets[SEEDED]
        return [{"features": net.pooled(net(self._images(_read(path)))).numpy()[0]} for path in paths]

    def _frame(self, truth: list[Path], made: list[Path], number: int, with_cpbd: bool) -> dict[str, float]:
        reference, frame = _read(truth[number]), _read(made[number])
        a, b = (torch.from_numpy(image)[None].movedim(-1, 1) / 255 for image in (reference, frame))
        seeded = self.nets[SEEDED]
        levels = [unit_features(seeded(self._images(image))) for image in (reference, frame)]
        whole = Areas.whole(frame[None])
        parsed, wanted = parse_frames(self.nets.parser, frame[None], 1), self.masks.read([number])
        eyes = np.linalg.norm(self.landmarks[:, 42:48].mean(axis=1) - self.landmarks[:, 36:42].mean(axis=1), axis=1)
        row = {
            "psnr": float(self.psnr(b, a)),
            "ssim": float(self.ssim(b, a)),
            "lpips_seeded": float(
                feature_distance(levels[0], levels[1], seeded.weights(), whole, seeded.WINDOWS)[0, 0]
            ),
            "overlap": region_iou(region_confusion(wanted, parsed)),
            "lmd_mouth": float(landmark_distance(mouth_points(wanted), mouth_points(parsed))[0] / eyes.mean()),
        }
        if with_cpbd:
            row["cpbd"] = plain_cpbd(luma(frame[None])[0].tolist())
        if number:
            pair = [np.stack([_read(paths[number - 1]), _read(paths[number])]) for paths in (truth, made)]
            row["temporal_error"] = float(temporal_error(*pair, whole)[0, 0])
            row["warp_error"] = float(warp_error(pair[1], estimate_motion(luma(pair[0])), whole)[0, 0])
        if 0 < number < len(made) - 1:
            three = np.stack([_read(made[number + step]) for step in (-1, 0, 1)])
            row["flicker"] = float(flicker(luma(three), Areas.whole(three))[0, 0])
        return row

    def _sync(self, made: list[Path]) -> dict[str, float]:
        expert = self.nets[EXPERT]
        count, _, *size = expert.window
        video, audio = [], []
        for first in range(len(made) - count + 1):
            frames = np.stack([_read(path) for path in made[first : first + count]])
            places = box_transforms(self.landmarks, size, self.config.clock.smooth_frames)[first : first + count]
            channels = rgb_channels(torch.from_numpy(extract_boxes(frames, places, size)))
            video.append(expert.embed_frames(channels[None]).numpy()[0])
            starts = window_starts(np.array([first]), self.config.clock)
            speech = gather_columns(self.mel, starts, expert.audio_tower.window[1])
            audio.append(expert.embed_audio(torch.from_numpy(speech)).numpy()[0])
        scores = sync_scores(np.stack(video), np.stack(audio), MAX_SHIFT, zero_padding=False)
        return {"lse_d_expert": scores.distance, "lse_c_expert": scores.confidence}


def _read(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)  # type: ignore[arg-type]


def _unpack(pack: ImagePack, folder: Path) -> list[Path]:
    folder.mkdir(parents=True)
    paths = [folder / f"{number:06d}.png" for number in range(len(pack))]
    for path, frame in zip(paths, pack, strict=True):
        cv2.imwrite(str(path), cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    return paths


def compare_stage(clips: int) -> None:
    """Prints both ways' frames a second, and the largest difference of their numbers."""
    root, params = project_root(), load_params(project_root())
    config = evaluate_config(params, Workspace(root, params.active.dataset, params.active.experiment))
    nets = load_metric_nets(config.nets)
    methods = [method for method in params.generate.methods if (config.generate_folder / method).is_dir()]
    totals, frames = np.zeros(3), 0
    with torch.inference_mode(), tempfile.TemporaryDirectory() as scratch:
        for clip in load_clips(config.data, config.dataset, "test")[:clips]:
            place = Path(scratch) / clip.clip_id
            truth = _unpack(clip.frames, place / GROUND_TRUTH)
            made = {
                m: _unpack(ImagePack(config.generate_folder / m / clip.clip_id / "frames.zip"), place / m)
                for m in methods
            }
            record = EvaluationRecord(
                clip_id=clip.clip_id, subject=clip.subject, source=clip.crop_folder, methods=tuple(methods)
            )
            ours_s, _ = processor_seconds(lambda record=record, place=place: evaluate_clip(config, record, place))
            way = PlainWay(config, nets, clip)
            videos = made | {GROUND_TRUTH: truth}
            found = MeasuredClip(clip.clip_id, clip.subject, "", place).read()["scores"]
            for method, paths in videos.items():
                for with_cpbd in (False, True):
                    seconds, values = processor_seconds(
                        lambda way=way, truth=truth, paths=paths, with_cpbd=with_cpbd: way.measure(
                            truth, paths, with_cpbd
                        )
                    )
                    totals[int(with_cpbd)] += seconds
                _check(found[method], values)
            totals[2] += ours_s
            frames += len(videos) * len(truth)
    print(f"{'evaluate':28} {'frames/s':>9} {'ours faster by':>15}")
    for name, seconds in zip(("plain, CPBD left out", "plain", "ours, all metrics"), totals, strict=True):
        print(f"{name:28} {frames / seconds:9.2f} {seconds / totals[2]:15.1f}")


def _check(ours: dict[str, dict], plain: dict[str, float]) -> None:
    """Both ways have to say the same."""
    for name, tolerance in {"ssim": 1e-4, "lpips_seeded": 1e-4, "cpbd": 1e-6, "lse_d_expert": 1e-4}.items():
        value = ours[name]["value"]
        assert value is None or abs(value - plain[name]) < tolerance, (name, value, plain[name])


def main() -> None:
    """Prints both comparisons."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--clips", type=int, default=1, help="test clips of the stage's comparison")
    asked = reader.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    params = load_params(project_root())
    clip = load_clips(project_root() / "data", params.active.dataset, "test")[0]
    compare_cpbd(clip.frames.read([0])[0])
    compare_stage(asked.clips)


if __name__ == "__main__":
    main()
