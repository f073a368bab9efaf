"""`segtalker runs`, `tables` and `compare`, from a store alone."""

import base64
import re
from pathlib import Path

import pandas as pd
import pytest
from browser import Browser


def test_runs_lists_those_with_scores_and_all_on_demand(command, shelf) -> None:
    code, out, _ = command("runs")
    assert code == 0
    lines = {line.split()[0]: line for line in out.splitlines()[1:] if line.startswith(" ")}
    demo = lines[shelf.ids["demo"][:8]]
    assert re.search(r"demo +demo +drawn +demo +[0-9a-f]{8} +finished", demo)
    assert re.search(r"psnr=2\d\.\d", demo)
    assert "finished" in demo
    assert shelf.ids["unfinished"][:8] not in lines
    assert "2 more without scores; --all shows them" in out
    _, everything, _ = command("runs", "--all")
    assert shelf.ids["unfinished"][:8] in everything
    assert "no scores yet" in everything
    assert "running" in everything
    _, some, _ = command("runs", "--experiment", "no-sync")
    assert [line.split()[0] for line in some.splitlines()[1:]] == [shelf.ids["no-sync"][:8]]


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


def test_an_evaluation_without_stages_has_tables_too(command, shelf, tmp_path) -> None:
    code, _, errors = command("tables", "demo", shelf.ids["elsewhere"], "--out", str(tmp_path / "o"))
    assert (code, errors) == (0, "")
    table = pd.read_csv(tmp_path / "o" / "ablation.csv").set_index("run")
    assert table.loc["videos from elsewhere", "mouth_iou_difference"] == pytest.approx(0.05, abs=0.01)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tables", "nobody"], "run nobody: no such run; there are: "),
        (["compare", "demo", "nobody"], "run nobody: no such run"),
        (["tables", "unfinished"], "has no scores, it came as far as train_sync (finished); segtalker reproduce"),
        (["tables", "killed"], "has no scores, no stage of it has finished (running)"),
        (["tables", "old"], "evaluate/metrics.csv is not kept with it in MLflow"),
        (["tables", "no-number"], "evaluate/metrics.csv: 'about "),
        (["compare", "demo", "demo"], " demo; name two or more by their ids, see segtalker runs"),
        (["compare", "demo"], "that is one run"),
        (["runs", "--experiment", "nothing"], "--experiment nothing: no run of it"),
        (["tables", "demo", "--out", "params.yaml"], "--out params.yaml: no folder can be made there"),
        (["tables", "\x1b[2Jdemo"], "run ?[2Jdemo: no such run"),
    ],
)
def test_what_cannot_be_done_is_said_on_one_line(command, arguments, message) -> None:
    code, _, errors = command(*arguments)
    assert code == 2
    assert message in errors
    assert errors.count("\n") == 1
    assert errors.isprintable() or errors.rstrip("\n").isprintable()


def test_an_id_is_as_long_as_it_has_to_be(command, shelf, tmp_path) -> None:
    ids = list(shelf.ids.values())
    letter = max("0123456789abcdef", key=lambda start: sum(run_id.startswith(start) for run_id in ids))
    code, _, errors = command("tables", letter)
    assert code == 2
    assert "it may be any of" in errors
    assert all(run_id[:8] in errors for run_id in ids if run_id.startswith(letter))
    code, _, _ = command("tables", shelf.ids["no-sync"], "--out", str(tmp_path / "o"))
    assert code == 0


def test_a_value_that_is_no_number_is_shown_as_missing(command, tmp_path) -> None:
    code, out, _ = command("tables", "not-finite", "--out", str(tmp_path / "o"))
    assert code == 0
    assert "1 values not measured" in out
    lost = pd.read_csv(tmp_path / "o" / "unavailable.csv").iloc[0]
    assert (lost["metric"], lost["method"], lost["reason"]) == ("psnr", "segtalker", "the value is nan")


def test_compare_shows_params_scores_curves_and_frames(command, tmp_path) -> None:
    code, out, errors = command("compare", "demo", "no-sync", "--out", str(tmp_path / "o"))
    assert (code, errors) == (0, "")
    assert re.search(r"train_tsg\.loss_weights\.sync +0\.03 +0\.0", out)
    assert re.search(r"mouth_iou ↑ +0\.\d{3} \[0\.\d{3}, 0\.\d{3}\] +0\.\d{3} \[.*\] +-0\.\d{3} \[-", out)
    page = (tmp_path / "o" / "compare.html").read_text(encoding="utf-8")
    assert "train_tsg.loss_weights.sync" in page
    assert "Not comparable" not in page
    images = re.findall(r"data:image/webp;base64,([A-Za-z0-9+/=]+)", page)
    assert len(images) == 2 * 2 + 2 * 2  # two figures on two papers, two strips of two runs; one was no picture
    assert all(base64.b64decode(image)[8:12] == b"WEBP" for image in images)
    assert not re.search(r"""(src|href)="(?!data:|#)""", page)
    assert (tmp_path / "o" / "figures" / "curves_train_tsg.png").is_file()


def test_compare_holds_no_run_of_another_protocol_against_the_first(command, shelf, tmp_path) -> None:
    code, out, _ = command("compare", "demo", shelf.ids["demo base.seed=8"], "--out", str(tmp_path / "o"))
    assert code == 0
    assert "not comparable: demo base.seed=8 was measured by another protocol than demo" in out
    page = (tmp_path / "o" / "compare.html").read_text(encoding="utf-8")
    assert "Not comparable" in page
    assert "Δ" not in page
    assert "Frame by frame" not in page  # the clips of another seed are others, under the same names


@pytest.mark.parametrize("width", [360, 1280])
def test_in_a_browser_nothing_overflows_and_nothing_is_asked_for(
    command, browser: Browser, tmp_path: Path, width: int
) -> None:
    command("compare", "demo", "no-sync", "--out", str(tmp_path / "o"))
    path = tmp_path / "o" / "compare.html"
    browser.open(path, width)
    assert browser.run("document.documentElement.scrollWidth - innerWidth") <= 0
    assert browser.run("[...document.images].filter((one) => one.offsetParent && !one.naturalWidth).length") == 0
    heading = "[...document.querySelectorAll('#runs ~ .card tbody th')].find((one) => one.textContent === 'experiment')"
    assert browser.run(f"{heading}.getBoundingClientRect().height") < 45  # one line: the word is not torn
    protocol = "document.querySelector('.scores details p')"
    assert not browser.run(f"{protocol}.checkVisibility()")
    browser.click("document.querySelector('.scores summary')")
    assert browser.run(f"{protocol}.checkVisibility()")
    assert browser.requests == [path.resolve().as_uri()]
    assert browser.complaints == []
