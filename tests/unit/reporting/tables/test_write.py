"""Tables as files."""

import json
import re
from pathlib import Path

import numpy as np
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
    } | {f"{name}.csv" for name in ("areas", "textures", "verdicts")}  # empty: nothing was measured by area
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


def with_areas(experiment: Workspace, folder: Path) -> Scores:
    """The scores of the experiment, its PSNR by area and region too, a baseline and the truth against itself."""
    source = experiment.results("evaluate")
    values, facts = pd.read_csv(source / "metrics.csv"), json.loads((source / "metrics.json").read_text())
    baseline = values[values["method"] == "segtalker"].assign(method="wav2lip")
    values = pd.concat([values, baseline.assign(value=baseline["value"] - 1)], ignore_index=True)
    psnr = values[values["metric"] == "psnr"]
    for place, area in enumerate(("face", "mouth_area", "skin")):
        less = psnr.assign(metric=f"psnr_{area}", value=psnr["value"] - 1 - place)
        values = pd.concat([values, less], ignore_index=True)
        facts[f"psnr_{area}"] = facts["psnr"] | {"area": area, "whole": "psnr"}
    floors = [
        {"clip_id": "", "subject": "", "method": f"truth_{name}", "metric": "fid_seeded", "value": value}
        for name, value in (("halves", 401.25), ("moments", 0.5))
    ]
    pd.concat([values, pd.DataFrame(floors)]).to_csv(folder / "metrics.csv", index=False)
    (folder / "metrics.json").write_text(json.dumps(facts))
    return read_scores(folder, ["psnr", "mouth_iou"])


def section(text: str, title: str) -> list[str]:
    """The lines under a heading of Markdown that are not empty."""
    return [line for line in text.split(f"## {title}\n")[1].split("\n## ")[0].splitlines() if line]


def test_areas_regions_and_verdicts_have_tables_of_their_own(experiment: Workspace, tmp_path: Path) -> None:
    scores = with_areas(experiment, tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    write_tables(build_tables(experiment, scores, SIGNATURE, HOW), scores, out)
    results = pd.read_csv(out / "results.csv")
    assert not [name for name in results.columns if name.startswith("psnr_")]
    areas = pd.read_csv(out / "areas.csv").set_index(["method", "area"])["mean"]
    own = areas["segtalker"]
    assert own.index.tolist() == ["frame", "face", "mouth_area"]
    np.testing.assert_allclose(own - own["frame"], [0, -1, -2], atol=1e-6)
    assert own["frame"] == pytest.approx(results.set_index("method").loc["segtalker", "psnr"], abs=1e-6)
    assert pd.read_csv(out / "textures.csv")["region"].unique().tolist() == ["skin"]
    verdicts = pd.read_csv(out / "verdicts.csv").set_index(["metric", "area"])
    assert verdicts.loc[("psnr", "mouth_area"), "difference"] == pytest.approx(1.0)
    text = (out / "results.md").read_text()
    assert [line.split(" | ")[0] for line in section(text, "By area of the picture")[2:-1]] == [
        "| `psnr` (dB) ↑", "| `psnr_face` (dB) ↑", "| `psnr_mouth_area` (dB) ↑"
    ]  # fmt: skip
    assert len(section(text, "Texture by region")) == 4
    assert "better |" in section(text, "Better or worse than wav2lip")[2]


def test_every_table_of_numbers_says_on_how_many_clips_and_people_it_stands(
    experiment: Workspace, tmp_path: Path
) -> None:
    scores = with_areas(experiment, tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    write_tables(build_tables(experiment, scores, SIGNATURE, HOW), scores, out)
    text = (out / "results.md").read_text()
    for title in ("Results", "By area of the picture", "Texture by region", "Better or worse than wav2lip",
                  "Differences: segtalker less the others", "Regions (intersection over union)"):  # fmt: skip
        assert "2 clips of 2 people" in section(text, title)[-1], title
    for title in ("By area of the picture", "Texture by region", "Better or worse than wav2lip"):
        assert "95 % intervals, bootstrap over the people" in section(text, title)[-1]
    assert "2 test people with all their 2 clips" in section(text, "Intervals")[-1]


def test_the_truth_against_itself_is_a_row_of_the_results_and_nowhere_else(
    experiment: Workspace, tmp_path: Path
) -> None:
    scores = with_areas(experiment, tmp_path)
    tables = build_tables(experiment, scores, SIGNATURE, HOW)
    row = tables.results.set_index("method").loc["truth_halves"]
    assert row["fid_seeded"] == 401.25
    assert row.drop(["dataset", "fid_seeded", "clips", "failed", "signature"]).isna().all()
    assert tables.results["method"].tolist()[-2:] == ["truth_halves", "truth_moments"]
    for table in (tables.unavailable, tables.uncertainty.intervals, tables.uncertainty.differences, tables.regions):
        assert "truth_halves" not in set(table["method"])
    write_tables(tables, scores, tmp_path)
    *rows, halves_text, moments_text, caption = section((tmp_path / "results.md").read_text(), "Results")
    for text, name, value in ((halves_text, "truth_halves", "401.2"), (moments_text, "truth_moments", "0.5")):
        assert text.startswith(f"| synthetic | {name} |")
        assert f" {value} |" in text
    assert any(" 9.400 |" in row for row in rows)  # three digits, however large a floor
    assert "few frames raise FID" in caption
