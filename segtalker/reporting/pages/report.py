"""Puts a report together: which words, numbers, pictures and players stand on the page."""

import io
import platform
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

import pandas as pd
from ruamel.yaml import YAML

from segtalker.config.params import Params
from segtalker.reporting.figures.report_figures import Picture
from segtalker.reporting.figures.videos import Player
from segtalker.reporting.pages.html import Report, Table, group_pictures, key_numbers, page_verdicts, score_rows
from segtalker.reporting.tables.best_and_worst import clip_table
from segtalker.reporting.tables.build import Tables
from segtalker.reporting.tables.formats import (
    FLOOR_NOTE,
    SIGNATURE_DIGITS,
    differences_caption,
    groups_caption,
    interval_notes,
    means_caption,
    sample_text,
    system_names,
)
from segtalker.reporting.tables.groups import group_tables, groups_of
from segtalker.reporting.tables.scores import Scores
from segtalker.reporting.tables.verdicts import VERDICTS_NOTE

_REVISION_DIGITS = 10
_PACKAGES = ("torch", "pytorch-lightning", "numpy", "opencv-python-headless")


@dataclass(frozen=True)
class Origin:
    """Where the results come from.

    Args:
        signature: of the experiment, 64 hex digits.
        revision: of the last change of code or params.
        is_modified: whether files differed from it.
        people_apart: whether nobody is in two splits.
        settings: values the experiment was started with, `key=value`.
        dataset_page: where the page of the dataset lies, seen from the report; empty where there is none.
    """

    signature: str
    revision: str
    is_modified: bool
    people_apart: bool
    settings: tuple[str, ...]
    dataset_page: str


def build_report(
    params: Params,
    origin: Origin,
    scores: Scores,
    tables: Tables,
    pictures: Sequence[Picture],
    players: list[Player],
) -> Report:
    """Everything the page shows.

    Args:
        params: of the experiment.
        origin: where the results come from.
        scores: all measurements.
        tables: the written tables.
        pictures: the drawn figures.
        players: sample videos.
    """
    return Report(
        experiment=params.active.experiment,
        lede=_lede(scores, origin),
        facts=_facts(params, origin, tables),
        key_intro="What the system reaches, and the rows it must be read against: the recording itself, the true "
        f"masks as input, and controls known to be wrong. Means of {sample_text(scores)}; intervals are below.",
        key_numbers=key_numbers(scores, params.tables.key_metrics),
        players_intro="One button plays every screen of a clip together. The speaker in a corner chooses whose sound "
        "you hear.",
        players=players,
        fps=params.base.fps,
        results_intro=_results_intro(scores, tables),
        methods=scores.methods,
        scores=score_rows(scores, tables.uncertainty, scores.summary_metrics),
        counts=_counts(scores, tables),
        verdicts=page_verdicts(tables.verdicts, scores),
        verdicts_caption=f"{VERDICTS_NOTE} {differences_caption(scores, tables.uncertainty)}".replace("`", ""),
        areas=score_rows(scores, tables.uncertainty, scores.area_metrics),
        textures=score_rows(scores, tables.uncertainty, scores.texture_metrics),
        means_caption=means_caption(scores, tables.uncertainty),
        groups_caption=groups_caption(scores, tables.uncertainty),
        clips_title=f"Clip by clip: {scores.system.label}",
        clips=Table.of(clip_table(scores, params.tables.key_metrics)),
        groups=_groups(scores, tables),
        unavailable=Table.of(tables.unavailable),
        sections=group_pictures(pictures),
        training_tables=[(title, Table.of(table)) for title, table in tables.training.items()],
        data_intro=_data_intro(params, origin),
        dataset_page=origin.dataset_page,
        splits=Table.of(tables.splits),
        failures=Table.of(tables.failures),
        command=_command(params, origin),
        provenance=Table.of(_provenance(params, origin)),
        params=_params_text(params),
    )


def _lede(scores: Scores, origin: Origin) -> str:
    clips, people = scores.clips(scores.system.name), scores.subjects(scores.system.name)
    unseen = " whom no network saw in training" if origin.people_apart else ""
    who = f"{people} {'person' if people == 1 else 'people'}{unseen}"
    return (
        "Speech moves the mouth of a face mask; a second network paints the mask in the speaker's own texture. "
        f"Measured on {clips} {'clip' if clips == 1 else 'clips'} of {who}."
    )


def _counts(scores: Scores, tables: Tables) -> list[tuple[str, list[str]]]:
    """Clips each method's column stands on, and those it lost."""
    results = tables.results.set_index("method").loc[[method.name for method in scores.methods]]
    return [(name, [str(value) for value in results[name]]) for name in ("clips", "failed")]


def _results_intro(scores: Scores, tables: Tables) -> str:
    floor = f" {FLOOR_NOTE}".replace("`", "") if scores.floors else ""
    return (
        f"Means of {sample_text(scores)}. {interval_notes(scores, tables.uncertainty)} Underlined is the best of "
        "several systems, if its difference to each other, clip by clip, has an interval without 0. Open a metric for "
        f"its protocol.{floor}"
    )


def _groups(scores: Scores, tables: Tables) -> list[tuple[str, Table]]:
    """The systems' scores by emotion and the like, under a title each."""
    group_rows = groups_of(tables.groups, system_names(scores))
    titles = [f"By {name}" for name in dict.fromkeys(group_rows["by"])]
    return [(title, Table.of(table)) for title, table in zip(titles, group_tables(group_rows, scores), strict=True)]


def _facts(params: Params, origin: Origin, tables: Tables) -> list[tuple[str, str]]:
    failure_count = len(tables.failures)
    return [
        ("experiment", params.active.experiment),
        ("dataset", params.active.dataset),
        ("picture", f"{params.base.image_size} px, {params.base.fps} fps"),
        ("clips given up on", str(failure_count)),
        ("signature", origin.signature[:SIGNATURE_DIGITS]),
        ("revision", _revision(origin, _REVISION_DIGITS)),
    ]


def _revision(origin: Origin, digits: int) -> str:
    return origin.revision[:digits] + (" with local changes" if origin.is_modified else "")


def _data_intro(params: Params, origin: Origin) -> str:
    apart = "Nobody is in two splits. " if origin.people_apart else "Some people are in more than one split. "
    sources = params.download.sources
    return f"Dataset {params.active.dataset}, source{'s' * (len(sources) > 1)} {', '.join(sources)}. {apart}"


def _command(params: Params, origin: Origin) -> str:
    checkout = [] if origin.revision == "none" else [f"git checkout {origin.revision[:_REVISION_DIGITS]}"]
    settings = "".join(f" --set {shlex.quote(setting)}" for setting in origin.settings)
    return "\n".join([*checkout, f"segtalker reproduce --experiment {params.active.experiment}{settings}"])


def _provenance(params: Params, origin: Origin) -> pd.DataFrame:
    rows = [
        ("signature", origin.signature),
        ("git revision", _revision(origin, len(origin.revision))),
        ("seed", str(params.base.seed)),
        ("Python", platform.python_version()),
        *((name, version(name)) for name in _PACKAGES),
    ]
    return pd.DataFrame({"what": [name for name, _ in rows], "value": [value for _, value in rows]})


def _params_text(params: Params) -> list[tuple[str, str]]:
    """Each section of the params as YAML."""
    return [(name, _yaml(section)) for name, section in params.model_dump(mode="json").items()]


def _yaml(content: dict) -> str:
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    out = io.StringIO()
    writer.dump(content, out)
    return out.getvalue().rstrip()
