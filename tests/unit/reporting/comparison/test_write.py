"""`segtalker tables`, from a store alone."""

import re

import pandas as pd
import pytest


def test_tables_of_the_active_experiment_by_default(command, shelf, tmp_path) -> None:
    code, out, _ = command("tables")
    assert code == 0
    folder = tmp_path / "reports" / "runs"
    assert str(folder / "results.md") in out
    table = pd.read_csv(folder / "results.csv").set_index("method")
    raw = pd.read_csv(shelf.root / "demo" / "evaluate" / "metrics.csv")
    expected = raw[(raw["method"] == "segtalker") & (raw["metric"] == "psnr")]["value"].mean()
    assert table.loc["segtalker", "psnr"] == pytest.approx(expected, abs=1e-6)
    assert table.loc["segtalker", "signature"] == "demotables"
    assert table.loc["static", "failed"] == 1
    names = {
        "results",
        "intervals",
        "differences",
        "regions",
        "splits",
        "failures",
        "unavailable",
        "metrics",
        "emotions",
        "areas",
        "textures",
        "verdicts",
    }
    assert {path.stem for path in folder.glob("*.csv")} == names
    assert not (tmp_path / "data").exists()


def test_scores_by_emotion(command, tmp_path) -> None:
    command("tables", "demo", "--out", str(tmp_path / "o"))
    table = pd.read_csv(tmp_path / "o" / "emotions.csv").set_index(["by", "group", "method", "metric"])
    whole = pd.read_csv(tmp_path / "o" / "intervals.csv").set_index(["method", "metric"])
    parts = [table.loc[("emotion", name, "segtalker", "psnr")] for name in ("angry", "sad")]
    assert [part["clips"] for part in parts] == [5, 5]
    mean = whole.loc[("segtalker", "psnr"), "mean"]
    assert sum(part["mean"] for part in parts) / 2 == pytest.approx(mean, abs=2e-6)
    assert table.loc[("level", "1", "segtalker", "psnr"), "mean"] == pytest.approx(mean, abs=2e-6)
    assert "fid_seeded" not in table.index.get_level_values("metric")
    text = (tmp_path / "o" / "results.md").read_text()
    rows = re.search(r"## By emotion, level\n\n(.*?)\n## ", text, re.DOTALL).group(1).splitlines()
    assert rows[0] == "| metric | who | emotion angry | emotion sad |"
    assert [row.split(" | ")[:2] for row in rows[2:4]] == [
        ["| `psnr` (dB) ↑", "segtalker"],
        ["| `mouth_iou` ↑", "segtalker"],
    ]
    assert f"{parts[0]['mean']:.2f} [" in rows[2]


def test_scores_by_emotion_of_several_runs(command, tmp_path) -> None:
    command("tables", "demo", "no-sync", "--out", str(tmp_path / "o"))
    table = pd.read_csv(tmp_path / "o" / "emotions.csv").set_index(["run", "by", "group", "method", "metric"])
    text = (tmp_path / "o" / "results.md").read_text()
    rows = [row for row in text.splitlines() if row.startswith("| `mouth_iou` ↑ | ")]
    by_emotion = {row.split(" | ")[1]: row.split(" | ")[2:4] for row in rows if row.count("|") == 5}
    for run in ("demo", "no-sync"):
        means = [table.loc[(run, "emotion", name, "segtalker", "mouth_iou"), "mean"] for name in ("angry", "sad")]
        assert [float(cell.split()[0]) for cell in by_emotion[run]] == pytest.approx(means, abs=5e-4)
    latex = (tmp_path / "o" / "emotions.tex").read_text()
    assert latex.count(r"\begin{tabular}") == 2
    assert "no-sync" in latex


def test_an_evaluation_without_stages_has_tables_too(command, shelf, tmp_path) -> None:
    code, _, errors = command("tables", "demo", shelf.ids["elsewhere"], "--out", str(tmp_path / "o"))
    assert (code, errors) == (0, "")
    table = pd.read_csv(tmp_path / "o" / "ablation.csv").set_index("run")
    assert table.loc["videos from elsewhere", "mouth_iou_difference"] == pytest.approx(0.05, abs=0.01)
