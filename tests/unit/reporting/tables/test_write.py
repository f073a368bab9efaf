"""Tables as files."""

import re

import pandas as pd
import pytest

from segtalker.config.workspace import Workspace
from segtalker.reporting.tables.build import build_tables
from segtalker.reporting.tables.intervals import Bootstrap
from segtalker.reporting.tables.scores import Scores, read_scores
from segtalker.reporting.tables.write import write_tables

SIGNATURE = "0123456789abcdef" * 4
HOW = Bootstrap(500, 0.95)


def test_the_order_of_measured_rows_does_not_change_a_byte(experiment: Workspace, scores: Scores, tmp_path) -> None:
    source = experiment.results("evaluate")
    raw = pd.read_csv(source / "metrics.csv", dtype=str, keep_default_na=False)
    raw.sample(frac=1.0, random_state=3).to_csv(tmp_path / "metrics.csv", index=False)
    (tmp_path / "metrics.json").write_bytes((source / "metrics.json").read_bytes())
    shuffled = read_scores(tmp_path, ["psnr", "mouth_iou"])
    for index, some in enumerate((scores, shuffled)):
        (tmp_path / str(index)).mkdir()
        write_tables(build_tables(experiment, some, SIGNATURE, HOW), some, tmp_path / str(index))
    names = sorted(path.name for path in (tmp_path / "0").iterdir())
    tables = {"results", "intervals", "differences", "regions", "splits", "failures", "unavailable", "metrics"}
    assert set(names) == {f"{name}.{kind}" for name in tables for kind in ("csv", "tex")} | {
        "results.md",
        "scores.json",
    }
    for name in names:
        assert (tmp_path / "0" / name).read_bytes() == (tmp_path / "1" / name).read_bytes()


@pytest.mark.parametrize("name", ["intervals.tex", "differences.tex", "unavailable.tex", "failures.tex"])
def test_every_latex_table_is_whole(experiment: Workspace, scores: Scores, tmp_path, name: str) -> None:
    write_tables(build_tables(experiment, scores, SIGNATURE, HOW), scores, tmp_path)
    text = (tmp_path / name).read_text()
    columns = len(re.search(r"\\begin{tabular}{(\w+)}", text).group(1))
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) > 1
    assert all(len(re.findall(r"(?<!\\)&", row)) == columns - 1 for row in rows)
