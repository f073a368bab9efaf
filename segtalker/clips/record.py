"""What the stages know of a clip, from its recording to its scores: a row of a table, see `segtalker.clips.tables`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from pydantic import TypeAdapter

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class ClipQuality:
    """What `gate` measured of a clip.

    Args:
        face_px: size of the face in the recording, pixels, median over frames.
        sharpness: of the face, see `segtalker.preprocessing.face_quality.face_sharpness`, median over frames.
        yaw_deg: turn of the head, degrees >= 0, median over frames.
        pitch_deg: tilt of the head, degrees >= 0, median over frames.
        cuts: scene cuts inside.
        offset: frames by which the sound was out of time, see `segtalker.metrics.sync_scores.SyncScores`; None
            where it was not measured.
        confidence: of the offset.
        sound: what became of the sound: `in time`, `corrected`, `too far off`, or `uncertain`, for the
            confidence is low and it was left as it was; None where nothing was measured.
    """

    face_px: float
    sharpness: float
    yaw_deg: float
    pitch_deg: float
    cuts: int
    offset: int | None = None
    confidence: float | None = None
    sound: str | None = None


@dataclass(frozen=True, kw_only=True)
class ClipRecord:
    """One clip.

    Args:
        clip_id: its name, unique in the dataset.
        subject: who speaks; splits hold subjects apart.
        split: `train`, `val` or `test`; empty where none is given yet.
        dataset: which of `download.sources` it is from.
        source: the recording it is from.
        source_sha256: hash of the recording, 64 hex digits.
        frames: their number; an estimate from length and rate until `crop` has counted.
        seconds: length.
        fps: frames a second of the recording.
        audio: file of the sound, where the recording has none itself.
        annotations: folder of what the dataset brings beside the recording: landmarks, masks.
        start_s: where it begins in the recording, seconds; None for the beginning.
        end_s: where it ends in the recording, seconds; None for the end.
        face: whose face it is: centre x, y and size where it begins, pixels of the recording.
        box: published square: x, y, width and height, pixels of the recording.
        ratio: published enlargement of the square around all faces.
        quality: what `gate` measured.
        flicker: of its masks, see `segtalker.faces.mask_smoothing.FlickerCount`.
        flicker_raw: what it were without smoothing.
        groups: what the dataset says of the clip beside who speaks, by name.
    """

    clip_id: str
    subject: str = ""
    split: str = ""
    dataset: str = ""
    source: Path
    source_sha256: str = ""
    frames: int = 0
    seconds: float = 0.0
    fps: float | None = None
    audio: Path | None = None
    annotations: Path | None = None
    start_s: float | None = None
    end_s: float | None = None
    face: tuple[float, float, float] | None = None
    box: tuple[float, float, float, float] | None = None
    ratio: float | None = None
    quality: ClipQuality | None = None
    flicker: float | None = None
    flicker_raw: float | None = None
    groups: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DroppedClip(ClipRecord):
    """A clip that `gate` dropped.

    Args:
        reason: why, with its figure.
    """

    reason: str


@dataclass(frozen=True)
class ClipFailure:
    """A clip or recording that cannot be used: a row of `failures.csv`.

    Args:
        clip_id: its name.
        source: the recording, or where it was looked for.
        reason: why, one line.
    """

    clip_id: str
    source: str
    reason: str


@dataclass(frozen=True)
class DroppedSpan:
    """A part of a recording that `cut` left out: a row of its `dropped.csv`.

    Args:
        clip_id: name of the recording.
        start_s: seconds from its beginning.
        end_s: seconds from its beginning.
        reason: why.
    """

    clip_id: str
    start_s: float
    end_s: float
    reason: str


Record = TypeVar("Record", bound=ClipRecord)


def with_facts(record: Record, facts: Mapping[str, Any]) -> Record:
    """The record with fields that are new or changed, also where they come from JSON.

    Raises:
        ValidationError: a value is not of its field's type.
    """
    types = _field_types(type(record))  # type: ignore[arg-type]
    return replace(record, **{name: types[name].validate_python(value) for name, value in facts.items()})


@cache
def _field_types(kind: type) -> dict[str, TypeAdapter]:
    return {name: TypeAdapter(hint) for name, hint in get_type_hints(kind).items()}
