"""Where `segtalker evaluate` may write: it replaces its folder as a whole, so it has to be its own."""

from pathlib import Path

import pytest

from flows.commands.evaluate import check_place
from segtalker.utils.errors import BadInputError


def test_a_folder_of_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(BadInputError, match="other files"):
        check_place(tmp_path)
    with pytest.raises(BadInputError, match="a file"):
        check_place(tmp_path / "thesis.tex")
    with pytest.raises(BadInputError, match="cannot be made"):
        check_place(tmp_path / "thesis.tex" / "deeper")


def test_a_new_an_empty_and_an_own_folder_are_taken(tmp_path: Path) -> None:
    check_place(tmp_path / "deep" / "new")
    assert not (tmp_path / "deep").exists()
    check_place(tmp_path)
    (tmp_path / "notes.csv").touch()
    check_place(tmp_path)
