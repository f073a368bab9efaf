"""Who looks alike, in a file."""

from pathlib import Path

import pytest

from segtalker.clips.alike import AlikeSubjects, read_alike, write_alike
from segtalker.utils.errors import BadInputError


@pytest.mark.parametrize("pairs", [None, [], [AlikeSubjects("ann", "bob", 0.25)]])
def test_what_is_written_is_read(pairs: list[AlikeSubjects] | None, tmp_path: Path) -> None:
    write_alike(tmp_path / "alike.json", pairs)
    assert read_alike(tmp_path / "alike.json") == pairs


@pytest.mark.parametrize("text", ["[{", "3", '[{"one": "ann"}]'])
def test_a_damaged_file_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "alike.json").write_text(text)
    with pytest.raises(BadInputError, match=r"alike\.json: cannot be read .* segtalker reproduce writes it"):
        read_alike(tmp_path / "alike.json")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"alike\.json: cannot be read"):
        read_alike(tmp_path / "alike.json")
