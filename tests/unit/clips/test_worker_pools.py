"""Work on a Dask cluster: the same tables and bytes as on this machine, whatever becomes of its processes."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import dask
import pytest
from distributed import LocalCluster

from segtalker.clips import worker_pools as clip_pools
from segtalker.clips.record import ClipRecord
from segtalker.clips.runner import ClipTask, Facts, run_clips, task_key
from segtalker.clips.store import read_table
from segtalker.clips.worker_pools import Pool
from segtalker.utils.errors import BadClipError, BadInputError


def count_letters(record: ClipRecord, folder: Path, notes: Path) -> Facts:
    """Notes that it began; the clip's name decides how long it takes and what goes wrong."""
    name = record.clip_id
    (notes / f"{name}.{time.monotonic_ns()}").write_text(json.dumps([os.getpid(), str(Path.cwd())]))
    if name.startswith("bad"):
        raise BadClipError("no face found")
    if name.startswith("crash"):
        os.kill(os.getpid(), signal.SIGKILL)
    if name.startswith("slow"):
        time.sleep(0.4)
    (folder / "out.txt").write_text(name.upper())
    return {"frames": len(name), "seconds": len(name) / 3}


def tasks(*names: str) -> list[ClipTask]:
    """One task a name."""
    return [
        ClipTask(ClipRecord(clip_id=name, subject="s", source=Path(f"{name}.mp4")), task_key(name)) for name in names
    ]


def run(folder: Path, todo: list[ClipTask], scheduler: str) -> list[ClipRecord]:
    """Counts letters on a cluster, or in this process where no scheduler is named."""
    notes = folder.parent / "notes"
    notes.mkdir(parents=True, exist_ok=True)
    return run_clips(todo, partial(count_letters, notes=notes), folder, Pool(1, scheduler), 1.0, "count")


def worked_on(folder: Path) -> list[str]:
    """Clips begun since the last call, once for each time."""
    notes = sorted((folder.parent / "notes").iterdir())
    for note in notes:
        note.unlink()
    return [note.name.split(".")[0] for note in notes]


def written(folder: Path) -> dict[str, bytes]:
    """Everything in a folder but notes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def start_cluster() -> LocalCluster:
    """Two processes of one thread each, which find this module."""
    return LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50)


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """A cluster that the tests share; it gives up on what has killed two of its workers."""
    with dask.config.set({"distributed.scheduler.allowed-failures": 1}), start_cluster() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a stage keeps its clips."""
    return tmp_path / "cluster" / "dataset"


def test_a_cluster_writes_what_this_process_writes(cluster: LocalCluster, folder: Path, tmp_path: Path) -> None:
    names = ["b", "bad", "slow1", "a", "slow2", "c"]
    here = tmp_path / "here" / "dataset"
    assert run(folder, tasks(*names), cluster.scheduler_address) == run(here, tasks(*reversed(names)), "")
    assert written(folder) == written(here)
    assert read_table(folder / "failures.csv")["reason"].tolist() == ["no face found"]
    notes = [json.loads(note.read_text()) for note in (folder.parent / "notes").iterdir()]
    assert {place for _, place in notes} == {str(Path.cwd())}
    assert os.getpid() not in {process for process, _ in notes}
    assert len({process for process, _ in notes}) == 2


def test_a_worker_killed_at_work_loses_nothing(cluster: LocalCluster, folder: Path, tmp_path: Path) -> None:
    names = [f"slow{number:02d}" for number in range(8)]

    def kill_the_first() -> None:
        notes, deadline = folder.parent / "notes", time.monotonic() + 20
        while time.monotonic() < deadline:
            for note in notes.glob("slow*") if notes.is_dir() else []:
                if text := note.read_text():
                    os.kill(json.loads(text)[0], signal.SIGKILL)
                    return
            time.sleep(0.01)

    killer = threading.Thread(target=kill_the_first)
    killer.start()
    rows = run(folder, tasks(*names), cluster.scheduler_address)
    killer.join()
    begun = worked_on(folder)
    here = tmp_path / "here" / "dataset"
    assert rows == run(here, tasks(*names), "")
    assert written(folder) == written(here)
    assert set(begun) == set(names)
    assert len(names) < len(begun) <= len(names) + 2


def test_a_clip_that_kills_its_workers_fails_alone(cluster: LocalCluster, folder: Path) -> None:
    rows = run(folder, tasks("crash", "a", "b", "c", "d"), cluster.scheduler_address)
    assert [row.clip_id for row in rows] == ["a", "b", "c", "d"]
    failures = read_table(folder / "failures.csv")
    assert failures["clip_id"].tolist() == ["crash"]
    assert "worker process died" in failures["reason"][0]


def test_one_more_video_of_a_thousand_touches_one(cluster: LocalCluster, folder: Path) -> None:
    names = [f"clip{number:04d}" for number in range(1000)]
    run(folder, tasks(*names), "")
    assert worked_on(folder) == names
    assert len(run(folder, tasks(*names, "new"), cluster.scheduler_address)) == 1001
    assert worked_on(folder) == ["new"]


def test_workers_elsewhere_are_told_apart(cluster: LocalCluster, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "touch", lambda path: None)  # as if written to a disk that the workers do not have
    with pytest.raises(BadInputError, match=r"does not see this folder; its workers must share") as caught:
        run(folder, tasks("a", "b"), cluster.scheduler_address)
    assert "\n" not in str(caught.value)


def test_workers_with_other_code_are_refused(
    cluster: LocalCluster, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip_pools, "code_hash", lambda module: "of a version that the workers do not have")
    with pytest.raises(BadInputError, match="runs other code than this process; start the workers again"):
        run(folder, tasks("a", "b"), cluster.scheduler_address)
    assert worked_on(folder) == []


def test_a_scheduler_that_is_not_there_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_pools, "_CONNECT_S", 1.0)
    for address in ("tcp://127.0.0.1:9", "nonsense://here"):
        with pytest.raises(BadInputError, match=f"machine.scheduler {address}: no Dask scheduler answers") as caught:
            run(folder, tasks("a"), address)
        assert "\n" not in str(caught.value)


def test_few_clips_are_in_flight_and_a_cluster_that_goes_away_is_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip_pools, "_CONNECT_S", 1.0)
    most = []
    some_done = clip_pools._some_done
    monkeypatch.setattr(clip_pools, "_some_done", lambda running: most.append(len(running)) or some_done(running))
    names = [f"slow{number:02d}" for number in range(30)]
    # a cluster of its own: of one whose workers were killed before, a worker may never come back
    cluster = start_cluster()
    cluster.wait_for_workers(2, timeout=60)
    address = cluster.scheduler_address

    def close() -> None:
        while len(list((folder / "clips").glob("slow*/done.json"))) < 3:
            time.sleep(0.02)
        cluster.close()

    closer = threading.Thread(target=close)
    closer.start()
    with pytest.raises(BadInputError, match=r"connection to the Dask scheduler was lost.*finished clips are kept"):
        run(folder, tasks(*names), address)
    closer.join()
    assert max(most) == 4
    kept = {path.parent.name for path in (folder / "clips").glob("slow*/done.json")}
    assert len(kept) >= 3
    worked_on(folder)
    assert len(run(folder, tasks(*names), "")) == len(names)
    assert not kept & set(worked_on(folder))


def test_a_cluster_without_workers_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_pools, "_WITHOUT_WORKERS_S", 0.5)
    with (
        LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=50) as empty,
        pytest.raises(BadInputError, match=r"no worker for .* start some \(dask worker"),
    ):
        run(folder, tasks("a"), empty.scheduler_address)
