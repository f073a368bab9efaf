"""The stage crop on three small clips."""

from pathlib import Path

import numpy as np

from segtalker.clips.store import read_table
from segtalker.config.params import Params

from .small_project import TO_PARSE, run, written


def test_changed_params_crop_again(root: Path, params: Params) -> None:
    run("cut", params)
    run("crop", params)
    before = written(Path("data/crop"))
    run("crop", params.model_copy(update={"crop": params.crop.model_copy(update={"margin": 0.3})}))
    assert all(when != before[path] for path, when in written(Path("data/crop")).items())


def test_a_bad_clip_is_listed_and_left_out_downstream(root: Path, params: Params) -> None:
    np.save("data/download/synthetic/clips/clip0/landmarks.npy", np.zeros((3, 68, 2), np.float32))
    for stage in TO_PARSE:
        run(stage, params)
    failures = read_table(Path("data/crop/synthetic/failures.csv"))
    assert failures["reason"].tolist() == ["landmarks of 3 frames for a video of 25"]
    assert read_table(Path("data/parse/synthetic/clips.csv"))["clip_id"].tolist() == ["clip1", "clip2"]
    assert read_table(Path("data/parse/synthetic/failures.csv")).empty
