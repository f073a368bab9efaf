"""The comparison as one HTML file that holds everything it shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd

from segtalker.evaluation.protocol import PROTOCOL_DIGITS, differing_parts, say_differences
from segtalker.reporting.comparison.figures import drawings
from segtalker.reporting.comparison.find_run import plain_text
from segtalker.reporting.comparison.loaded_run import LoadedRun
from segtalker.reporting.comparison.players import ClipPlayer, RunVideo, clip_players
from segtalker.reporting.comparison.side_by_side import Runs, compare_systems, differing_settings, first
from segtalker.reporting.figures.report_figures import Drawing, Picture
from segtalker.reporting.figures.style import webp_bytes
from segtalker.reporting.pages.html import DIRECTIONS, Table
from segtalker.reporting.pages.templates import page_environment
from segtalker.reporting.tables.formats import (
    BRACKETS,
    SIGNATURE_DIGITS,
    best_methods,
    decimals,
    interval_notes,
    show_interval,
    show_number,
)
from segtalker.reporting.tables.intervals import Uncertainty
from segtalker.reporting.tables.scores import Metric, Scores

_TIME = "%Y-%m-%d %H:%M UTC"
_MAX_PIXELS = 50_000_000
_PROCESSOR = ("processor", "instructions")  # numbers differ by them in their last digits


@dataclass(frozen=True)
class ShownRun:
    """A run on the page: its name, its colour and what is special about it."""

    label: str
    colour: str
    note: str


@dataclass(frozen=True)
class Shot:
    """A frame strip of a run, as WebP."""

    run: ShownRun
    image: bytes
    width: int
    height: int


@dataclass(frozen=True)
class Cell:
    """A run's value of a metric: text, interval, its difference to the first run, or why it is missing."""

    text: str
    interval: str
    gap: str
    is_clear: bool
    place: str
    reason: str


@dataclass(frozen=True)
class Row:
    """A metric with one cell a run."""

    metric: Metric
    direction: str
    cells: list[Cell]


@dataclass(frozen=True)
class Comparison:
    """Everything the page shows but its pictures."""

    runs: list[ShownRun]
    scores: list[Row]
    warnings: list[str]
    params: pd.DataFrame
    about: pd.DataFrame
    notes: str
    drawings: list[Drawing]
    players: list[ClipPlayer]
    shots: list[tuple[str, list[Shot]]]


def compare_runs(runs: Runs) -> Comparison:
    """Puts a comparison together.

    Args:
        runs: by name; the first is the one the others are held against.
    """
    scores, uncertainty = compare_systems(runs)
    base = scores.methods[0]
    notes = {method: "first" if method is base else method.note or "the same params" for method in scores.methods}
    shown_runs = [ShownRun(method.name, method.colour, note) for method, note in notes.items()]
    histories = {label: run.histories() for label, run in runs.items()}
    stages = dict.fromkeys(stage for curves in histories.values() for stage in curves)
    curves = {
        stage: {label: run_curves[stage] for label, run_curves in histories.items() if stage in run_curves}
        for stage in stages
    }
    return Comparison(
        runs=shown_runs,
        scores=score_rows(scores, uncertainty),
        warnings=_warnings(runs),
        params=differing_settings(runs),
        about=_about(runs, scores),
        notes=interval_notes(scores, uncertainty),
        drawings=drawings(scores, uncertainty, first(runs).table_settings.headline, curves),
        players=_players(runs, shown_runs),
        shots=_shots(runs, shown_runs),
    )


def score_rows(scores: Scores, uncertainty: Uncertainty) -> list[Row]:
    """A row for every metric that any run has, but the single regions."""
    means = scores.means().to_dict()
    reasons = scores.values.groupby(["method", "metric"], sort=True)["reason"].max().to_dict()
    base, rows = scores.methods[0].name, []
    for metric in scores.summary_metrics:
        column = pd.Series(means[metric.name])
        if column.isna().all():
            continue
        digits, places = decimals(column), best_methods(scores, uncertainty, metric)
        cells = []
        for method in scores.methods:
            own = uncertainty.interval(method.name, metric.name)
            gap = uncertainty.difference(method.name, base, metric.name)
            is_clear = gap is not None and gap.excludes_zero
            text = " ".join(show_interval(gap, digits, "+")).strip() if gap else ""
            cells.append(
                Cell(
                    text=show_number(column[method.name], digits),
                    interval=show_interval(own, digits)[1] if own else "",
                    gap=text if is_clear or not text else f"({text})",
                    is_clear=is_clear,
                    place=places.get(method.name, ""),
                    reason=reasons.get((method.name, metric.name), "not measured"),
                )
            )
        rows.append(Row(metric, DIRECTIONS[metric.higher_is_better], cells))
    return rows


