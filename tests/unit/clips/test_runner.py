"""Clip work: incremental, parallel, resumable, fault-tolerant."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from segtalker.clips import runner as clip_runner
from segtalker.clips.record import ClipRecord
from segtalker.clips.runner import ClipTask, Work, run_clips, task_key
from segtalker.clips.store import read_table
from segtalker.clips.worker_pools import Pool
from segtalker.utils.errors import BadClipError, BadInputError

REASONS = {"bad": "no face found", "odd": "KeyError: 'mouth'"}


def shout(record: ClipRecord, folder: Path, log: Path) -> dict:
    """Writes the clip's name in capitals; the name decides what goes wrong."""
    with log.open("a") as lines:
        lines.write(record.clip_id + "\n")
    (folder / "partial.txt").write_text("begun")
    if record.clip_id.startswith("bad"):
        raise BadClipError("no face\nfound")
    if record.clip_id.startswith("odd"):
        raise KeyError("mouth")
    if record.clip_id.startswith("crash"):
        os.kill(os.getpid(), signal.SIGKILL)
    if record.clip_id.startswith("slow"):
        time.sleep(0.3)
    (folder / "partial.txt").unlink()
    (folder / "out.txt").write_text(record.clip_id.upper())
    return {"frames": len(record.clip_id), "seconds": 1.0}


def tasks(*names: str, key: str = "k") -> list[ClipTask]:
    """One task a name, ids as given."""
    return [
        ClipTask(ClipRecord(clip_id=name, subject="s", source=Path(f"{name}.mp4")), task_key(key, name))
        for name in names
    ]


def run(folder: Path, todo: list[ClipTask], workers: int = 1, max_failed: float = 1.0) -> list[ClipRecord]:
    """Runs `shout` over the tasks."""
    work = partial(shout, log=folder.parent / "log.txt")
    return run_clips(todo, work, folder, Pool(workers, ""), max_failed, label="shout")


def worked_on(folder: Path) -> list[str]:
    """Clips touched since the last call."""
    log = folder.parent / "log.txt"
    lines = log.read_text().split() if log.exists() else []
    log.unlink(missing_ok=True)
    return sorted(lines)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a stage keeps its clips."""
    return tmp_path / "stage" / "dataset"


def test_only_new_and_changed_clips_are_worked_on(folder: Path) -> None:
    run(folder, tasks("a", "b"))
    assert worked_on(folder) == ["a", "b"]
    rows = run(folder, tasks("a") + tasks("b", key="changed") + tasks("c"))
    assert worked_on(folder) == ["b", "c"]
    assert [record.clip_id for record in rows] == ["a", "b", "c"]


def test_columns_from_upstream_are_refreshed_without_work(folder: Path) -> None:
    run(folder, tasks("a"))
    moved = [ClipTask(replace(task.record, subject="renamed"), task.key) for task in tasks("a")]
    assert run(folder, moved)[0].subject == "renamed"
    assert worked_on(folder) == ["a"]


def test_unlisted_clips_and_leftovers_are_removed(folder: Path) -> None:
    run(folder, tasks("a", "b"))
    (folder / "clips" / ".b-leftover").mkdir()
    run(folder, tasks("b"))
    assert [path.name for path in (folder / "clips").iterdir()] == ["b"]
    assert read_table(folder / "clips.csv")["clip_id"].tolist() == ["b"]


@pytest.mark.parametrize("workers", [1, 2])
def test_failures_are_listed_and_the_others_go_on(folder: Path, workers: int) -> None:
    run(folder, tasks("a", "bad", "odd", "z"), workers)
    failures = read_table(folder / "failures.csv")
    assert dict(zip(failures["clip_id"], failures["reason"], strict=True)) == REASONS
    assert read_table(folder / "clips.csv")["clip_id"].tolist() == ["a", "z"]
    assert sorted(path.name for path in (folder / "clips").iterdir()) == ["a", "z"]


def test_a_failing_clip_loses_its_old_outputs(folder: Path) -> None:
    run(folder, tasks("a", "bad-later"))
    (folder / "clips" / "bad-later").mkdir()
    run(folder, tasks("a", "bad-later"))
    assert [path.name for path in (folder / "clips").iterdir()] == ["a"]


def test_a_dead_worker_costs_only_its_clip(folder: Path) -> None:
    names = [f"c{index}" for index in range(6)]
    rows = run(folder, tasks("crash", *names), workers=2)
    assert [record.clip_id for record in rows] == names
    failures = read_table(folder / "failures.csv")
    assert failures["clip_id"].tolist() == ["crash"]
    assert "worker process died" in failures["reason"][0]


def test_result_does_not_depend_on_workers_or_order(tmp_path: Path) -> None:
    names = ["slow1", "b", "bad", "c", "odd", "slow2"]
    run(tmp_path / "one" / "d", tasks(*names), workers=1)
    run(tmp_path / "two" / "d", tasks(*reversed(names)), workers=2)
    written = [
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (tmp_path / "one" / "d", tmp_path / "two" / "d")
    ]
    assert written[0] == written[1]


def test_too_many_failures_stop_the_stage_but_are_listed(folder: Path) -> None:
    with pytest.raises(BadInputError, match=r"2 of 4 clips failed.*bad1: no face found"):
        run(folder, tasks("a", "bad2", "bad1", "b"), max_failed=0.4)
    assert read_table(folder / "failures.csv")["clip_id"].tolist() == ["bad1", "bad2"]


def test_no_clips_is_an_error(folder: Path) -> None:
    with pytest.raises(BadInputError, match="no clips"):
        run(folder, [])


def test_a_killed_run_resumes(folder: Path) -> None:
    script = f"""
        import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
        import test_runner as me
        from pathlib import Path
        if __name__ == "__main__":
            me.run(Path({str(folder)!r}), me.tasks(*[f"slow{{i}}" for i in range(12)]), workers=2)
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["", *sys.path])}
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], env=environment, stderr=subprocess.DEVNULL
    )
    finished = folder / "clips"
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and len(list(finished.glob("slow*/done.json"))) < 3:
        time.sleep(0.02)
    process.kill()
    process.wait()
    kept = {path.parent.name for path in finished.glob("slow*/done.json")}
    assert 3 <= len(kept) < 12
    worked_on(folder)
    assert len(run(folder, tasks(*[f"slow{index}" for index in range(12)]), workers=2)) == 12
    assert not kept & set(worked_on(folder))


