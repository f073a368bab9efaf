"""The report as a Prefect flow: tables, figures and page, made anew from results that are there."""

from pathlib import Path

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from flows.pipeline import run_stage
from segtalker.params import STAGES

_STAGE = STAGES[-1]


@flow(name="segtalker-report", flow_run_name="{experiment}")
def report(root: Path, experiment: str) -> Path:
    """Runs the stage `tables` and nothing before it.

    Args:
        root: the project folder.
        experiment: the active one, shown in the Prefect UI.

    Returns:
        The page.
    """
    run_stage.with_options(name=_STAGE)(root, _STAGE, changed=True, force=True)
    tables = root / "reports" / "tables" / "results.md"
    create_markdown_artifact(tables.read_text(encoding="utf-8"), key="results", description="tables of this run")
    return root / "reports" / "index.html"
