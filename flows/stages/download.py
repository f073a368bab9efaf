"""Gets the clips: renders the embedded dataset, or lists the user's own videos."""

from functools import partial
from pathlib import Path

from flows.stages.common import StageRun, stage_main
from segtalker.clip_runner import Row, run_clips
from segtalker.clips import CLIP_COLUMNS, FAILURE_COLUMNS, write_table
from segtalker.errors import BadInputError
from segtalker.sources.folder import folder_clips
from segtalker.sources.synthetic import Recording, record, synthetic_tasks

COLUMNS = (*CLIP_COLUMNS, "fps", "audio", "annotations")


def _render(run: StageRun, folder: Path) -> list[Row]:
    base, settings = run.params.base, run.params.download.synthetic
    recording = Recording(base.seed, settings.seconds, settings.height, settings.width, base.fps, base.sample_rate_hz)
    tasks = synthetic_tasks(settings, recording, folder)
    work = partial(record, recording=recording)
    return run_clips(tasks, work, folder, COLUMNS, run.params.machine.workers, base.max_failed_fraction, "download")


def _list(run: StageRun, folder: Path) -> list[Row]:
    rows, failures = folder_clips(run.params.download.folder, run.workspace.root)
    write_table(folder / "failures.csv", failures, FAILURE_COLUMNS)
    if not rows:
        raise BadInputError(f"{folder / 'failures.csv'}: none of {len(failures)} videos can be read")
    write_table(folder / "clips.csv", rows, COLUMNS)
    return rows


def download(run: StageRun) -> None:
    """Writes `clips.csv` and, for the embedded dataset, the clips themselves."""
    folder = run.workspace.data("download")
    rows = _render(run, folder) if run.params.download.source == "synthetic" else _list(run, folder)
    run.log_metrics({"clips": len(rows), "minutes": sum(float(row["seconds"]) for row in rows) / 60})
    run.log_artifact(folder / "clips.csv")


if __name__ == "__main__":
    stage_main(download)
