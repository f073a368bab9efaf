"""Raw clips -> frames of the face at the common rate and size, sound, mel and landmarks on one clock."""

from flows.stages.common import StageRun
from segtalker.clips.runner import table_rows
from segtalker.faces.detectors import check_detector
from segtalker.preprocessing.crop import crop_clips


def crop(run: StageRun) -> None:
    """Crops every clip that `cut` listed."""
    check_detector(run.params.crop.detector, run.params.crop.weights)
    rows = table_rows(run.workspace.data("cut") / "clips.csv")
    done = crop_clips(run.params, rows, run.workspace.data("crop"))
    frames = sum(row["frames"] for row in done)
    run.log_metrics({"clips": len(done), "failed_clips": len(rows) - len(done), "frames": frames})
