"""Signatures and revisions: what makes two results the same."""

import shutil
import subprocess
from pathlib import Path

import pytest

from segtalker.config.experiment import compose
from segtalker.tracking.provenance import code_revision, data_signature, git_revision, signature

CHECKOUT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", ["no-sync", "no-adversarial", "no-mask-guidance", "one-frame"])
def test_an_ablation_shares_the_networks_that_measure(name: str) -> None:
    (_, demo), (_, ablation) = compose(CHECKOUT, "demo", []), compose(CHECKOUT, name, [])
    inputs = {"clip": "0" * 64}
    for stage in ("train_parser", "train_sync"):
        assert signature(demo, stage, inputs) == signature(ablation, stage, inputs)
    assert signature(demo, "tables", inputs) != signature(ablation, "tables", inputs)


def test_other_clips_are_other_data() -> None:
    assert data_signature({"a": "1", "b": "2"}) == data_signature({"b": "2", "a": "1"})
    assert data_signature({"a": "1"}) != data_signature({"a": "2"})


def test_a_source_archive_within_another_repository_has_no_revision(tmp_path: Path) -> None:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@t"]
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run([*command, "commit", "-q", "--allow-empty", "-m", "t"], cwd=tmp_path, check=True)
    archive = tmp_path / "segtalker"
    archive.mkdir()
    shutil.copyfile(CHECKOUT / "dvc.yaml", archive / "dvc.yaml")
    assert git_revision(archive) == ("none", False)
    subprocess.run(["git", "add", "-A"], cwd=archive, check=True)
    subprocess.run([*command, "commit", "-qm", "t"], cwd=archive, check=True)
    revision, is_modified = git_revision(archive)
    assert (len(revision), is_modified) == (40, False)


def test_commits_of_words_leave_the_revision_of_the_code(tmp_path: Path) -> None:
    for name in ("dvc.yaml", "params.yaml", "code.yaml"):
        shutil.copyfile(CHECKOUT / name, tmp_path / name)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)

    def commit() -> str:
        for command in (["add", "-A"], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "t"]):
            subprocess.run(["git", *command], cwd=tmp_path, check=True)
        return git_revision(tmp_path)[0]

    first = commit()
    (tmp_path / "README.md").write_text("words\n", encoding="utf-8")
    (tmp_path / "dvc.lock").write_text("schema: '2.0'\n", encoding="utf-8")
    assert commit() != first
    assert code_revision(tmp_path) == (first, False)
    with (tmp_path / "params.yaml").open("a", encoding="utf-8") as params:
        params.write("# more\n")
    assert code_revision(tmp_path) == (first, True)
    last = commit()
    assert code_revision(tmp_path) == (last, False)
