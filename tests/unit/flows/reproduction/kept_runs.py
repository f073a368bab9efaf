"""Runs as their stages leave them in a store, and what stands in place of stages that run."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from flows.reproduction.differences import machine_here
from segtalker.config.params import Params, override_params, read_yaml
from segtalker.config.stages import STAGES
from segtalker.evaluation.protocol import make_protocol
from segtalker.evaluation.result_files import keep_scores
from segtalker.tracking.mlflow_runs import ParentRun, RunIdentity, start_stage
from segtalker.tracking.provenance import experiment_signature
from segtalker.tracking.run_origin import RunOwner, package_versions

CHECKOUT = Path(__file__).parents[4]
OWNER = RunOwner("ann", "desk", "a" * 32)
CODE = {stage: f"{number:064x}" for number, stage in enumerate(STAGES)}
LOCK = """\
schema: '2.0'
stages:
  train_tsg:
    cmd: x
    outs:
    - {path: models/demo/train_tsg, md5: '%s'}
"""
SCORES = {"ground_truth": 31.0, "segtalker": 28.0, "static": 23.0}
FACTS = {
    "psnr": {"protocol": "ratio", "unit": "dB", "higher_is_better": True, "reference": "truth"},
    "fid_seeded": {"protocol": "distance", "unit": "", "higher_is_better": False, "reference": "truth"},
}


def write_results(folder: Path, gain: float = 0.0, without: str = "") -> None:
    """What `evaluate` writes of four people; `gain` is added to SegTalker's scores, `without` a method that is lost."""
    rows = []
    for method, mean in SCORES.items():
        extra = gain if method == "segtalker" else 0.0
        if method != without:
            rows += [[f"s{who}_0", f"s{who}", method, "psnr", mean + extra + who, ""] for who in range(4)]
            rows += [["", "", method, "fid_seeded", 1.0 + extra, ""]]
    folder.mkdir(parents=True, exist_ok=True)
    columns = ["clip_id", "subject", "method", "metric", "value", "reason"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "metrics.csv", index=False)
    (folder / "metrics.json").write_text(json.dumps(FACTS))
    (folder / "failures.csv").write_text("clip_id,source,reason,method\n")
    pd.DataFrame([[f"s{who}_0", f"s{who}"] for who in range(4)], columns=columns[:2]).to_csv(folder / "clips.csv")
    clips = {f"s{who}_0": "x" for who in range(4)}
    parts = make_protocol(metrics=FACTS, settings={}, weights={}, clips=clips, parser="p", expert="e", code="c")
    (folder / "protocol.json").write_text(json.dumps(parts))


def write_project(root: Path) -> None:
    """Params and experiments of the checkout, and nothing that was made."""
    root.mkdir(exist_ok=True)
    for name in ("params.yaml", "dvc.yaml"):
        (root / name).write_bytes((CHECKOUT / name).read_bytes())
    if not (root / "experiments").exists():
        (root / "experiments").symlink_to(CHECKOUT / "experiments")
    (root / "experiment.yaml").write_text("active: {experiment: demo, dataset: synthetic}\n")


@contextmanager
def in_store(root: Path) -> Iterator[None]:
    """The store in a folder is the one that runs are written to and read from."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root}/mlflow.db")
        patch.chdir(root)
        yield


def keep_run(root: Path, experiment: dict, owner: RunOwner = OWNER, gpus: str = "none", is_older: bool = False) -> str:
    """Keeps a run with all its stages keep; its id. An older one had no `train_tsg.steps`, but a param more."""
    experiment = experiment | {"tables": {"bootstrap_draws": 100}}
    params = override_params(read_yaml(CHECKOUT / "params.yaml"), experiment, "test")
    machine = machine_here(params) | {"gpus": gpus}
    tags = {"segtalker.experiment": params.active.experiment, "segtalker.dataset": "synthetic"}
    tags |= {"segtalker.git_revision": "f" * 40, "segtalker.git_dirty": "false"}
    tags |= {f"segtalker.{name}": value for name, value in machine.items()}
    identity = RunIdentity(experiment_signature(params), "c" * 64, "d" * 64, owner)
    content = params.model_dump(mode="json")
    parent = ParentRun(params.active.experiment, identity, content, tags, package_versions())
    tracker = start_stage(root=Path(), stage="tables", signature="7ab1e5" + "0" * 58, code="9" * 64, parent=parent)
    results = root / f"results-{tracker.run_id}"
    write_results(results)
    keep_scores(tracker, results)
    with (results / "experiment.yaml").open("w") as out:
        YAML().dump(experiment, out)
    text = (CHECKOUT / "params.yaml").read_text()
    before, section, after = text.partition("train_tsg:\n")
    after = after.replace("  steps: 1200\n", "  gone: 3\n", 1) if is_older else after
    (results / "params.yaml").write_text(before + section + after)
    (results / "code.yaml").write_text("".join(f"{stage}: '{sha256}'\n" for stage, sha256 in CODE.items()))
    (results / "dvc.lock").write_text(LOCK % ("1" * 32))
    for name in ("experiment.yaml", "params.yaml", "code.yaml", "dvc.lock"):
        tracker.log_artifact(results / name, parent=True)
    tracker.finish(succeeded=True)
    return str(tracker.parent_id)


class FakeRun:
    """In place of stages: writes what they would have measured.

    Args:
        gain: see `write_results`.
        without: see `write_results`.
    """

    def __init__(self) -> None:
        self.gain, self.without, self.lock = 0.0, "", "1" * 32
        self.seen: list[Params] = []
        self.stages: list[tuple[str, ...]] = []

    @contextmanager
    def __call__(self, root: Path, params: Params, stages: tuple[str, ...]) -> Iterator["FakeRun"]:
        self.seen.append(params)
        self.stages.append(stages)
        write_results(root / "results" / params.active.experiment / "evaluate", self.gain, self.without)
        (root / "dvc.lock").write_text(LOCK % self.lock)
        yield self

    def reproduce(self) -> list:
        """No stage to tell of."""
        return []
