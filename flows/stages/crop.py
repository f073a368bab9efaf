"""Raw clips -> frames of the face at the common rate and size, sound, mel and landmarks on one clock."""

from flows.stages.common import StageRun
from segtalker.clips.record import ClipRecord
from segtalker.clips.tables import CLIPS_FILE, read_records
from segtalker.faces.detectors import check_detector
from segtalker.preprocessing.crop import crop_clips


def crop(run: StageRun) -> None:
    """Crops every clip that `cut` listed."""
    check_detector(run.params.crop.detector, run.params.crop.weights)
    records = read_records(run.workspace.data("cut") / CLIPS_FILE, ClipRecord)
    crop_records = crop_clips(run.params, records, run.workspace.data("crop"))
    frames = sum(record.frames for record in crop_records)
    run.log_metrics({"clips": len(crop_records), "failed_clips": len(records) - len(crop_records), "frames": frames})
