"""The stages up to split on three small clips."""

import json
from pathlib import Path

import pandas as pd
import pytest

from segtalker.clips.store import load_clips, read_table
from segtalker.config.params import Params
from segtalker.utils.errors import BadInputError

from .small_project import SPLITS, TO_PARSE, run


def test_clips_go_through_all_three(root: Path, params: Params) -> None:
    for stage in ("cut", "crop", "gate", "parse", "split"):
        run(stage, params)
    clips = load_clips(Path("data"), "synthetic")
    assert [clip.split for clip in clips] == SPLITS
    assert load_clips(Path("data"), "synthetic", "val")[0].subject == "s1"
    for clip in clips:
        assert clip.frames.read([0, 24]).shape == (2, 64, 64, 3)
        assert clip.masks.read().shape == (25, 64, 64)
        assert clip.truth_masks is not None
        assert clip.landmarks.shape == (25, 68, 2)
    facts = json.loads(Path("data/split/synthetic/split.json").read_text())
    assert facts["test"] == {"clips": 1, "seconds": 1.0, "subjects": ["s2"]}


def test_one_person_is_divided_in_time(root: Path, params: Params) -> None:
    for stage in TO_PARSE:
        run(stage, params)
    table = pd.read_csv("data/parse/synthetic/clips.csv")
    one = table.assign(subject="s", split="", source="talk.mp4", start_s=[4.0, 2.0, 0.0], annotations="")
    one.to_csv("data/parse/synthetic/clips.csv", index=False)
    in_time = params.split.model_copy(update={"strategy": "time", "shared_subjects": True})
    run("split", params.model_copy(update={"split": in_time}))
    assert read_table(Path("data/split/synthetic/clips.csv"))["split"].tolist() == ["test", "val", "train"]
    # what has a split of its own keeps it
    one.assign(split=["train", "", ""]).to_csv("data/parse/synthetic/clips.csv", index=False)
    with pytest.raises(BadInputError, match=r"2 clip\(s\) of talk\.mp4"):
        run("split", params.model_copy(update={"split": in_time}))


def test_splits_by_subject_where_the_source_has_none(root: Path, params: Params) -> None:
    for stage in TO_PARSE:
        run(stage, params)
    table = pd.read_csv("data/parse/synthetic/clips.csv")
    table.assign(split="").to_csv("data/parse/synthetic/clips.csv", index=False)
    with pytest.raises(BadInputError, match=r"set split\.strategy to subjects"):
        run("split", params)
    run("split", params.model_copy(update={"split": params.split.model_copy(update={"strategy": "subjects"})}))
    assert set(read_table(Path("data/split/synthetic/clips.csv"))["split"]) == set(SPLITS)
