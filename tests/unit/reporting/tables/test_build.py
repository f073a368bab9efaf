import io
import re

import pandas as pd
import pytest

from segtalker.config.workspace import Workspace
from segtalker.reporting.tables.build import build_tables, people_apart
from segtalker.reporting.tables.formats import escape_latex, results_latex, results_markdown, write_csv
from segtalker.reporting.tables.intervals import Bootstrap
from segtalker.reporting.tables.methods import order_methods
from segtalker.reporting.tables.scores import Metric, Scores, read_scores
from segtalker.reporting.tables.write import write_tables

SIGNATURE = "0123456789abcdef" * 4
HOW = Bootstrap(500, 0.95)


@pytest.fixture
def scores(experiment: Workspace) -> Scores:
    return read_scores(experiment.results("evaluate"), ["psnr", "mouth_iou"])


def test_results_have_the_promised_columns(experiment: Workspace, scores: Scores) -> None:
    table = build_tables(experiment, scores, SIGNATURE, HOW).results
    assert list(table.columns[:4]) == ["dataset", "method", "psnr", "mouth_iou"]
    assert list(table.columns[-3:]) == ["clips", "failed", "signature"]
    assert list(table["method"]) == ["ground_truth", "segtalker", "sgi_oracle_mask", "shuffled_audio", "static"]
    assert dict(zip(table["method"], table["failed"], strict=True))["static"] == 1
    assert table["failed"].sum() == 1


def test_csv_keeps_unmeasured_columns_empty_and_reads_back(experiment: Workspace, scores: Scores, tmp_path) -> None:
    table = build_tables(experiment, scores, SIGNATURE, HOW).results
    write_csv(table, tmp_path / "a.csv")
    text = (tmp_path / "a.csv").read_text()
    assert "lpips_alex" in text.splitlines()[0]
    assert "nan" not in text.lower().replace("nano", "")
    assert "\r" not in text
    back = pd.read_csv(io.StringIO(text))
    assert back["lpips_alex"].isna().all()
    assert back["psnr"].to_numpy() == pytest.approx(table["psnr"].to_numpy(), abs=1e-6)


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


def test_what_could_not_be_measured_is_named_with_its_reason(experiment: Workspace, scores: Scores) -> None:
    row = build_tables(experiment, scores, SIGNATURE, HOW).unavailable.to_dict("records")
    assert row == [{"metric": "lpips_alex", "method": "all", "clips": "2",
                    "reason": "weights lpips_alex are not here; fetch alexnet-owt-7be5be79.pth"}]  # fmt: skip


def test_a_value_missing_for_one_method_names_the_method(experiment: Workspace, scores: Scores) -> None:
    rows = (scores.values["method"] == "static") & (scores.values["metric"] == "psnr")
    scores.values.loc[rows, ["value", "reason"]] = [float("nan"), "frames differ in size"]
    table = build_tables(experiment, scores, SIGNATURE, HOW).unavailable
    assert table.iloc[0].to_dict() == {
        "metric": "psnr", "method": "static", "clips": "2", "reason": "frames differ in size"
    }  # fmt: skip


def test_one_reason_for_every_method_is_one_row(experiment: Workspace, scores: Scores) -> None:
    scores.values.loc[scores.values["metric"] == "fid_seeded", ["value", "reason"]] = [float("nan"), "too few"]
    one_clip = (scores.values["metric"] == "iou_hair") & (scores.values["clip_id"] == "person01_000")
    scores.values.loc[one_clip, ["value", "reason"]] = [float("nan"), "no hair"]
    table = build_tables(experiment, scores, SIGNATURE, HOW).unavailable.set_index("metric")
    assert table.loc["fid_seeded"].tolist() == ["all", "set", "too few"]
    assert table.loc["iou_hair"].tolist() == ["all", "1", "no hair"]


def test_splits_and_failures(experiment: Workspace, scores: Scores) -> None:
    tables = build_tables(experiment, scores, SIGNATURE, HOW)
    assert tables.splits["clips"].tolist() == [4, 1, 2]
    assert tables.splits["minutes"].sum() == pytest.approx(7 * 30 / 25 / 60)
    assert set(tables.failures["reason"]) == {"no audio track", "no face found"}
    assert people_apart(experiment)


def test_markdown_is_a_table_with_directions(experiment: Workspace, scores: Scores) -> None:
    tables = build_tables(experiment, scores, SIGNATURE, HOW)
    lines = results_markdown(tables.results, scores, tables.uncertainty).splitlines()
    assert "`psnr` (dB) ↑" in lines[0]
    assert "`lmd_mouth` (px) ↓" in lines[0]
    assert "lpips_alex" not in lines[0]
    assert len({line.count("|") for line in lines}) == 1
    assert SIGNATURE not in "".join(lines)


def test_latex_rows_have_as_many_cells_as_columns(experiment: Workspace, scores: Scores) -> None:
    tables = build_tables(experiment, scores, SIGNATURE, HOW)
    text = results_latex(tables.results, scores, tables.uncertainty)
    columns = len(re.search(r"\\begin{tabular}{(\w+)}", text).group(1))
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 6
    assert all(len(re.findall(r"(?<!\\)&", row)) == columns - 1 for row in rows)
    assert re.search(r"(?<!\\)_", text) is None
    assert [rule in text for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [True] * 3


def test_latex_escapes() -> None:
    assert escape_latex("a_b & 50% {x} \\") == r"a\_b \& 50\% \{x\} \textbackslash{}"


def test_best_is_marked_only_among_systems_that_compete(experiment: Workspace, scores: Scores) -> None:
    tables = build_tables(experiment, scores, SIGNATURE, HOW)
    assert "**" not in results_markdown(tables.results, scores, tables.uncertainty)
    rival = scores.values[scores.values["method"] == "static"].assign(method="rival")
    values = pd.concat([scores.values, rival], ignore_index=True)
    both = Scores(values, scores.metrics, tuple(order_methods(set(values["method"]))))
    tables = build_tables(experiment, both, SIGNATURE, HOW)
    lines = results_markdown(tables.results, both, tables.uncertainty).splitlines()
    marked = [line for line in lines if "**" in line]
    assert len(marked) == 1
    assert "segtalker" in marked[0]


@pytest.mark.parametrize("name", ["intervals.tex", "differences.tex", "unavailable.tex", "failures.tex"])
def test_every_latex_table_is_whole(experiment: Workspace, scores: Scores, tmp_path, name: str) -> None:
    write_tables(build_tables(experiment, scores, SIGNATURE, HOW), scores, tmp_path)
    text = (tmp_path / name).read_text()
    columns = len(re.search(r"\\begin{tabular}{(\w+)}", text).group(1))
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) > 1
    assert all(len(re.findall(r"(?<!\\)&", row)) == columns - 1 for row in rows)


def test_an_undirected_metric_marks_nobody() -> None:
    assert Metric("offset", "", "frames", None).arrow == ""
