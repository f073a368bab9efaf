"""A trial's folder holds its own results and shares what others may: code, cache, saved locks, raw material."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from flows.sweeps.workspace import cache_folder, clear, export_source, prepare, refuse_unshared_paths
from segtalker.config.experiment import compose, networks_sha256
from segtalker.tracking.provenance import REVISION_FILE, code_revision, git_revision
from segtalker.utils.errors import BadInputError

CHECKOUT = Path(__file__).parents[4]
NAMES = ("segtalker", "flows", "lightning_modules", "datamodules", "experiments", "params.yaml", "dvc.yaml",
         "code.yaml", "requirements.lock", ".dvcignore", ".dvc/config", "experiment.yaml")  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose files are those of this one, with raw material and networks of two experiments."""
    root = tmp_path_factory.mktemp("project")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    for name in NAMES:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).symlink_to(CHECKOUT / name)
    for name in ("raw", "models/demo", "models/earlier", "data", ".dvc/tmp/experiments"):
        (root / name).mkdir(parents=True)
    export_source(root, root / "sweeps" / "x")
    return root


def test_the_code_of_a_sweep_is_that_of_its_start(project: Path) -> None:
    source = project / "sweeps" / "x" / "source"
    module = source / "segtalker" / "regions.py"
    assert module.read_bytes() == (CHECKOUT / "segtalker" / "regions.py").read_bytes()
    before = os.stat(module).st_ino
    assert export_source(project, project / "sweeps" / "x") == source  # of a sweep that goes on it stays
    assert os.stat(module).st_ino == before


def test_a_sweep_starts_from_networks_of_the_project(project: Path) -> None:
    network = project / "models" / "earlier" / "train_tsg" / "tsg.ckpt"
    network.parent.mkdir(exist_ok=True)
    network.write_bytes(b"weights")
    source = project / "sweeps" / "x" / "source"
    params = compose(source, "demo", ["training.start_from=earlier"])[1]
    assert params.training.start_sha256 == networks_sha256(project, "earlier")


def test_a_copy_says_of_which_revision_it_is(tmp_path: Path) -> None:
    (tmp_path / REVISION_FILE).write_text(json.dumps(["abc", True]))
    assert git_revision(tmp_path) == code_revision(tmp_path) == ("abc", True)


def test_a_trial_has_its_own_results_and_shares_the_rest(project: Path) -> None:
    cache = cache_folder(project)
    assert cache == project / ".dvc" / "cache"
    trial = prepare(project, project / "sweeps" / "x", 3, "demo", cache)
    assert trial == project / "sweeps" / "x" / "trials" / "0003"
    for name, target in (("raw", "raw"), (".dvc/cache", ".dvc/cache"), (".dvc/tmp/experiments", ".dvc/tmp/experiments"),
                         ("models/earlier", "models/earlier"), ("segtalker", "sweeps/x/source/segtalker")):  # fmt: skip
        assert (trial / name).resolve() == (project / target).resolve()
    for name in ("data", "models", "results", "reports"):
        assert (trial / name).is_dir()
        assert not (trial / name).is_symlink()
    assert not (trial / "models" / "demo").exists()
    assert not (trial / "sweeps").exists()
    (trial / "data" / "made").touch()
    assert prepare(project, project / "sweeps" / "x", 3, "demo", cache) == trial
    assert (trial / "data" / "made").exists()  # an interrupted trial goes on with what it has


@pytest.mark.parametrize("root", ["../videos", "raw/../../videos", "data/videos", ".hidden", "models/demo/x"])
def test_a_path_that_means_another_place_in_a_trial_is_refused(project: Path, root: str) -> None:
    params = compose(CHECKOUT, "demo", ["download.sources=[folder]", f"download.folder.root={root}"])[1]
    with pytest.raises(BadInputError, match=r"download\.folder\.root: .* name it in full: /"):
        refuse_unshared_paths(params, project, "demo")


@pytest.mark.parametrize("root", ["raw", "./raw/videos", "/videos", "~/videos", "models/earlier/x"])
def test_a_path_that_trials_share_is_taken(project: Path, root: str) -> None:
    params = compose(CHECKOUT, "demo", ["download.sources=[folder]", f"download.folder.root={root}"])[1]
    refuse_unshared_paths(params, project, "demo")


def test_a_trial_that_is_over_leaves_its_reports_and_nothing_of_others(project: Path) -> None:
    trial = prepare(project, project / "sweeps" / "x", 4, "demo", project / ".dvc" / "cache")
    (trial / "reports" / "index.html").touch()
    (project / "raw" / "clip.mp4").touch()
    clear(trial)
    assert (trial / "reports" / "index.html").is_file()
    assert not {"data", "models", "results", "segtalker", "raw"} & {path.name for path in trial.iterdir()}
    assert (project / "raw" / "clip.mp4").is_file()
    assert (project / "models" / "earlier").is_dir()
    assert (project / "sweeps" / "x" / "source" / "segtalker" / "regions.py").is_file()
