"""The networks that measure: which of those that the metrics declare are at hand, and what the others lack."""

import functools
import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from segtalker.config.evaluation import Evaluate
from segtalker.faces.detectors import FaceFinder, make_detector
from segtalker.faces.parsing import ParserChoice, load_parser
from segtalker.metrics.catalogue import all_metrics, chosen_metrics
from segtalker.metrics.frame_chunks import MetricNets
from segtalker.metrics.registry import FrameMeasure, LandmarkDetector, MetricNet
from segtalker.nets.pretrained import known_weights, resolve_weights


def _declared(measures: Sequence[FrameMeasure]) -> list[MetricNet | LandmarkDetector]:
    """What measures need, each once."""
    return list(dict.fromkeys(measure.needs for measure in measures if measure.needs))


def _param_of() -> dict[str, str]:
    """The param of `evaluate` that says where a published file is, by the file's name."""
    measures = [metric.measure for metric in all_metrics()]
    return {name: key for net in _declared(measures) for name, key in net.files.items()}


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
        for name, key in _param_of().items():
            if text := getattr(settings, key):
                files.append((name, resolve_weights(name, text, f"evaluate.{key}")))
        return cls(tuple(files))

    def get(self, name: str) -> Path | None:
        """Where a file is, or None."""
        return dict(self.files).get(name)


@dataclass(frozen=True)
class MetricNetsConfig:
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

    def missing(self, needs: MetricNet | LandmarkDetector | None) -> str:
        """What a network or detector lacks, and how to get it; empty where it is at hand."""
        if needs is None:
            return ""
        if isinstance(needs, MetricNet) and needs.trained_by:
            command = f"segtalker reproduce --until {needs.trained_by}"
            return "" if self.expert else f"there is no sync expert; train one with {command}"
        absent = [name for name in needs.files if self.weights.get(name) is None]
        return "; ".join(
            f"fetch {known_weights()[name].file} from {known_weights()[name].url} and say where it is by"
            f" evaluate.{needs.files[name]}"
            for name in absent
        )

    def measures(self) -> list[FrameMeasure]:
        """What is measured, in the order of the metrics."""
        frame_measures = dict.fromkeys(metric.measure for metric in chosen_metrics(self.stand_ins))
        return [measure for measure in frame_measures if not self.missing(measure.needs)]

    def paths(self, needs: MetricNet | LandmarkDetector) -> list[Path]:
        """Where the files of a network or detector are that is at hand."""
        if isinstance(needs, MetricNet) and needs.trained_by:
            return [self.expert] if self.expert else []
        return [path for name in needs.files if (path := self.weights.get(name))]


@functools.lru_cache(maxsize=1)
def load_metric_nets(config: MetricNetsConfig) -> MetricNets:
    """Reads the networks once a process. One thread: sums come out the same whatever the machine.

    Raises:
        MissingWeightsError: a file that the params name is not there.
        BadInputError: it holds something else.
    """
    torch.set_num_threads(1)
    device = _own_device(config.device)
    nets = [needs for needs in _declared(config.measures()) if isinstance(needs, MetricNet)]
    return MetricNets(
        parser=load_parser(replace(config.parser, device=str(device))),
        networks={net: net.load(*config.paths(net)).to(device) for net in nets},
        device=device,
    )


def _own_device(device: str) -> torch.device:
    """Of several GPUs, this process's."""
    if device != "cuda":
        return torch.device(device)
    number = multiprocessing.current_process()._identity
    return torch.device("cuda", (number[0] - 1) % torch.cuda.device_count() if number else 0)


def make_finders(config: MetricNetsConfig) -> dict[LandmarkDetector, FaceFinder]:
    """The landmark detectors for one video; to be closed."""
    finders = {}
    for detector in _declared(config.measures()):
        if isinstance(detector, LandmarkDetector):
            first, *more = config.paths(detector)
            # a detector is given its one file, or the folder of several
            finders[detector] = make_detector(detector.backend, str(first.parent if more else first))
    return finders
