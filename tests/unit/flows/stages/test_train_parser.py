"""The parser's training: what is held out, and a parser that was trained elsewhere."""

from pathlib import Path

import pytest
import torch

from flows.stages.common import StageRun
from flows.stages.train_parser import clip_images, hold_out, pair_images, parser_module, train_parser
from segtalker.clips.image_pack import write_images
from segtalker.clips.store import CLIP_COLUMNS, write_table
from segtalker.config.params import EXPERIMENT_FILE, PARAMS_FILE, Params, merge, parse_params, read_yaml
from segtalker.config.workspace import Workspace
from segtalker.nets.checkpoints import save_net
from segtalker.nets.parser import FaceParser
from segtalker.regions import NUM_REGIONS
from segtalker.utils.errors import BadInputError, MissingWeightsError

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


def _write_clips(folder: Path, splits: dict[str, str]) -> None:
    rows = [
        dict.fromkeys(CLIP_COLUMNS, "") | {"clip_id": name, "source": "x.mp4", "subject": name, "split": splits[name]}
        for name in splits
    ]
    write_table(folder / "clips.csv", rows, CLIP_COLUMNS)
    for name in splits:
        images = torch.zeros(2, 8, 8, dtype=torch.uint8).numpy()
        write_images(folder / "clips" / name / "frames.zip", images[..., None].repeat(3, -1), ".jpg")
        write_images(folder / "clips" / name / "truth_masks.zip", images, ".pgm")


def test_the_datasets_own_split_is_kept(tmp_path: Path) -> None:
    _write_clips(tmp_path, {"a": "train", "b": "val", "c": "test", "d": "train"})
    train, held = clip_images(tmp_path, tmp_path / "clips.csv", held_out=0.5)
    assert (len(train), len(held)) == (2, 2)


def test_without_a_split_subjects_are_held_out(tmp_path: Path) -> None:
    _write_clips(tmp_path, dict.fromkeys("abcdefgh", ""))
    train, held = clip_images(tmp_path, tmp_path / "clips.csv", held_out=0.25)
    assert (len(train), len(held)) == (6, 2)


def test_a_missing_pairs_folder_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEGTALKER_REAL_DATA", raising=False)
    with pytest.raises(BadInputError, match="pairs_root"):
        pair_images(_changed(train_parser={"pairs_root": "$SEGTALKER_REAL_DATA/masks"}))


def test_a_parser_trained_elsewhere_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_net(tmp_path / "other.ckpt", FaceParser(channels=4, multipliers=(1, 2), regions=12), "0" * 64)

    def adopt(**changes: dict) -> Path:
        run = StageRun("train_parser", _changed(**changes), Workspace(Path(), "d", "e"), "0" * 64, None)
        train_parser(run)
        return Path("models/e/train_parser")

    folder = adopt(train_parser={"labels": "none", "weights": "other.ckpt"})
    assert (folder / "parser.ckpt").read_bytes() == Path("other.ckpt").read_bytes()
    with pytest.raises(MissingWeightsError, match=r"none\.ckpt"):
        adopt(train_parser={"labels": "none", "weights": "none.ckpt"})
    with pytest.raises(BadInputError, match=r"needs train_parser\.weights"):
        adopt(train_parser={"labels": "none"})
    folder = adopt(train_parser={"labels": "none"}, parse={"backend": "bisenet"})
    assert "no parser was trained" in (folder / "none.txt").read_text()


def test_the_parser_computes_what_params_weigh(weighed: Params) -> None:
    terms = parser_module(weighed).loss_terms(torch.zeros(1, NUM_REGIONS, 8, 8), torch.zeros(1, 8, 8).long())
    assert set(terms) == set(weighed.train_parser.loss_weights)