def fill_up(record: ClipRecord, folder: Path, error: Exception) -> dict:
    """Finishes clips up to `c`, then raises."""
    (folder / "out.txt").write_text(record.clip_id)
    if record.clip_id > "c":
        raise error
    return {"frames": 1, "seconds": 1.0}


def fill_up_in_a_library(record: ClipRecord, folder: Path, error: Exception) -> dict:
    """The same where a library wraps what the disk says."""
    try:
        return fill_up(record, folder, error)
    except OSError as cause:
        raise ValueError("encoder failed") from cause


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("work", "number"),
    [(fill_up, errno.ENOSPC), (fill_up, errno.EROFS), (fill_up_in_a_library, errno.ENOSPC)],
    ids=["full", "read-only", "full, wrapped"],
)
def test_a_disk_that_takes_no_more_stops_the_stage(folder: Path, work: Work, number: int, workers: int) -> None:
    todo = tasks(*"abcdefgh")
    failing = partial(work, error=OSError(number, os.strerror(number)))
    with pytest.raises(BadInputError, match=r"cannot be written to .*finished clips are kept") as caught:
        run_clips(todo, failing, folder, Pool(workers, ""), 1.0, label="fill")
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (folder / "failures.csv").exists()
    finished = {path.parent.name for path in folder.glob("clips/*/done.json")}
    assert finished == set("abc")
    run(folder, todo)
    assert not finished & set(worked_on(folder))


def test_a_disk_without_room_is_not_the_clips_fault(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = shutil.disk_usage(folder.parents[1])._replace(free=4096)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: free)
    work = partial(fill_up, error=OSError("131072 requested and 0 written"))  # NumPy's words, without a number
    with pytest.raises(BadInputError, match="cannot be written to"):
        run_clips(tasks("a", "d"), work, folder, Pool(1, ""), 1.0, label="fill")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_one_may_not_write_to_is_named(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o500)
    with pytest.raises(BadInputError, match=r"cannot be written to .*Permission denied"):
        run(folder, tasks("a", "b"))
    folder.chmod(0o700)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_permission_counts_for_outputs_only(folder: Path, number: int) -> None:
    for place, stops in ((folder / "clips" / "d" / "out.txt", True), (folder.parent / "secret.mp4", False)):
        work = partial(fill_up, error=OSError(number, os.strerror(number), str(place)))
        if stops:
            with pytest.raises(BadInputError, match="cannot be written to"):
                run_clips(tasks("a", "d"), work, folder, Pool(1, ""), 1.0, label="fill")
        else:
            rows = run_clips(tasks("a", "d"), work, folder, Pool(1, ""), 1.0, label="fill")
            assert [record.clip_id for record in rows] == ["a"]
            assert "secret.mp4" in read_table(folder / "failures.csv")["reason"][0]


def test_finished_clips_are_looked_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"c{index:03d}" for index in range(200)]
    run(folder, tasks(*names))
    looks, look = [], clip_runner._finished_record
    monkeypatch.setattr(
        clip_runner, "_finished_record", lambda *one, fresh=False: looks.append(one[1].clip_id) or look(*one, fresh)
    )
    assert len(run(folder, tasks(*names, "new"))) == 201
    assert sorted(looks) == sorted([*names, "new", "new"])
