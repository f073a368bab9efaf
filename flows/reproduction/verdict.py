"""What a person reads when a run was made again: score by score, whether it matches, and why it may not."""

import math
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from flows.commands.console import say
from flows.commands.runs import print_table, text_table
from flows.reproduction.differences import first_other_output
from flows.reproduction.original import Original
from segtalker.reporting.comparison.agreement import Agreement
from segtalker.reporting.comparison.find_run import ID_DIGITS, plain_text
from segtalker.reporting.tables.formats import write_csv

FOLDER = Path("reports") / "reproduced"
_DIGITS = 6
_ROWS = 60


@dataclass(frozen=True)
class Outcome:
    """How the run went.

    Args:
        ran: how many stages ran.
        stages: of how many.
        reasons: why numbers may differ; none where they have to be equal.
    """

    ran: int
    stages: int
    reasons: tuple[str, ...]


def say_verdict(root: Path, original: Original, agreement: Agreement, outcome: Outcome) -> bool:
    """Prints the system's scores of whole pictures and all scores that do not match, and writes all of them as CSV.

    Args:
        root: the project folder.
        original: the run.
        agreement: of both.
        outcome: of the run that repeats it.

    Returns:
        Whether they match.
    """
    say("")
    scores = original.loaded.scores
    shown = agreement.worth_showing(scores.system.name, [metric.name for metric in scores.summary_metrics])
    _print(shown.head(_ROWS))
    if more := max(len(shown) - _ROWS, 0):
        say(f"and {more} more")
    file = root / FOLDER / f"{original.run.run_id[:ID_DIGITS]}.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    write_csv(agreement.table, file)
    say(f"\nall {len(agreement.table)} scores: {file}")
    for line in _verdict(root, original, agreement, outcome):
        say(line)
    return agreement.is_match


def _print(rows: pd.DataFrame) -> None:
    heads = ["method", "metric", "theirs", "ours", "difference", "tolerance", "match"]
    cells = []
    for row in rows.to_dict("records"):
        metric, numbers = f"{row['metric']} {row['unit']}".strip(), [_number(row[name]) for name in heads[2:6]]
        cells.append([row["method"], metric, *numbers, row["match"]])
    print_table(text_table(heads, [[plain_text(cell) for cell in row] for row in cells]))


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.{_DIGITS}f}"


def _verdict(root: Path, original: Original, agreement: Agreement, outcome: Outcome) -> list[str]:
    """The lines below the table: what came of it, from what, and why not where it does not match."""
    lines = [_result(original, agreement)]
    if outcome.ran == 0:
        lines.append("no stage ran: this says that the results kept here are the run's, not that they come out again")
    elif outcome.ran < outcome.stages:
        lines.append(f"{outcome.stages - outcome.ran} of {outcome.stages} stages came from the cache, not made again")
    if agreement.is_equal:
        return [*lines, *(f"though not the same: {reason}" for reason in outcome.reasons)]
    if stage := first_other_output(original, root):
        lines.append(f"first stage that came out otherwise: {stage}")
    lines += [f"may differ by: {reason}" for reason in outcome.reasons]
    if not outcome.reasons:
        lines.append("processor, GPU, packages, code and data are the same, so it should be equal: that is a defect")
    return lines


def _result(original: Original, agreement: Agreement) -> str:
    scores, clips = len(agreement.table), agreement.clip_values
    name = original.name
    if agreement.is_equal:
        return f"{name} is reproduced: {scores} scores and {clips} values they are means of, all equal"
    off, within = agreement.count("differs", "missing"), agreement.count("within")
    parts = [f"{agreement.count('equal')} equal", f"{within} within the tolerance", f"{off} off or missing"]
    if unjudged := agreement.count("not judged"):
        parts.append(f"{unjudged} without an interval and so not judged")
    word = "is reproduced" if agreement.is_match else "is not reproduced"
    counts = f"of {scores} scores {', '.join(parts)}; {agreement.equal_clip_values} of {clips} values equal"
    return f"{name} {word}: {counts}"
