"""What a sweep makes better: a metric of the tables, or a curve of a training on the people it does not learn from."""

import csv
import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from segtalker.config.params import EXPERIMENT_FILE, PARAMS_FILE, Params, read_yaml
from segtalker.config.search_space import SearchParam
from segtalker.config.stages import STAGE_INPUTS, STAGES, Stage
from segtalker.utils.errors import BadInputError, SegTalkerError
from segtalker.utils.paths import HISTORY_FILE

# what each training is judged by as it goes; the higher the better, all of them
CURVES: dict[Stage, str] = {
    "train_parser": "val/mean_iou",
    "train_sync": "val/mask_offset_accuracy",
    "train_tsg": "val/mouth_iou",
    "train_sgi": "val/psnr",
    "train_wav2lip": "val/mouth_psnr",
}
_BASELINE: Stage = "train_wav2lip"
_TABLES = Path("reports") / "tables"


@dataclass(frozen=True)
class Score:
    """What a trial came to.

    Args:
        value: of the metric.
        low: where its interval begins; None where it has none.
        high: where it ends.
    """

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Objective:
    """What is made better.

    Args:
        metric: name of a metric, or `STAGE:val/NAME`, the last value of a curve.
        unit: of it.
        higher_is_better: its direction.
        until: the stage whose end brings it.
    """

    metric: str
    unit: str
    higher_is_better: bool
    until: Stage

    @property
    def on_test_people(self) -> bool:
        """Whether it is measured on the people that are to be tested on."""
        return ":" not in self.metric

    def read(self, root: Path, experiment: str) -> Score:
        """The score of an experiment that ran in a folder.

        Raises:
            SegTalkerError: there is none, or it is not finite.
        """
        score = self._read(root, experiment)
        if not math.isfinite(score.value):
            raise SegTalkerError(f"{self.metric}: came to {score.value}, which can be compared with nothing")
        return score

    def _read(self, root: Path, experiment: str) -> Score:
        if not self.on_test_people:
            stage, _, name = self.metric.partition(":")
            if values := read_curve(root / "models" / experiment / stage, name):
                return Score(values[-1])
            raise SegTalkerError(f"{self.metric}: {stage} logged no such value")
        value = json.loads((root / _TABLES / "scores.json").read_text(encoding="utf-8")).get(self.metric)
        if value is None:
            raise SegTalkerError(f"{self.metric}: not measured; reports/tables/unavailable.csv of the trial says why")
        return Score(float(value), *_interval(root, self.metric))


def _interval(root: Path, metric: str) -> tuple[float | None, float | None]:
    with (root / _TABLES / "intervals.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["metric"] == metric and row["method"] == "segtalker":
                return (float(row["low"]) if row["low"] else None), (float(row["high"]) if row["high"] else None)
    return None, None


def read_curve(folder: Path, name: str) -> list[float]:
    """The values of a quantity in the history of a training, in order; nothing where there is no history.

    Args:
        folder: of the training's networks.
        name: of the quantity, such as `val/mouth_iou`.
    """
    path = folder / HISTORY_FILE
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = [(int(row["step"]), float(row["value"])) for row in csv.DictReader(file) if row["name"] == name]
    return [value for _, value in sorted(rows)]


def read_objective(text: str, params: Params) -> Objective:
    """What `--metric` names.

    Args:
        text: a metric, or `STAGE:CURVE` with a curve of `CURVES`.
        params: of the experiment.

    Raises:
        BadInputError: there is no such metric, it has no direction, or it is not measured in this experiment.
    """
    if ":" in text:
        return _curve_objective(text)
    from segtalker.metrics.catalogue import all_metrics  # brings torch

    metrics = {metric.name: metric for metric in all_metrics()}
    metric = metrics.get(text)
    if metric is None:
        near = ", ".join(get_close_matches(text, metrics) or params.tables.headline)
        raise BadInputError(f"--metric {text}: no such metric; there are {near}; docs/evaluation.md has all")
    if metric.higher_is_better is None:
        raise BadInputError(f"--metric {text}: neither direction of it is better")
    if metric.is_stand_in and not params.evaluate.stand_ins:
        raise BadInputError(f"--metric {text}: not measured, for evaluate.stand_ins is false")
    files = metric.measure.needs.files if metric.measure.needs else {}
    if missing := next((key for key in files.values() if not getattr(params.evaluate, key, "-")), ""):
        raise BadInputError(
            f"--metric {text}: not measured, for evaluate.{missing} is empty; see segtalker weights list"
        )
    return Objective(text, metric.unit, metric.higher_is_better, STAGES[-1])


def _curves() -> str:
    return ", ".join(f"{stage}:{name}" for stage, name in CURVES.items())


def _curve_objective(text: str) -> Objective:
    for stage, name in CURVES.items():
        if text == f"{stage}:{name}":
            return Objective(text, "", True, stage)
    raise BadInputError(f"--metric {text}: no such curve; there are: {_curves()}")


def touched_stages(root: Path, space: Sequence[SearchParam]) -> set[Stage]:
    """The stages that depend on a param of a sweep by themselves, as `dvc.yaml` has it.

    Args:
        root: the project folder.
        space: what is swept.
    """
    stages = read_yaml(root / "dvc.yaml")["stages"]
    return {stage for stage in STAGES if any(_reads(stages[stage]["params"], param.key) for param in space)}


def _reads(entries: Collection[str | dict], key: str) -> bool:
    keys = [
        name
        for entry in entries
        for file, names in (entry.items() if isinstance(entry, dict) else [(PARAMS_FILE, [entry])])
        if file in (PARAMS_FILE, EXPERIMENT_FILE)
        for name in names
    ]
    return any(key == name or key.startswith(f"{name}.") or name.startswith(f"{key}.") for name in keys)


def shared_stages(root: Path, space: Sequence[SearchParam], until: Stage) -> set[Stage]:
    """The stages that come out the same in every trial: neither they nor those they stand on depend on what is swept.

    Args:
        root: the project folder.
        space: what is swept.
        until: the last stage that runs.
    """
    touched = touched_stages(root, space)
    for stage in STAGES:  # in pipeline order
        if touched & set(STAGE_INPUTS[stage]):
            touched.add(stage)
    return set(STAGES[: STAGES.index(until) + 1]) - touched


def tuned_curve(root: Path, space: Sequence[SearchParam], until: Stage) -> tuple[Stage, str] | None:
    """The curve by which trials can be told apart as they go: that of the last training a param belongs to.

    The baseline's counts where it alone is tuned, for it says nothing of the system.

    Args:
        root: the project folder.
        space: what is swept.
        until: the last stage that runs.
    """
    touched = touched_stages(root, space)
    trainings = [stage for stage in STAGES[: STAGES.index(until) + 1] if stage in CURVES and stage in touched]
    if until != _BASELINE:
        trainings = [stage for stage in trainings if stage != _BASELINE] or trainings
    return (trainings[-1], CURVES[trainings[-1]]) if trainings else None
