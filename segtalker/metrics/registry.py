"""What a metric is, and the decorators that make one of a function: its protocol stands beside its maths.

- `frame_metric` takes a function that gives a number for every frame; the metric is their mean.
- `metric` takes a function of what a `FrameMeasure` gives for all frames of a clip; metrics may share a measure.
- `set_metric` takes a function of two sets of features, the reference's and the video's, over all clips.

What is measured of a picture may be measured of several areas at once: its arrays then have a last axis, the areas, and
every function of them makes one metric an area, `psnr`, `psnr_face` and `psnr_mouth_area`.

Decorated functions stay what they are and can be called by anyone. A name states the protocol: a stand-in without
published weights has another name, and a metric that cannot be measured has no value but a reason. The modules whose
metrics are measured, and the order of the tables, are in `segtalker.metrics.catalogue`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Literal, NotRequired, TypedDict, TypeVar, Unpack

import numpy as np
from torch import nn

if TYPE_CHECKING:
    from segtalker.metrics.frame_chunks import FrameChunk, MetricNets, ReferenceClip

NetT = TypeVar("NetT", bound=nn.Module)
FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


WHOLE_FRAME = "frame"
REFERENCE_RATIO = "of the reference's"  # a unit; such metrics are best at 1
# where pictures are compared, and what a protocol says of it
AREAS = {
    WHOLE_FRAME: "",
    "face": "inside the face box",
    "mouth_area": "inside the area around the mouth that is hidden from the pose source",
}


class NotMeasurable(Exception):
    """This clip has no such number; the message says why."""


@dataclass(frozen=True, eq=False)
class MetricNet(Generic[NetT]):
    """A network that measures; `segtalker.evaluation.metric_nets` loads it and hands it in.

    Args:
        load: makes the network of its files.
        files: published files it is made of, by name in `segtalker.nets.pretrained`, each with the param of the
            section `evaluate` that says where it is.
        trained_by: the stage that trains it; empty where no stage does.
    """

    load: Callable[..., NetT]
    files: Mapping[str, str] = field(default_factory=dict)
    trained_by: str = ""


@dataclass(frozen=True, eq=False)
class LandmarkDetector:
    """A detector of landmarks; each video gets one of its own, for it follows a face.

    Args:
        backend: see `segtalker.faces.detectors.make_detector`.
        files: as of a `MetricNet`; several lie in one folder.
    """

    backend: str
    files: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class FrameMeasure:
    """What is measured of the frames of a video, chunk by chunk, for one metric or several.

    Args:
        name: of the measure.
        of_chunk: gives an array, or a named tuple of arrays, whose first axis is that of frames.
        needs: the network or detector it uses.
        lookback: frames before a chunk that it sees too; a function of the networks where they decide.
        compares_masks: whether the reference is a region mask, not the clip's frames or sound.
        areas: what it is measured of, by name, with words for the protocol; arrays then have a last axis, the areas.
            Empty where it is not of the pixels.
        against_sound: what all chunks together come to, where the sound of the whole clip is needed for it.
        cache_name: features of the reference are kept between runs under this name, for they are slow to compute.
    """

    name: str
    of_chunk: "Callable[[FrameChunk], Any]"
    needs: MetricNet | LandmarkDetector | None = None
    lookback: "int | Callable[[MetricNets], int]" = 0
    compares_masks: bool = False
    areas: Mapping[str, str] = field(default_factory=dict)
    against_sound: "Callable[[Any, ReferenceClip, MetricNets], Any] | None" = None
    cache_name: str = ""

    @property
    def weights(self) -> tuple[str, ...]:
        """Published files it needs, by name in `segtalker.nets.pretrained`."""
        return tuple(self.needs.files) if self.needs else ()


@dataclass(frozen=True, eq=False)
class Metric:
    """One column of the tables.

    Args:
        name: states the protocol.
        unit: empty for a plain number.
        higher_is_better: None where neither direction is.
        protocol: how it is measured, one sentence.
        source: where it was published; empty for a measure of this project.
        is_stand_in: takes the place of a published metric whose weights are not part of this project.
        measure: what it is computed from.
        scope: whether it is a number of a clip or of the whole set.
        value: what `measure` gave for a clip to its number; for the whole set, the reference's and the video's
            `FeatureSet` to theirs. Raises `NotMeasurable`.
        module: where it is defined.
        area: `frame`, or the part of it that is measured, such as one of `AREAS`.
        whole: name of the same metric of the whole frame; its own where it is that.
    """

    name: str
    unit: str
    higher_is_better: bool | None
    protocol: str
    source: str
    is_stand_in: bool
    measure: FrameMeasure
    scope: Literal["clip", "dataset"]
    value: Callable[..., float]
    module: str
    area: str
    whole: str


class About(TypedDict):
    """What a metric says of itself; see `Metric`. Its name is the function's unless it is given."""

    unit: str
    higher_is_better: bool | None
    protocol: str
    source: NotRequired[str]
    is_stand_in: NotRequired[bool]
    name: NotRequired[str]


