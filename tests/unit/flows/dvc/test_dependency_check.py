"""What a stage stands on may not change while it runs."""

from pathlib import Path

import pytest

from flows.dvc.dependency_check import check_unchanged, code_values, input_values
from segtalker.utils import code_hash
from segtalker.utils.errors import BadInputError

DVC = """
stages:
  crop:
    deps: ["data/cut/${active.dataset}"]
    params: [code.yaml: [crop], base, crop, experiment.yaml: [active.dataset, crop]]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/cut/tiny").mkdir(parents=True)
    for name, text in {
        "dvc.yaml": DVC,
        "params.yaml": "{base: {seed: 7}, crop: {size: 128}, gate: {limit: 1}}",
        "experiment.yaml": "{active: {experiment: mine, dataset: tiny}, crop: {}, gate: {}}",
        "code.yaml": "{crop: abc, gate: abc}",
        "data/cut/tiny/clips.csv": "clip_id\na\n",
        "data/cut/tiny/large.bin": "x" * 100_000,
    }.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("params.yaml", "{base: {seed: 7}, crop: {size: 64}}", "params.yaml, crop"),
        ("params.yaml", "{base: {seed: 8}, crop: {size: 128}}", "params.yaml, base"),
        ("experiment.yaml", "{active: {dataset: tiny}, crop: {size: 64}}", "experiment.yaml, crop"),
        ("code.yaml", "{crop: abd}", "code.yaml, crop"),
        ("data/cut/tiny/clips.csv", "clip_id\nb\n", "data/cut/tiny/clips.csv"),
        ("data/cut/tiny/large.bin", "y" * 100_001, "data/cut/tiny/large.bin"),
        ("data/cut/tiny/new.csv", "", "data/cut/tiny/new.csv"),
    ],
)
def test_a_change_is_named(project: Path, name: str, text: str, said: str) -> None:
    before = input_values(Path(), "crop")
    (project / name).write_text(text)
    with pytest.raises(BadInputError, match=f"^{said}: changed while crop ran; what is done is kept") as error:
        check_unchanged("crop", before, input_values(Path(), "crop"))
    assert "\n" not in str(error.value)


def test_a_missing_input_is_named(project: Path) -> None:
    before = input_values(Path(), "crop")
    (project / "data/cut/tiny/clips.csv").unlink()
    with pytest.raises(BadInputError, match=r"clips\.csv: changed"):
        check_unchanged("crop", before, input_values(Path(), "crop"))


def test_what_a_stage_does_not_read_may_change(project: Path) -> None:
    before = input_values(Path(), "crop")
    (project / "params.yaml").write_text("{base: {seed: 7}, crop: {size: 128}, gate: {limit: 2}}")
    (project / "data/cut/tiny/clips.csv").touch()
    check_unchanged("crop", before, input_values(Path(), "crop"))


def test_code_may_change_in_its_words_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = tmp_path / "flows" / "stages" / "crop.py"
    stage.parent.mkdir(parents=True)
    for package in (stage.parent, stage.parent.parent):
        (package / "__init__.py").touch()
    stage.write_text("SIZE = 128\n")
    monkeypatch.setattr(code_hash, "_PROJECT", tmp_path)
    before = code_values("crop")
    stage.write_text('"""A stage."""\n\nSIZE = 128  # px\n')
    check_unchanged("crop", before, code_values("crop"))
    stage.write_text("SIZE = 64\n")
    with pytest.raises(BadInputError, match=r"flows/stages/crop\.py: changed while crop ran"):
        check_unchanged("crop", before, code_values("crop"))
