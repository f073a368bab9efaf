"""What a sweep makes better, and which stages a param of it reaches."""

import json
from pathlib import Path

import pytest

from flows.sweeps.objective import (
    CURVES,
    Objective,
    Score,
    read_curve,
    read_objective,
    shared_stages,
    touched_stages,
    tuned_curve,
)
from segtalker.config.params import load_params
from segtalker.config.search_space import read_space
from segtalker.utils.errors import BadInputError, SegTalkerError

ROOT = Path(__file__).parents[4]
PARAMS = load_params(ROOT)


@pytest.mark.parametrize(("metric", "higher"), [("psnr", True), ("lse_d_expert", False), ("mouth_iou_parsed", True)])
def test_the_registry_says_which_direction_is_better(metric: str, higher: bool) -> None:
    objective = read_objective(metric, PARAMS)
    assert objective.higher_is_better is higher
    assert objective.until == "tables"
    assert objective.on_test_people


def test_a_curve_needs_no_stage_after_its_own() -> None:
    for stage, name in CURVES.items():
        objective = read_objective(f"{stage}:{name}", PARAMS)
        assert (objective.until, objective.higher_is_better, objective.on_test_people) == (stage, True, False)


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("lse_d_exprt", "no such metric; there are lse_d_expert"),
        ("flicker_ratio", "neither direction"),
        ("lpips_alex", "evaluate.lpips_weights is empty"),
        ("lse_d_syncnet", "evaluate.syncnet_weights is empty"),
        ("train_tsg:val/nope", "no such curve; there are: train_parser:val/mean_iou"),
    ],
)
def test_what_cannot_be_made_better_is_said(metric: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        read_objective(metric, PARAMS)


def test_stand_ins_that_are_not_measured_are_refused() -> None:
    without = PARAMS.model_copy(update={"evaluate": PARAMS.evaluate.model_copy(update={"stand_ins": False})})
    with pytest.raises(BadInputError, match="stand_ins is false"):
        read_objective("fid_seeded", without)


def _space(*texts: str):
    return read_space(ROOT, "demo", (), texts)


def test_a_param_reaches_its_stage_and_those_that_stand_on_it() -> None:
    space = _space("train_tsg.loss_weights.sync=0.1,0.2")
    assert touched_stages(ROOT, space) == {"train_tsg"}
    reached = {"train_tsg", "generate", "evaluate", "tables"}
    assert not shared_stages(ROOT, space, "tables") & reached
    assert shared_stages(ROOT, space, "tables") | reached >= {"download", "train_sgi", "train_wav2lip", "tables"}
    assert shared_stages(ROOT, _space("tables.video_crf=20,21"), "tables") >= {"evaluate", "generate", "download"}
    assert shared_stages(ROOT, _space("base.seed=1,2"), "tables") == set()


def test_the_tuned_curve_is_that_of_the_last_training_a_param_belongs_to() -> None:
    both = _space("train_sgi.learning_rate=1e-4,1e-3", "train_tsg.learning_rate=1e-4,1e-3")
    assert tuned_curve(ROOT, both, "tables") == ("train_sgi", "val/psnr")
    assert tuned_curve(ROOT, both, "train_tsg") == ("train_tsg", "val/mouth_iou")
    assert tuned_curve(ROOT, _space("tables.video_crf=20,21"), "tables") is None


def test_the_baseline_judges_itself_alone() -> None:
    of_the_baseline = ("train_wav2lip", "val/mouth_psnr")
    assert tuned_curve(ROOT, _space("base.seed=1,2"), "tables") == ("train_sgi", "val/psnr")
    assert tuned_curve(ROOT, _space("train_wav2lip.learning_rate=1e-4,1e-3"), "tables") == of_the_baseline
    assert tuned_curve(ROOT, _space("base.seed=1,2"), "train_wav2lip") == of_the_baseline


def _results(root: Path) -> None:
    tables = root / "reports" / "tables"
    tables.mkdir(parents=True)
    (tables / "scores.json").write_text(json.dumps({"psnr": 20.5, "ssim": None}))
    rows = ["method,metric,mean,low,high,clips,subjects", "ground_truth,psnr,,,,2,2", "segtalker,psnr,20.5,19,21.5,2,2"]
    (tables / "intervals.csv").write_text("\n".join(rows) + "\n")


def test_a_score_is_the_system_s_with_its_interval(tmp_path: Path) -> None:
    _results(tmp_path)
    assert Objective("psnr", "dB", True, "tables").read(tmp_path, "demo") == Score(20.5, 19.0, 21.5)
    with pytest.raises(SegTalkerError, match="ssim: not measured"):
        Objective("ssim", "", True, "tables").read(tmp_path, "demo")


def test_a_score_that_is_not_finite_is_none(tmp_path: Path) -> None:
    _results(tmp_path)
    (tmp_path / "reports" / "tables" / "scores.json").write_text('{"psnr": NaN}')
    with pytest.raises(SegTalkerError, match="psnr: came to nan"):
        Objective("psnr", "dB", True, "tables").read(tmp_path, "demo")


def test_a_curve_ends_with_its_score(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "demo" / "train_tsg"
    folder.mkdir(parents=True)
    objective = Objective("train_tsg:val/mouth_iou", "", True, "train_tsg")
    with pytest.raises(SegTalkerError, match="logged no such value"):
        objective.read(tmp_path, "demo")
    (folder / "history.csv").write_text("step,name,value\n4,val/mouth_iou,0.5\n2,val/mouth_iou,0.4\n2,train/sync,9\n")
    assert read_curve(folder, "val/mouth_iou") == [0.4, 0.5]
    assert objective.read(tmp_path, "demo") == Score(0.5)
