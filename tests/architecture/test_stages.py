"""A stage has one name everywhere, and its DVC entry lists all it depends on."""

import importlib
import re
from pathlib import Path
from typing import get_args

import pytest
from closure import ROOT, module_files, stage_files
from ruamel.yaml import YAML

from segtalker.params import STAGE_INPUTS, STAGES, Params, Stage, read_yaml

# read and written files, and where they are: what is in them is hashed by itself
FILES_AND_NAMES = {
    f"segtalker/{name}.py" for name in ("atomic", "checkpoints", "clip_runner", "fetch", "file_hashes", "weights")
}
DVC = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]


def _outs(stage: str) -> set[str]:
    return {next(iter(out)) if isinstance(out, dict) else out for out in DVC[stage]["outs"]}


def test_one_name_in_five_places() -> None:
    assert get_args(Stage) == STAGES
    assert list(DVC) == list(STAGES)
    assert set(STAGES) <= set(read_yaml(ROOT / "params.yaml"))
    assert set(STAGES) <= set(Params.model_fields)
    for stage in STAGES:
        assert DVC[stage]["cmd"] == f"python -m flows.stages.{stage}"
        text = (ROOT / "flows" / "stages" / f"{stage}.py").read_text()
        assert f"def {stage}(run: StageRun)" in text
        assert f"stage_main({stage})" in text


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_knows_the_code_of_a_stage(stage: str) -> None:
    listed = {Path(dep) for dep in DVC[stage]["deps"]}
    files = {Path(file) for file in stage_files(stage)}
    missing = sorted(str(file) for file in files if not listed & {file, *file.parents})
    assert not missing, f"add to the deps of {stage} in dvc.yaml: {missing}"


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_lists_no_code_that_is_not_used(stage: str) -> None:
    files = {Path(file) for file in stage_files(stage)}
    code = [Path(dep) for dep in DVC[stage]["deps"] if dep.startswith(("segtalker", "flows", "light", "datamod"))]
    unused = sorted(str(dep) for dep in code if not any(dep in (file, *file.parents) for file in files))
    assert not unused, f"remove from the deps of {stage} in dvc.yaml: {unused}"


@pytest.mark.parametrize(
    ("kept_by", "work"),
    [
        ("flows.stages.cut", "segtalker.cutting.survey"),
        ("flows.stages.crop", "segtalker.faces.clip_crop"),
        ("flows.stages.gate", "segtalker.gating.measure"),
        ("flows.stages.parse", "segtalker.faces.parsing"),
        ("flows.stages.evaluate", "segtalker.evaluation"),
        ("flows.peer_evaluation", "segtalker.predictions"),
    ],
)
def test_a_clip_is_kept_by_all_the_code_that_made_it(kept_by: str, work: str) -> None:
    hashed = importlib.import_module(kept_by)._CODE
    made_by = [ROOT / file for file in module_files(work) - FILES_AND_NAMES]
    missing = sorted(str(file.relative_to(ROOT)) for file in made_by if not {file, *file.parents} & set(hashed))
    assert not missing, f"add to _CODE of {kept_by}: {missing}"


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_and_signatures_agree_on_what_a_stage_reads(stage: Stage) -> None:
    deps = set(DVC[stage]["deps"])
    read = {other for other in STAGES if _outs(other) & deps}
    assert read == set(STAGE_INPUTS[stage])


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_knows_the_params_of_a_stage(stage: str) -> None:
    text = (ROOT / "flows" / "stages" / f"{stage}.py").read_text()
    used = {name for name in re.findall(r"params\.(\w+)", text) if name in STAGES} | {stage, "base"}
    listed = {name for name in DVC[stage]["params"] if isinstance(name, str)}
    overrides = next(entry for entry in DVC[stage]["params"] if isinstance(entry, dict))["experiment.yaml"]
    assert used <= listed
    assert used <= set(overrides)