registered: list[Metric] = []


def _register(
    function: Callable[..., Any],
    measure: FrameMeasure,
    scope: Literal["clip", "dataset"],
    value: Callable[..., float],
    about: About,
) -> None:
    whole = about.get("name", function.__name__)
    for number, (area, words) in enumerate((measure.areas or {WHOLE_FRAME: ""}).items()):
        name = whole if area == WHOLE_FRAME else f"{whole}_{area}"
        if any(other.name == name for other in registered):
            raise ValueError(f"{function.__module__}: there is a metric {name} already")
        registered.append(
            Metric(
                name=name,
                unit=about["unit"],
                higher_is_better=about["higher_is_better"],
                protocol=f"{words}: {about['protocol']}" if words else about["protocol"],
                source=about.get("source", ""),
                is_stand_in=about.get("is_stand_in", False),
                measure=measure,
                scope=scope,
                value=partial(_value_of_area, value, number) if measure.areas else value,
                module=function.__module__,
                area=area,
                whole=whole,
            )
        )


def _value_of_area(value: Callable[..., float], number: int, values: Any) -> float:
    """The value of one area, from an array whose last axis is areas or a named tuple of such arrays."""
    if isinstance(values, np.ndarray):
        return value(values[..., number])
    return value(type(values)(*(array[..., number] for array in values)))


def mean(values: np.ndarray) -> float:
    """Of the values of frames, `(T,)`."""
    return float(values.mean())


def finite_mean(reason: str) -> Callable[[np.ndarray], float]:
    """The mean of those values that are finite; `reason` says why there is none where no value is."""

    def mean_of_finite(values: np.ndarray) -> float:
        finite = values[np.isfinite(values)]
        if not len(finite):
            raise NotMeasurable(reason)
        return float(finite.mean())

    return mean_of_finite


def whole_chunk(chunk: "FrameChunk") -> tuple[Any, ...]:
    """The chunk itself, for functions that need more than a pair of arrays of it."""
    return (chunk,)


def frame_metric(
    inputs: "Callable[[FrameChunk], tuple[Any, ...]]" = whole_chunk,
    *,
    over_frames: Callable[[np.ndarray], float] = mean,
    needs: MetricNet | LandmarkDetector | None = None,
    lookback: int = 0,
    compares_masks: bool = False,
    areas: Mapping[str, str] | None = None,
    **about: Unpack[About],
) -> Callable[[FunctionT], FunctionT]:
    """Makes a metric of a function that gives one number a frame, `(T,)`, or one a frame and area, `(T, A)`.

    Args:
        inputs: what of a chunk the function is given; where there are areas, they come last.
        over_frames: the number of all frames of a clip.
        needs: see `FrameMeasure`.
        lookback: likewise.
        compares_masks: likewise.
        areas: likewise.
        about: what the metric says of itself.
    """

    def decorate(function: FunctionT) -> FunctionT:
        measure = FrameMeasure(
            name=about.get("name", function.__name__),
            of_chunk=lambda chunk: function(*inputs(chunk)),
            needs=needs,
            lookback=lookback,
            compares_masks=compares_masks,
            areas=areas or {},
        )
        _register(function, measure, "clip", over_frames, about)
        return function

    return decorate


def metric(measure: FrameMeasure, **about: Unpack[About]) -> Callable[[FunctionT], FunctionT]:
    """Makes a metric of a function that takes what a measure gives for a whole clip to a number."""

    def decorate(function: FunctionT) -> FunctionT:
        _register(function, measure, "clip", function, about)
        return function

    return decorate


def set_metric(features: FrameMeasure, **about: Unpack[About]) -> Callable[[FunctionT], FunctionT]:
    """Makes a metric of a function of the reference's and the video's features, a `FeatureSet` each."""

    def decorate(function: FunctionT) -> FunctionT:
        _register(function, features, "dataset", function, about)
        return function

    return decorate
