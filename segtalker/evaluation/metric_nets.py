"""The networks that measure: which ones, whose weights are at hand, and what the others lack."""

import functools
import multiprocessing
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from segtalker.config.evaluation import Evaluate
from segtalker.faces.detectors import FaceFinder, make_detector
from segtalker.faces.parsing import ParserChoice, load_parser
from segtalker.metrics.inception import FidInception
from segtalker.metrics.registry import TRACK_WEIGHTS, Track, chosen_metrics
from segtalker.nets.checkpoints import load_net
from segtalker.nets.external import syncnet
from segtalker.nets.external.lpips_alex import LpipsAlex
from segtalker.nets.external.mobilefacenet import MobileFaceNet, load_mobilefacenet
from segtalker.nets.external.syncnet import load_syncnet
from segtalker.nets.pretrained import known_weights, resolve_weights
from segtalker.nets.seeded_features import SeededFeatures
from segtalker.nets.sync import SyncExpert

NEIGHBOURS = 2  # frames a frame's flicker is seen in
_KEYS = {
    "lpips_trunk": "lpips_weights",
    "lpips_heads": "lpips_heads",
    "fid_inception": "fid_weights",
    "syncnet": "syncnet_weights",
    "mobilefacenet": "identity_weights",
    "mediapipe_face_landmarker": "mediapipe_weights",
    "face_alignment_s3fd": "fan_weights",
    "face_alignment_2dfan4": "fan_weights",
}
_DETECTORS: dict[Track, str] = {"points_mediapipe": "mediapipe", "points_fan": "face_alignment"}


@dataclass(frozen=True)
class WeightFiles:
    """Published weights at hand.

    Args:
        files: name, see `segtalker.nets.pretrained`, and path of each.
    """

    files: tuple[tuple[str, Path], ...]

    @classmethod
    def of(cls, settings: Evaluate) -> "WeightFiles":
        """Those that params name.

        Raises:
            MissingWeightsError: a file is not where a param says.
        """
        files = []
        for name, key in _KEYS.items():
            if text := getattr(settings, key):
                files.append((name, resolve_weights(name, text, f"evaluate.{key}")))
        return cls(tuple(files))

    def get(self, name: str) -> Path | None:
        """Where a file is, or None."""
        return dict(self.files).get(name)

    def missing(self) -> dict[Track, str]:
        """Tracks that cannot be measured, each with what it needs."""
        reasons: dict[Track, str] = {}
        for track, names in TRACK_WEIGHTS.items():
            if absent := [_needed(name) for name in names if self.get(name) is None]:
                reasons[track] = "; ".join(absent)
        return reasons


def _needed(name: str) -> str:
    weights = known_weights()[name]
    return f"fetch {weights.file} from {weights.url} and say where it is by evaluate.{_KEYS[name]}"


@dataclass(frozen=True)
class InstrumentChoice:
    """Which networks measure.

    Args:
        parser: names regions in generated frames.
        expert: file of the sync expert of the image domain, or None.
        weights: published weights.
        stand_ins: whether stand-ins for published metrics are measured.
        device: `cpu`, or `cuda` for all GPUs there are, one a process.
    """

    parser: ParserChoice
    expert: Path | None
    weights: WeightFiles
    stand_ins: bool
    device: str

    def files(self) -> list[Path]:
        """All files whose content decides the numbers."""
        own = [self.parser.path, *([self.expert] if self.expert and self.stand_ins else [])]
        return [*own, *(path for _, path in self.weights.files)]

    def missing(self) -> dict[Track, str]:
        """Tracks that cannot be measured, each with what it needs."""
        absent = self.weights.missing()
        if self.expert is None:
            absent["sync_expert"] = "there is no sync expert; train one with segtalker reproduce --until train_sync"
        return absent

    def tracks(self) -> list[Track]:
        """Tracks that are measured, in the order of the metrics."""
        missing = self.missing()
        wanted = dict.fromkeys(metric.track for metric in chosen_metrics(self.stand_ins))
        return [track for track in wanted if track not in missing]


@dataclass(frozen=True)
class Instruments:
    """Networks that measure; None where they are not at hand.

    Args:
        parser: RGB `(B, 3, H, W)` in [-1, 1] -> logits `(B, K, H, W)`.
        expert: sync expert of the image domain.
        device: where the others run too.
    """

    parser: nn.Module
    expert: SyncExpert | None
    seeded: SeededFeatures
    alex: LpipsAlex | None
    inception: FidInception | None
    syncnet: syncnet.SyncNet | None
    face_net: MobileFaceNet | None
    device: torch.device

    @property
    def context(self) -> int:
        """Frames before a stretch that some track looks back on."""
        return max(self.expert.window[0] if self.expert else 1, syncnet.WINDOW_FRAMES, NEIGHBOURS + 1) - 1


@functools.lru_cache(maxsize=1)
def load_instruments(choice: InstrumentChoice) -> Instruments:
    """Reads the networks once a process. One thread: sums come out the same whatever the machine.

    Raises:
        MissingWeightsError: a file that the params name is not there.
        BadInputError: it holds something else.
    """
    torch.set_num_threads(1)
    device, files = _own_device(choice.device), choice.weights
    trunk, heads, fid = files.get("lpips_trunk"), files.get("lpips_heads"), files.get("fid_inception")
    sync, face = files.get("syncnet"), files.get("mobilefacenet")
    expert = choice.expert if choice.stand_ins else None
    return Instruments(
        parser=load_parser(replace(choice.parser, device=str(device))),
        expert=load_net(expert, SyncExpert).to(device) if expert else None,
        seeded=SeededFeatures().to(device),
        alex=LpipsAlex(trunk, heads).to(device) if trunk and heads else None,
        inception=FidInception(fid).to(device) if fid else None,
        syncnet=load_syncnet(sync).to(device) if sync else None,
        face_net=load_mobilefacenet(face).to(device) if face else None,
        device=device,
    )


def _own_device(device: str) -> torch.device:
    """Of several GPUs, this process's."""
    if device != "cuda":
        return torch.device(device)
    number = multiprocessing.current_process()._identity
    return torch.device("cuda", (number[0] - 1) % torch.cuda.device_count() if number else 0)


def make_finders(choice: InstrumentChoice) -> dict[str, FaceFinder]:
    """Landmark detectors for one video, by name; to be closed."""
    chosen = [(name, track) for track, name in _DETECTORS.items() if track in choice.tracks()]
    return {name: make_detector(name, str(_folder(choice, track))) for name, track in chosen}


def _folder(choice: InstrumentChoice, track: Track) -> Path | None:
    """What a detector is given: its one file, or the folder of several."""
    first, *more = TRACK_WEIGHTS[track]
    path = choice.weights.get(first)
    return path.parent if path and more else path
