"""Raw clips -> frames of the face at the common rate and size, sound, mel and landmarks on one clock."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import segtalker
from flows.stages.common import StageRun, stage_main
from segtalker.clip_pools import Pool
from segtalker.clip_runner import ClipTask, Row, code_hash, run_clips, table_rows, task_key
from segtalker.clips import CLIP_COLUMNS
from segtalker.faces.clip_crop import crop_clip
from segtalker.faces.detect import check_detector
from segtalker.params import Params
from segtalker.provenance import file_sha256

_LIBRARY = Path(segtalker.__file__).parent
_PLACE = ("start_s", "end_s", "face", "box", "ratio")  # what `cut` and the dataset say of the clip in its recording
_CODE = tuple(_LIBRARY / name for name in ("media", "faces", "clip_sound.py", "clips.py", "regions.py"))


def file_hashes(row: dict[str, Any]) -> list[str]:
    """Hashes of everything that belongs to a raw clip beside the video, whose own hash stands in the table."""
    files = [Path(row["audio"])] if row["audio"] else []
    files += sorted(Path(row["annotations"]).glob("*")) if row["annotations"] else []
    return [row["source_sha256"], *(file_sha256(file) for file in files if file.is_file())]


def crop_clips(params: Params, rows: Sequence[Row], folder: Path) -> list[Row]:
    """Crops clips into a folder.

    Args:
        params: all of them.
        rows: of `data/cut/<dataset>/clips.csv`.
        folder: `data/crop/<dataset>`.

    Returns:
        Rows of the clips that passed.
    """
    base, settings = params.base, params.crop
    seen = [base.image_size, base.fps, base.sample_rate_hz, base.mel.model_dump(), settings.model_dump()]
    how = task_key(seen, code_hash(*_CODE))
    return run_clips(
        [ClipTask(row, task_key(how, file_hashes(row), [row.get(name, "") for name in _PLACE])) for row in rows],
        partial(crop_clip, base, settings, params.machine.buffer_mib),
        folder,
        CLIP_COLUMNS,
        pool=Pool.of(params.machine),
        max_failed_fraction=base.max_failed_fraction,
        label="crop",
    )


def crop(run: StageRun) -> None:
    """Crops every clip that `cut` listed."""
    check_detector(run.params.crop.detector, run.params.crop.weights)
    rows = table_rows(run.workspace.data("cut") / "clips.csv")
    done = crop_clips(run.params, rows, run.workspace.data("crop"))
    frames = sum(row["frames"] for row in done)
    run.log_metrics({"clips": len(done), "failed_clips": len(rows) - len(done), "frames": frames})


if __name__ == "__main__":
    stage_main(crop)
