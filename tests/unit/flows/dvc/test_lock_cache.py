"""Stages that ran before with the same code, params and inputs are taken up again, be it in another experiment."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from flows.dvc.lock_cache import made_before, restore_lock, save_lock
from segtalker.config.params import Params, load_params, params_hash

PROJECT = Path(__file__).parents[4]
STAGES = {
    "download": {
        "params": [{"code.yaml": ["download"]}, "download", {"experiment.yaml": ["active.dataset", "download"]}],
        "outs": [{"data/download/${active.dataset}": {"persist": True}}],
    },
    "train_tsg": {
        "deps": ["data/download/${active.dataset}"],
        "params": [{"code.yaml": ["train_tsg"]}, "train_tsg", {"experiment.yaml": ["active.dataset", "train_tsg"]}],
        "outs": ["models/${active.experiment}/train_tsg"],
    },
    "generate": {
        "deps": ["models/${active.experiment}/train_tsg"],
        "params": [{"code.yaml": ["generate"]}, "generate", {"experiment.yaml": ["active.dataset", "generate"]}],
        "outs": ["results/${active.experiment}/generate"],
    },
}


class Project:
    """A project of three stages, in which DVC's part is played by hand."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("dvc.yaml", {"stages": STAGES})
        self.write("params.yaml", {"download": {"seconds": 4}, "train_tsg": {"steps": 8}, "generate": {"crf": 16}})
        self.write("code.yaml", dict.fromkeys(STAGES, "of today"))

    def write(self, name: str, content: dict[str, Any]) -> None:
        with (self.root / name).open("w", encoding="utf-8") as out:
            YAML().dump(content, out)

    def read(self, name: str) -> dict[str, Any]:
        return YAML(typ="safe").load((self.root / name).read_text())

    def output(self, stage: str) -> str:
        """What came out of a stage, as its hash."""
        return self.read("dvc.lock")["stages"][stage]["outs"][0]["md5"]

    def activate(self, experiment: str, **overrides: Any) -> Params:
        active = {"experiment": experiment, "dataset": "synthetic"}
        self.write("experiment.yaml", {"active": active, **{stage: {} for stage in STAGES}, **overrides})
        loaded = load_params(PROJECT)
        renamed = loaded.active.model_copy(update=active)
        seed = loaded.base.model_copy(update={"seed": len(str(overrides))})  # other params, another saved lock
        return loaded.model_copy(update={"active": renamed, "base": seed})

    def run(self, experiment: str) -> None:
        """Every stage runs; what comes out follows from its values and inputs alone."""
        stages, md5 = {}, {}
        for stage, template in STAGES.items():

            def place(path: str) -> str:
                return path.replace("${active.dataset}", "synthetic").replace("${active.experiment}", experiment)

            outs = [place(out if isinstance(out, str) else next(iter(out))) for out in template["outs"]]
            params: dict[str, dict[str, Any]] = {}
            for item in template["params"]:
                for file, keys in item.items() if isinstance(item, dict) else [("params.yaml", [item])]:
                    values = self.read(file)
                    for key in keys:
                        node = values
                        for part in key.split("."):
                            node = node[part]
                        params.setdefault(file, {})[key] = node
            deps = [{"path": place(dep), "md5": md5[place(dep)]} for dep in template.get("deps", [])]
            md5 |= {out: params_hash({"params": params, "inputs": [dep["md5"] for dep in deps]}) for out in outs}
            stages[stage] = {"cmd": "x", "params": params, "outs": [{"path": out, "md5": md5[out]} for out in outs]}
            stages[stage] |= {"deps": deps} if deps else {}
        self.write("dvc.lock", {"schema": "2.0", "stages": stages})


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_equal_stages_are_shared_between_experiments(project: Project) -> None:
    demo = project.activate("demo")
    project.run("demo")
    save_lock(project.root, demo)
    trained = project.output("train_tsg")
    other = project.activate("other", generate={"crf": 20})
    assert restore_lock(project.root, other) == ["train_tsg", "generate"]
    lock = project.read("dvc.lock")["stages"]
    assert lock["train_tsg"]["outs"] == [{"path": "models/other/train_tsg", "md5": trained}]
    # its own value is another one: DVC sees that it has to run
    assert lock["generate"]["params"]["experiment.yaml"]["generate"] == {}


