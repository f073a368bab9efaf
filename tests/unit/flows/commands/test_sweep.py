"""`segtalker sweep`: what cannot run is said on one line, and nothing of it is left behind."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from flows.commands.sweep import _checked_trials
from flows.sweeps.objective import Objective, Score
from flows.sweeps.plan import SweepPlan
from flows.sweeps.report import OpenSweep, selection_notes, write_best, write_page
from flows.sweeps.study import Outcome, SweepStudy
from segtalker.config.experiment import compose
from segtalker.config.search_space import read_space
from segtalker.utils.errors import BadInputError

CHECKOUT = Path(__file__).parents[4]
CRF = "tables.video_crf=20,21,22"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, without any run."""
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copyfile(CHECKOUT / name, tmp_path / name)
    shutil.copytree(CHECKOUT / "experiments", tmp_path / "experiments")
    (tmp_path / "experiment.yaml").write_text("active: {experiment: demo, dataset: synthetic}\n")
    monkeypatch.setenv("SEGTALKER_ROOT", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--param", CRF], "--metric: which?"),
        (["--metric", "psnr"], "--param: nothing to try"),
        (["--metric", "nope", "--param", CRF], "no such metric"),
        (["--metric", "flicker_ratio", "--param", CRF], "neither direction"),
        (["--metric", "psnr", "--param", "tables.nope=1,2"], "tables.nope: Extra inputs"),
        (["--metric", "psnr", "--param", "train_tsg.balance=1:0"], "an empty range"),
        (["--metric", "psnr", "--param", "train_tsg.learning_rate=log:0:1"], "begins above 0"),
        (["--metric", "psnr", "--param", CRF, "--trials", "0"], "--trials 0: at least 1"),
        (["--metric", "psnr", "--param", CRF, "--name", "a/b"], "a name has up to 64"),
        (["--metric", "psnr", "--param", CRF, "--parallel", "4096"], "this machine has"),
        (["--metric", "psnr", "--param", CRF, "--pruner", "median"], "no curve tells early"),
        (["--metric", "psnr", "--param", CRF, "--pruner", "x"], "is not one of 'none', 'median', 'hyperband'"),
        (["--metric", "psnr", "--param", CRF, "--experiment", "none-such"], "experiments/none-such.yaml"),
        (["--metric", "psnr", "--param", "train_tsg.balance=0:1", "--sampler", "grid"], "a range without end"),
        (
            [
                "--metric",
                "psnr",
                "--param",
                CRF,
                "--set",
                "download.sources=[folder]",
                "--set",
                "download.folder.root=../videos",
            ],
            "is no place of a trial",
        ),
        (["apply", "x"], "there is none of this name"),
        (["report", "x"], "there is none of this name"),
    ],
)
def test_what_cannot_run_is_said_on_one_line(
    arguments: list[str], message: str, root: Path, segtalker: Callable
) -> None:
    before = sorted(root.rglob("*"))
    code, said, errors = segtalker("sweep", *arguments)
    assert (code, said) == (2, "")
    assert message in errors
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert sorted(root.rglob("*")) == before


def test_a_path_that_no_address_can_hold_is_refused(
    root: Path, segtalker: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(root, root / "50%")
    monkeypatch.setenv("SEGTALKER_ROOT", str(root / "50%"))
    code, _, errors = segtalker("sweep", "--metric", "psnr", "--param", CRF)
    assert code == 2
    assert "whose path holds ? or %" in errors


def test_another_sweep_under_the_same_name_is_refused(root: Path, segtalker: Callable) -> None:
    SweepPlan("demo", "demo", (), (CRF,), "psnr", "tpe", "none").save(root)
    code, _, errors = segtalker("sweep", "--metric", "ssim", "--param", CRF)
    assert code == 2
    assert "sweep demo: began with metric psnr, not ssim" in errors


def test_a_grid_ends_by_itself(root: Path) -> None:
    plan = SweepPlan("x", "demo", (), (CRF, "train_tsg.balance=0:1:0.5"), "psnr", "grid", "none")
    assert _checked_trials(root, plan, None) == 9
    assert _checked_trials(root, plan, 4) == 4
    assert _checked_trials(root, plan, 99) == 9


def _opened(root: Path, values: dict[int, float]) -> OpenSweep:
    """A sweep whose trials came to these values; of `nan` the trial failed."""
    plan = SweepPlan("crf", "no-sync", ("base.seed=8",), (CRF, "train_tsg.balance=0:1"), "psnr", "random", "none")
    plan.save(root)
    source = plan.folder(root) / "source"
    shutil.copytree(root, source, ignore=shutil.ignore_patterns("sweeps"))
    params, space = compose(source, plan.experiment, plan.settings)[1], read_space(source, "no-sync", (), plan.params)
    study = SweepStudy(plan, plan.folder(root), space, higher_is_better=True, seed=7)
    for number, value in values.items():
        trial = study.next_trial(len(values))
        state = "complete" if value == value else "failed"
        score = Score(value, value - 1, value + 1) if value == value else None
        study.tell(Outcome(number, state, 90.0, score, "" if score else "<b>no</b> memory", ("tables",)))
        assert trial.number == number
    return OpenSweep(plan, params, space, Objective("psnr", "dB", True, "tables"), study)


def test_the_best_trial_becomes_an_experiment(root: Path) -> None:
    opened = _opened(root, {0: 20.0, 1: 21.5, 2: float("nan")})
    best = opened.study.records()[1].values
    path = write_best(root, opened, "crf-best")
    assert path == root / "experiments" / "crf-best.yaml"
    params = compose(root, "crf-best", ())[1]
    assert params.tables.video_crf == best["tables.video_crf"]
    assert params.train_tsg.balance == best["train_tsg.balance"]
    assert params.base.seed == 8
    assert params.train_tsg.loss_weights["sync"] == 0.0  # of the experiment that was swept
    again = path.read_text()
    write_best(root, opened, "crf-best")
    assert path.read_text() == again
    with pytest.raises(BadInputError, match="is there and not of this sweep"):
        write_best(root, opened, "tiny")
    with pytest.raises(BadInputError, match=r"demo: is params\.yaml itself"):
        write_best(root, opened, "demo")
    assert not (root / "experiments" / "demo.yaml").exists()


def test_what_is_chosen_by_test_people_says_so(root: Path) -> None:
    opened = _opened(root, {0: 20.0})
    notes = selection_notes(opened)
    assert "psnr is measured on the test people" in notes[0]
    assert notes[1] == "tables.video_crf: changes who or what is measured, so scores of trials may not compare"
    text = write_best(root, opened, "crf-best").read_text()
    assert all(f"# Note: {note}\n" in text for note in notes)
    curve = Objective("train_tsg:val/mouth_iou", "", True, "train_tsg")
    assert selection_notes(replace(opened, objective=curve, space=opened.space[1:])) == []


def test_without_a_complete_trial_there_is_no_best(root: Path) -> None:
    with pytest.raises(BadInputError, match="no trial is complete"):
        write_best(root, _opened(root, {0: float("nan")}), "crf-best")


def test_the_page_shows_trials_and_failures(root: Path) -> None:
    page = write_page(root, _opened(root, {0: 20.0, 1: 21.5, 2: float("nan"), 3: 20.7, 4: 19.0}))
    text = page.read_text(encoding="utf-8")
    assert page == root / "reports" / "sweeps" / "crf.html"
    assert "&lt;b&gt;no&lt;/b&gt; memory" in text
    assert "4 complete, 1 failed" in " ".join(text.split())
    assert "Importance" in text
    assert "train_tsg.balance" in text
    assert 'src="http' not in text
