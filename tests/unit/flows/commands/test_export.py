"""Networks for other programs: what is handed to `segtalker export onnx` is looked at first."""

from pathlib import Path

import pytest

from flows.commands.export import export_onnx
from segtalker.utils.errors import BadInputError

ROOT = Path(__file__).parents[4]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="results belongs to a stage"):
        export_onnx(ROOT / "results" / "networks")
    (tmp_path / "networks").write_text("a file")
    with pytest.raises(BadInputError, match="cannot be written"):
        export_onnx(tmp_path / "networks")