def test_going_back_takes_up_all_stages(project: Project) -> None:
    demo = project.activate("demo")
    project.run("demo")
    save_lock(project.root, demo)
    before = project.read("dvc.lock")
    other = project.activate("demo", train_tsg={"steps": 16})
    project.run("demo")
    save_lock(project.root, other)
    assert restore_lock(project.root, other) == []
    demo = project.activate("demo")
    assert restore_lock(project.root, demo) == ["train_tsg", "generate"]
    assert project.read("dvc.lock")["stages"] == before["stages"]


def test_other_code_shares_nothing(project: Project) -> None:
    demo = project.activate("demo")
    project.run("demo")
    save_lock(project.root, demo)
    trained = project.output("train_tsg")
    project.write("code.yaml", dict.fromkeys(STAGES, "of today") | {"train_tsg": "of tomorrow"})
    project.run("demo")
    save_lock(project.root, project.activate("demo", generate={"crf": 1}))
    project.write("code.yaml", dict.fromkeys(STAGES, "of today"))
    restore_lock(project.root, project.activate("demo"))
    assert project.output("train_tsg") == trained


def test_what_was_made_before_is_known_before_anything_is_taken_up(project: Project) -> None:
    demo = project.activate("demo")
    assert made_before(project.root, demo) == set()
    project.run("demo")
    save_lock(project.root, demo)
    (project.root / "dvc.lock").unlink()
    assert made_before(project.root, demo) == {"download", "train_tsg", "generate"}
    assert made_before(project.root, project.activate("other", generate={"crf": 20})) == {"download", "train_tsg"}
    assert made_before(project.root, project.activate("demo", train_tsg={"steps": 16})) == {"download"}
    assert not (project.root / "dvc.lock").exists()


def test_a_lock_that_another_writes_at_this_moment_is_none(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    demo = project.activate("demo")
    project.run("demo")
    save_lock(project.root, demo)
    folder = project.root / ".dvc/tmp/experiments"
    (folder / ".half-x.lock").write_text((project.root / "dvc.lock").read_text())
    (folder / "gone.lock").symlink_to(folder / "nowhere")  # as one that is removed after it was listed
    next(folder.glob("[!.g]*.lock")).unlink()
    (project.root / "dvc.lock").unlink()
    assert made_before(project.root, demo) == set()


def test_another_dataset_is_left_alone(project: Project) -> None:
    save_lock(project.root, project.activate("demo"))
    project.run("demo")
    params = project.activate("demo")
    elsewhere = params.model_copy(update={"active": params.active.model_copy(update={"dataset": "faces"})})
    before = project.read("dvc.lock")
    assert restore_lock(project.root, elsewhere) == []
    assert project.read("dvc.lock") == before


@pytest.mark.parametrize("damage", [b"", b"stages: [", b"\xff\xfe", b"- 1"])
def test_a_torn_lock_only_costs_work(project: Project, damage: bytes) -> None:
    demo = project.activate("demo")
    project.run("demo")
    save_lock(project.root, demo)
    for lock in (project.root / ".dvc/tmp/experiments").iterdir():
        lock.write_bytes(damage)
    assert restore_lock(project.root, project.activate("other")) == ["train_tsg", "generate"]


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"stages: 3", b"\xff\xfe", b"stages: {generate: {cmd: x}}", b"stages: {a: {outs: [{path: b}]}}"],
)
def test_a_saved_lock_that_is_torn_only_costs_work(tmp_path: Path, content: bytes) -> None:
    project = Project(tmp_path)
    params = project.activate("demo")
    project.run("demo")
    save_lock(tmp_path, params)
    for saved in (tmp_path / ".dvc/tmp/experiments").glob("*.lock"):
        saved.write_bytes(content)
    (tmp_path / "dvc.lock").unlink()
    assert restore_lock(tmp_path, params) == []
