"""Runs side by side: ablations, seeds, and those of another protocol."""

import pandas as pd
import pytest


def test_an_ablation_has_one_row_a_run_with_its_difference_to_the_first(command, tmp_path) -> None:
    code, _, _ = command("tables", "demo base.seed=8", "--out", str(tmp_path / "x"))
    assert code == 0
    code, _, errors = command("tables", "demo", "no-sync", "--out", str(tmp_path / "o"))
    assert (code, errors) == (0, "")
    table = pd.read_csv(tmp_path / "o" / "ablation.csv").set_index("run")
    assert list(table.index) == ["demo", "no-sync"]
    assert table.loc["no-sync", "changed"] == "train_tsg.loss_weights.sync=0.0"
    row = table.loc["no-sync"]
    assert row["mouth_iou_difference"] == pytest.approx(-0.1, abs=0.01)
    assert row["mouth_iou_difference_low"] < row["mouth_iou_difference"] < row["mouth_iou_difference_high"] < 0
    assert pd.isna(table.loc["demo", "mouth_iou_difference"])
    main = pd.read_csv(tmp_path / "o" / "results.csv")
    assert list(main["run"].unique()) == ["demo", "no-sync"]
    assert len(main) == 8
    text = (tmp_path / "o" / "results.md").read_text()
    marked = next(line for line in text.splitlines() if line.startswith("| demo | demo |  |"))
    assert marked.count("**") == 4  # psnr and mouth_iou, not the distance of the whole set
    for name in ("ablation", "results", "intervals", "differences"):
        assert (tmp_path / "o" / f"{name}.tex").read_text().count(r"\toprule") == 1
    assert not (tmp_path / "o" / "seeds.csv").exists()


def test_another_protocol_is_refused_and_named_or_kept_apart(command, tmp_path) -> None:
    code, _, errors = command("tables", "demo", "other-expert", "--out", str(tmp_path / "o"))
    assert code == 2
    assert errors.count("\n") == 1
    assert "run other-expert: measured by another protocol than demo" in errors
    assert "networks (expert)" in errors
    assert not list((tmp_path / "o").iterdir())
    code, _, _ = command("tables", "demo", "other-expert", "no-sync", "--separate", "--out", str(tmp_path / "o"))
    assert code == 0
    found = sorted(path.parent for path in (tmp_path / "o").glob("*/results.csv"))
    assert len(found) == 2
    runs = [set(pd.read_csv(path / "ablation.csv")["run"]) for path in found if (path / "ablation.csv").exists()]
    assert runs == [{"demo", "no-sync"}]
    assert not (tmp_path / "o" / "results.csv").exists()


def test_seeds_stand_apart_and_are_summed_up_by_name(command, shelf, tmp_path) -> None:
    seeds = [shelf.ids[name] for name in ("demo", "demo base.seed=8", "demo base.seed=9")]
    code, _, errors = command("tables", *(run_id[:12] for run_id in seeds), "--out", str(tmp_path / "o"))
    assert (code, errors) == (0, "")
    table = pd.read_csv(tmp_path / "o" / "seeds.csv").set_index(["method", "metric"])
    row = table.loc[("segtalker", "mouth_iou")]
    means = []
    for name in ("demo", "demo base.seed=8", "demo base.seed=9"):
        raw = pd.read_csv(shelf.root / name / "evaluate" / "metrics.csv")
        means.append(raw[(raw["method"] == "segtalker") & (raw["metric"] == "mouth_iou")]["value"].mean())
    assert row["n"] == 3
    assert [row["lowest"], row["highest"]] == pytest.approx([min(means), max(means)], abs=1e-6)
    assert row["mean"] == pytest.approx(sum(means) / 3, abs=1e-6)
    assert len(list((tmp_path / "o").glob("protocol-*/results.csv"))) == 3
    assert not (tmp_path / "o" / "results.csv").exists()


def test_seeds_and_an_ablation_together_are_no_seeds_of_the_ablation(command, shelf, tmp_path) -> None:
    code, _, errors = command("tables", "no-sync", shelf.ids["demo base.seed=8"], "--out", str(tmp_path / "o"))
    assert code == 2
    assert "clips (s0_0, s0_1, s1_0 and 7 more); networks (expert, parser)" in errors
