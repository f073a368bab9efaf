"""What a source brought, as a page."""

from collections.abc import Sequence

from segtalker.clip_runner import Row


def source_report(dataset: str, rows: Sequence[Row], failures: Sequence[Row]) -> str:
    """A page in Markdown: how much there is, and what cannot be read and why.

    Args:
        dataset: its name.
        rows: of `clips.csv`.
        failures: of `failures.csv`.
    """
    minutes = sum(float(row["seconds"]) for row in rows) / 60
    people = len({row["subject"] for row in rows})
    lines = [f"# {dataset}", "", f"Recordings: {len(rows)}, minutes: {minutes:.1f}, people: {people}.", ""]
    if failures:
        lines += ["## Cannot be read", "", "| recording | reason |", "|---|---|"]
        lines += [f"| {row['clip_id']} | {row['reason'].replace('|', '/')} |" for row in failures]
    return "\n".join(lines).rstrip() + "\n"
