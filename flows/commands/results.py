"""What a person reads at the end of a run: the scores, where the page is, and what to try next."""

import csv
from pathlib import Path

from flows.commands.console import say
from flows.commands.runs import print_table, text_table
from segtalker.config.params import Params

_COLUMNS = 6
_DIGITS = 3


def say_results(root: Path, params: Params) -> None:
    """Prints the headline scores of the tables, the place of the page and two commands.

    Args:
        root: the project folder.
        params: of the experiment that ran.
    """
    with (root / "reports" / "tables" / "results.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in params.tables.headline if any(row.get(name) for row in rows)][:_COLUMNS]
    scores = [[row["method"], *(_rounded(row[name]) for name in names)] for row in rows]
    say("")
    print_table(text_table(["method", *names], scores))
    say(f"\nreport: {root / 'reports' / 'index.html'}")
    for command in _next_commands(root, params):
        say(f"  try: {command}")


def _rounded(value: str) -> str:
    return f"{float(value):.{_DIGITS}f}" if value else ""


def _next_commands(root: Path, params: Params) -> list[str]:
    """A face that talks, of the samples the run kept, and an ablation."""
    samples = root / "results" / params.active.experiment / "generate" / "samples"
    faces, voices = sorted(samples.glob("*.png")), sorted(samples.glob("*.wav"))
    talk = []
    if faces and voices:
        face, voice = (path.relative_to(root) for path in (faces[0], voices[-1]))
        talk = [f"segtalker talk --portrait {face} --audio {voice} --out talk.mp4"]
    return [*talk, "segtalker reproduce --experiment no-sync"]
