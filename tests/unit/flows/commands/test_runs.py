"""What `segtalker runs` shows of runs that look alike."""

from datetime import UTC, datetime

from flows.commands.runs import _telling_apart
from segtalker.tracking.run_store import StoredRun


def run(**tags: str) -> StoredRun:
    return StoredRun("1" * 32, "demo", "experiment", "", "", "FINISHED", datetime.now(UTC), tags, {}, {})


def test_columns_are_those_in_which_runs_differ() -> None:
    before, first = run(), run(**{"segtalker.code": "a" * 64, "mlflow.user": "ann", "segtalker.host": "desk"})
    assert _telling_apart([before, first]) == {}
    other = run(**{"segtalker.code": "b" * 64, "mlflow.user": "bob", "segtalker.host": "desk"})
    assert _telling_apart([before, first, other]) == {
        "code": ["", "a" * 8, "b" * 8],
        "owner": ["", "ann@desk", "bob@desk"],
    }
