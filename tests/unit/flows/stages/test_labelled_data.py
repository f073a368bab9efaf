"""What is learnt from and what is held out."""

from pathlib import Path

import numpy as np
import pytest

from flows.stages.labelled_data import (
    clip_source,
    held_out_images,
    hold_out,
    join_sources,
    pair_sources,
    weighed_clips,
)
from segtalker.clips.store import Clip
from segtalker.config.params import EXPERIMENT_FILE, PARAMS_FILE, Params, merge, parse_params, read_yaml
from segtalker.utils.errors import BadInputError

ROOT = Path(__file__).parents[4]


def _changed(**sections: dict) -> Params:
    content = merge(read_yaml(ROOT / PARAMS_FILE), read_yaml(ROOT / EXPERIMENT_FILE))
    return parse_params(merge(content, sections), "test")


def test_subjects_are_held_apart_and_a_new_one_moves_few() -> None:
    subjects = [f"s{index // 3}" for index in range(60)]
    train, held = hold_out(range(60), subjects, share=0.2)
    assert {subjects[item] for item in train}.isdisjoint(subjects[item] for item in held)
    assert len({subjects[item] for item in held}) == 4
    _, again = hold_out(range(61), [*subjects, "new"], share=0.2)
    assert len({subjects[item] for item in again if item < 60} & {subjects[item] for item in held}) >= 3


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_both_sides_get_somebody(share: float) -> None:
    train, held = hold_out("ab", ["a", "b"], share)
    assert len(train) == len(held) == 1
    with pytest.raises(BadInputError, match="two subjects"):
        hold_out("aa", ["a", "a"], share)


def test_only_clips_of_datasets_with_a_weight_are_chosen(tmp_path: Path) -> None:
    clips = [Clip(name, name, "train", tmp_path, tmp_path, tmp_path, name) for name in ("folder", "synthetic")]
    assert weighed_clips(clips, {"synthetic": 1.0, "pairs": 2.0}) == clips[1:]
    assert weighed_clips(clips, {}) == clips
    assert clip_source(clips, lambda chosen_clips: [()] * len(chosen_clips)).datasets == ["folder", "synthetic"]


def test_photographs_suffice_to_validate_on_but_nothing_does_not(photographs: Path) -> None:
    _, held_out = pair_sources(_changed(training={"pairs": {"root": str(photographs)}}))
    no_clips = clip_source([], lambda _: [])
    assert len(held_out_images([no_clips, held_out])) == 1
    with pytest.raises(BadInputError, match="nothing is held out"):
        held_out_images([no_clips])


def test_photographs_held_out_are_the_same_for_every_stage(photographs: Path) -> None:
    params = _changed(base={"image_size": 64}, training={"pairs": {"root": str(photographs), "held_out": 0.25}})
    sides = [pair_sources(params) for _ in range(2)]
    assert [len(side.images) for side in sides[0]] == [3, 1]
    assert sides[0][0].datasets == ["pairs"] * 3
    for one, other in zip(*sides, strict=True):
        assert one.images.images.pairs == other.images.images.pairs


def test_a_source_alone_is_taken_as_it_is(photographs: Path) -> None:
    train, held_out = pair_sources(_changed(training={"pairs": {"root": str(photographs)}}))
    images, choice = join_sources([train], {})
    assert images is train.images
    both, choice = join_sources([train, held_out], {"pairs": 1.0})
    assert len(both) == 4
    assert {choice.draw(np.random.default_rng(seed)) for seed in range(40)} == {0, 1, 2, 3}


def test_a_missing_pairs_folder_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEGTALKER_REAL_DATA", raising=False)
    with pytest.raises(BadInputError, match=r"training\.pairs\.root: .*SEGTALKER_REAL_DATA is not set"):
        pair_sources(_changed())
