"""A stage has one name everywhere, and its DVC entry lists all it depends on."""

import re
from pathlib import Path
from typing import get_args

import pytest
from closure import ROOT, module_files
from ruamel.yaml import YAML

from flows.dvc.code_versions import write_code_file
from segtalker.config.params import Params, read_yaml
from segtalker.config.stages import STAGE_INPUTS, STAGES, Stage, shared_sections
from segtalker.utils.code_hash import code_files

DVC = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]


def _outs(stage: str) -> set[str]:
    return {next(iter(out)) if isinstance(out, dict) else out for out in DVC[stage]["outs"]}


def test_one_name_in_five_places() -> None:
    assert get_args(Stage) == STAGES
    assert list(DVC) == list(STAGES)
    assert set(STAGES) <= set(read_yaml(ROOT / "params.yaml"))
    assert set(STAGES) <= set(Params.model_fields)
    for stage in STAGES:
        assert DVC[stage]["cmd"] == f"python -m flows.stages {stage}"
        text = (ROOT / "flows" / "stages" / f"{stage}.py").read_text()
        assert f"def {stage}(run: StageRun)" in text


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_depends_on_the_code_of_a_stage(stage: str) -> None:
    assert {"code.yaml": [stage]} in DVC[stage]["params"]


def test_code_file_tells_of_this_code(tmp_path: Path) -> None:
    write_code_file(tmp_path)
    assert (ROOT / "code.yaml").read_bytes() == (tmp_path / "code.yaml").read_bytes(), "run make deps"


def test_code_file_is_written_again_after_a_change(tmp_path: Path) -> None:
    write_code_file(tmp_path)
    whole = (tmp_path / "code.yaml").read_text()
    (tmp_path / "code.yaml").write_text(whole.replace("crop: ", "crop: 0"))
    write_code_file(tmp_path)
    assert (tmp_path / "code.yaml").read_text() == whole


WORK = [
    "segtalker.preprocessing.cut", "segtalker.preprocessing.crop", "segtalker.preprocessing.gate",
    "segtalker.preprocessing.parse", "segtalker.evaluation.clip", "segtalker.evaluation.predictions",
    "segtalker.inference.methods", "segtalker.datasets.synthetic",
]  # fmt: skip


@pytest.mark.parametrize("module", [*(f"flows.stages.{stage}" for stage in STAGES), *WORK])
def test_code_is_hashed_with_all_it_imports(module: str) -> None:
    hashed = {path.relative_to(ROOT).as_posix() for path in code_files(module) if path.suffix == ".py"}
    missing = module_files(module) - hashed
    assert not missing
    # packages are imported with their modules; grimp knows only what is named
    assert all(name.endswith("__init__.py") for name in hashed - module_files(module))


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_and_signatures_agree_on_what_a_stage_reads(stage: Stage) -> None:
    deps = set(DVC[stage].get("deps", []))
    read = {other for other in STAGES if _outs(other) & deps}
    assert read == set(STAGE_INPUTS[stage])


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_knows_the_params_of_a_stage(stage: Stage) -> None:
    text = (ROOT / "flows" / "stages" / f"{stage}.py").read_text()
    used = {name for name in re.findall(r"params\.(\w+)", text) if name in STAGES} | {stage, *shared_sections(stage)}
    listed = {name for name in DVC[stage]["params"] if isinstance(name, str)}
    overrides = next(entry["experiment.yaml"] for entry in DVC[stage]["params"] if "experiment.yaml" in entry)
    assert used <= listed
    assert used <= set(overrides)
