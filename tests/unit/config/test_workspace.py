"""Places that belong to stages."""

from pathlib import Path

import pytest

from segtalker.config.workspace import refuse_stage_output, stage_outputs
from segtalker.utils.errors import BadInputError

ROOT = Path(__file__).parents[3]


def test_outputs_are_those_of_dvc_yaml() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in stage_outputs(ROOT)}
    assert {"data", "models", "results", "data/crop", "reports/tables", "reports/index.html"} <= names
    assert "reports/datasets" in names  # named after the dataset
    assert "reports" not in names


@pytest.mark.parametrize(
    "name",
    [
        "results/demo/generate/samples/talk.mp4",
        "data/x",
        "models",
        "reports/tables",
        "reports/figures/a",
        "reports/./tables",
    ],
)
def test_a_place_inside_an_output_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (ROOT / name, Path(name)):
        monkeypatch.chdir(ROOT)
        with pytest.raises(BadInputError, match=r"^--out .* belongs to a stage, .* deletes .*, such as out/"):
            refuse_stage_output(path, ROOT, "--out")


@pytest.mark.parametrize("name", ["reports", ".", "..", "reports/../reports"])
def test_a_folder_that_holds_an_output_is_refused(name: str) -> None:
    with pytest.raises(BadInputError, match=r"holds .* which belongs to a stage; name a folder of its own"):
        refuse_stage_output(ROOT / name, ROOT, "--out")


def test_links_into_an_output_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(ROOT / "results")
    with pytest.raises(BadInputError, match="results belongs to a stage"):
        refuse_stage_output(tmp_path / "link" / "a.mp4", ROOT, "--out")


def test_other_places_are_free(tmp_path: Path) -> None:
    for path in (ROOT / "out/talk.mp4", ROOT / "reports/evaluations/x", ROOT / "database", tmp_path / "results/a.mp4"):
        refuse_stage_output(path, ROOT, "--out")