def _warnings(runs: Runs) -> list[str]:
    """Which runs cannot be held against the first, and what differs."""
    base, reference = next(iter(runs)), first(runs)
    protocol_differences = {label: differing_parts(reference.protocol, run.protocol) for label, run in runs.items()}
    return [
        f"{label} was measured by another protocol than {base}: different are {say_differences(parts)}. Its numbers "
        "stand beside the others without a difference."
        for label, parts in protocol_differences.items()
        if parts
    ]


def _about(runs: Runs, scores: Scores) -> pd.DataFrame:
    """Where each run comes from, a column a run."""
    columns = {}
    for label, run in runs.items():
        tags = run.run.tags
        dirty = " with local changes" if tags.get("segtalker.git_dirty") == "true" else ""
        facts = {
            "id": run.run.run_id,
            "experiment": run.run.experiment,
            "dataset": run.run.dataset,
            "signature": run.part.signature[:SIGNATURE_DIGITS],
            "protocol": run.protocol_signature[:PROTOCOL_DIGITS],
            "revision": tags.get("segtalker.git_revision", "")[:10] + dirty,
            "code": run.run.code[:SIGNATURE_DIGITS],
            "data": run.run.data[:SIGNATURE_DIGITS],
            "owner": f"{run.run.user}@{run.run.host}".strip("@"),
            "processor": " ".join(tags.get(f"segtalker.{name}", "") for name in _PROCESSOR).strip(),
            "ended": f"{run.run.end_time:{_TIME}}",
            "system": run.scores.system.label,
            "clips, people": f"{scores.clips(label)}, {scores.subjects(label)}",
            "clips given up on": str(len(run.tables.failures)),
        }
        columns[label] = {name: plain_text(value) for name, value in facts.items()}
    return pd.DataFrame(columns).rename_axis("what").reset_index()


def _shots(runs: Runs, shown_runs: Sequence[ShownRun]) -> list[tuple[str, list[Shot]]]:
    """Frame strips of the clips that two runs or more show; those that are no pictures are left out."""
    clip_shots: dict[tuple[str, str], list[Shot]] = {}
    for run in shown_runs:
        for clip, content in runs[run.label].strips().items():
            if shot := _shot(run, content):
                clip_shots.setdefault(_clip_key(runs[run.label], clip), []).append(shot)
    return [(clip, shots) for (clip, _), shots in sorted(clip_shots.items()) if len(shots) > 1]


def _clip_key(run: LoadedRun, clip: str) -> tuple[str, str]:
    """A clip's name and content: the clip of another seed is another one, whatever its name."""
    return clip, run.protocol.get("clips", {}).get(clip, "")


def _players(runs: Runs, shown_runs: Sequence[ShownRun]) -> list[ClipPlayer]:
    """Videos of the clips that two runs or more show."""
    clip_videos: dict[tuple[str, str], list[RunVideo]] = {}
    for shown in shown_runs:
        run = runs[shown.label]
        truths = run.true_videos()
        for clip, content in run.videos().items():
            video = RunVideo(shown.label, run.scores.system.label, shown.colour, content, truths.get(clip))
            clip_videos.setdefault(_clip_key(run, clip), []).append(video)
    return clip_players({clip: videos for (clip, _), videos in sorted(clip_videos.items()) if len(videos) > 1})


def _shot(run: ShownRun, content: bytes) -> Shot | None:
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB) if content else None
    if image is None or image.size > _MAX_PIXELS:
        return None
    return Shot(run, webp_bytes(image, is_photo=True), image.shape[1], image.shape[0])


def render_comparison(comparison: Comparison, pictures: Sequence[Picture]) -> str:
    """The page as HTML.

    Args:
        comparison: what it shows.
        pictures: its drawings, drawn.
    """
    view: Mapping[str, object] = {
        "runs": comparison.runs,
        "lede": "An underlined value is the best, by a paired difference to each other run that excludes 0.",
        "results_intro": f"The system of each run, and below it its difference to the first run's, clip by clip. "
        f"{comparison.notes} {BRACKETS}",
        "warnings": comparison.warnings,
        "scores": comparison.scores,
        "charts": [item for item in pictures if item.drawing.section == "scores"],
        "curves": [item for item in pictures if item.drawing.section == "training"],
        "params": Table.of(comparison.params),
        "about": Table.of(comparison.about),
        "players": comparison.players,
        "shots": comparison.shots,
    }
    return page_environment().get_template("compare.html.j2").render(page=view)
