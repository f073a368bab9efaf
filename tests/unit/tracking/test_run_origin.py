"""Owner, workspace, hardware and packages of a run."""

import re
import shutil
from pathlib import Path

import pytest

from segtalker.tracking.run_origin import hardware, origin_tags, package_versions, run_owner, workspace_id


def test_a_workspace_keeps_its_name_and_a_copy_gets_another(tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.mkdir()
    name = workspace_id(first)
    assert re.fullmatch("[0-9a-f]{32}", name)
    assert workspace_id(first) == name
    shutil.copytree(first, tmp_path / "second")
    other = workspace_id(tmp_path / "second")
    assert other != name
    assert (workspace_id(first), workspace_id(tmp_path / "second")) == (name, other)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"id": 3}', "null"])
def test_a_torn_workspace_file_is_made_anew(tmp_path: Path, content: str) -> None:
    (tmp_path / ".segtalker.workspace").write_text(content)
    assert workspace_id(tmp_path) == workspace_id(tmp_path) != ""


def test_a_user_without_a_name_is_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> str:
        raise OSError("no username set in the environment")

    monkeypatch.setattr("getpass.getuser", unknown)
    assert run_owner(tmp_path).user.isdigit()


def test_hardware_and_packages_are_named(tmp_path: Path) -> None:
    facts = hardware()
    assert set(facts) == {"processor", "instructions", "cores", "memory_gib", "gpus"}
    assert all(facts.values())
    packages = package_versions()
    assert {"torch", "mlflow", "numpy"} <= set(packages)
    tags = origin_tags(tmp_path, packages)
    assert tags["segtalker.version.torch"] == packages["torch"]
    assert tags["segtalker.lock_sha256"] == "none"
    (tmp_path / "requirements.lock").write_text("torch==2.15.0\n")
    assert re.fullmatch("[0-9a-f]{64}", origin_tags(tmp_path, packages)["segtalker.lock_sha256"])
    assert (
        origin_tags(tmp_path, packages | {"torch": "0"})["segtalker.packages_sha256"]
        != (tags["segtalker.packages_sha256"])
    )
