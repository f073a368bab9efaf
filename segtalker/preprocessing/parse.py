"""Cropped clips -> a mask a frame, by a face parser, smoothed over time."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from segtalker.clips.image_pack import ImagePack, write_images
from segtalker.clips.record import ClipRecord
from segtalker.clips.runner import ClipTask, Facts, run_clips, task_key
from segtalker.clips.store import input_sha256
from segtalker.clips.worker_pools import THIS_PROCESS, Pool
from segtalker.config.params import Params
from segtalker.faces.mask_smoothing import FlickerCount, Smoothing
from segtalker.faces.parsing import ParserChoice, load_parser, parse_video
from segtalker.utils.code_hash import code_hash
from segtalker.utils.hashing import file_sha256


def parse_clips(
    params: Params, choice: ParserChoice, records: Sequence[ClipRecord], crops: Path, folder: Path
) -> list[ClipRecord]:
    """Parses clips into a folder.

    Args:
        params: all of them.
        choice: the parser.
        records: of the clips.
        crops: `data/crop/<dataset>`.
        folder: `data/parse/<dataset>`.

    Returns:
        Records of the clips that passed.
    """
    settings = params.parse
    load_parser(choice)
    smoothing = Smoothing(settings.smooth_frames, settings.smooth_sigma)
    how = task_key(settings.backend, settings.precision, file_sha256(choice.path), smoothing, code_hash(__name__))
    return run_clips(
        [
            ClipTask(record, task_key(how, input_sha256(crops / "clips" / record.clip_id / "frames.zip")))
            for record in records
        ],
        partial(parse_clip, choice, crops / "clips", settings.batch_size, smoothing),
        folder,
        pool=THIS_PROCESS if choice.device == "cuda" else Pool.of(params.machine),
        max_failed_fraction=params.base.max_failed_fraction,
        label="parse",
    )


def parse_clip(
    choice: ParserChoice, crops: Path, batch_size: int, smoothing: Smoothing, record: ClipRecord, folder: Path
) -> Facts:
    """Parses one clip into `masks.zip`; see `segtalker.clips.runner.run_clips`.

    Args:
        choice: the parser.
        crops: folder of the cropped clips.
        batch_size: frames at once.
        smoothing: how masks are averaged over time.
        record: of `data/crop/<dataset>/clips.csv`.
        folder: empty folder of the clip.

    Returns:
        `flicker` of the masks and `flicker_raw`, what it were without averaging; see `segtalker.faces.mask_smoothing`.
    """
    raw_flicker, smoothed_flicker = FlickerCount(), FlickerCount()

    def masks() -> Iterator[np.ndarray]:
        frames = iter(ImagePack(crops / record.clip_id / "frames.zip"))
        for parsed_frame in parse_video(load_parser(choice), frames, batch_size, smoothing):
            raw_flicker.add(parsed_frame.alone)
            smoothed_flicker.add(parsed_frame.mask)
            yield parsed_frame.mask

    write_images(folder / "masks.zip", masks(), ".pgm")
    return {"flicker": round(smoothed_flicker.share, 4), "flicker_raw": round(raw_flicker.share, 4)}
