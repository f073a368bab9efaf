"""How long stages are expected to take: as long as last time, else as long as they took elsewhere."""

import json
from collections.abc import Mapping
from pathlib import Path

from segtalker.config.params import Params
from segtalker.config.stages import STAGES, Stage
from segtalker.utils.atomic import write_text

_KEPT = Path(".dvc/tmp/stage_seconds.json")
_MEASURED = Path(__file__).with_name("stage_seconds.json")
_MINUTE_S, _HOUR_S = 60.0, 3600.0


def _read(path: Path) -> dict[str, dict[str, float]]:
    """Seconds of each stage by experiment; nothing where the file is missing or torn."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {name: {stage: float(value) for stage, value in stages.items()} for name, stages in content.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def expected_seconds(root: Path, params: Params) -> dict[Stage, float]:
    """Seconds of each stage, of the last run here or, of an experiment on the embedded data, as measured on two cores.

    A stage of which nothing is known is left out.
    """
    stage_seconds = measured_seconds(params) | kept_seconds(root, params)
    return {stage: stage_seconds[stage] for stage in STAGES if stage in stage_seconds}


def measured_seconds(params: Params) -> dict[Stage, float]:
    """Seconds of each stage as measured on two cores, nothing of another dataset than the embedded one."""
    return _of_stages(_read(_MEASURED).get(params.active.dataset, {}))


def kept_seconds(root: Path, params: Params) -> dict[Stage, float]:
    """Seconds of each stage the last time it ran here in this experiment."""
    return _of_stages(_read(root / _KEPT).get(params.active.experiment, {}))


def _of_stages(seconds: Mapping[str, float]) -> dict[Stage, float]:
    return {stage: seconds[stage] for stage in STAGES if stage in seconds}


def keep_seconds(root: Path, experiment: str, seconds: Mapping[Stage, float]) -> None:
    """Remembers how long the stages that ran took."""
    content = _read(root / _KEPT)
    content[experiment] = content.get(experiment, {}) | {stage: round(value, 1) for stage, value in seconds.items()}
    write_text(root / _KEPT, json.dumps(content, indent=1, sort_keys=True) + "\n")


def scaled(stage_seconds: Mapping[Stage, float], took: Mapping[Stage, float]) -> dict[Stage, float]:
    """Expected seconds, by how much faster or slower this run has been so far.

    Args:
        stage_seconds: as kept or measured.
        took: seconds of the stages that ran.
    """
    before = sum(stage_seconds[stage] for stage in took if stage in stage_seconds)
    pace = sum(took[stage] for stage in took if stage in stage_seconds) / before if before else 1.0
    return {stage: seconds * pace for stage, seconds in stage_seconds.items()}


def in_words(seconds: float) -> str:
    """`about 11 min left`."""
    if seconds < 1.5 * _MINUTE_S:
        return f"about {max(10 * round(seconds / 10), 10)} s left"
    if seconds < 1.5 * _HOUR_S:
        return f"about {round(seconds / _MINUTE_S)} min left"
    return f"about {round(seconds / _HOUR_S)} h left"
