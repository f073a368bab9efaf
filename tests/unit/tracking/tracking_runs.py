"""The parts of a run's identity, for tests."""

from segtalker.tracking.mlflow_runs import ParentRun, RunIdentity
from segtalker.tracking.run_origin import RunOwner

PARAMS = {
    "base": {"seed": 7, "mel": {"bins": 80}},
    "download": {},
    "train_tsg": {"steps": 4},
    "tables": {"headline": ["psnr"]},
}
OWNER = RunOwner("ann", "desk-1", "a" * 32)


def make_parent(owner: RunOwner = OWNER, *, params: str = "e", code: str = "c", data: str = "d") -> ParentRun:
    """The parent run of an experiment; an empty `data` is not known yet."""
    identity = RunIdentity(params * 64, code * 64, data * 64, owner)
    return ParentRun("demo", identity, PARAMS, {"segtalker.experiment": "demo"}, {"torch": "2.15.0"})
