"""The parser's training: what is held out, and a parser that was trained elsewhere."""

from pathlib import Path

import numpy as np
import pytest
import torch

from flows.stages.common import StageRun
from flows.stages.train_parser import clip_sources, parser_data, parser_module, train_parser
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


def _write_clips(folder: Path, splits: dict[str, str], dataset: str = "") -> None:
    rows = [
        dict.fromkeys(CLIP_COLUMNS, "")
        | {"clip_id": name, "source": "x.mp4", "subject": name, "split": splits[name], "dataset": dataset}
        for name in splits
    ]
    write_table(folder / "clips.csv", rows, (*CLIP_COLUMNS, "dataset"))
    for name in splits:
        images = torch.zeros(2, 8, 8, dtype=torch.uint8).numpy()
        write_images(folder / "clips" / name / "frames.zip", images[..., None].repeat(3, -1), ".jpg")
        write_images(folder / "clips" / name / "truth_masks.zip", images, ".pgm")


def test_the_datasets_own_split_is_kept(tmp_path: Path) -> None:
    _write_clips(tmp_path, {"a": "train", "b": "val", "c": "test", "d": "train"})
    train, held = clip_sources(tmp_path, tmp_path / "clips.csv", _changed().train_parser)
    assert (len(train.images), len(held.images)) == (2, 2)


def test_without_a_split_subjects_are_held_out(tmp_path: Path) -> None:
    _write_clips(tmp_path, dict.fromkeys("abcdefgh", ""))
    stage = _changed(train_parser={"held_out": 0.25}).train_parser
    train, held = clip_sources(tmp_path, tmp_path / "clips.csv", stage)
    assert (len(train.images), len(held.images)) == (6, 2)


def test_clips_with_a_split_keep_it_beside_others_that_have_none(tmp_path: Path) -> None:
    """Of rendered people it is known who is tested, of a folder it is decided after parsing."""
    own_splits = {"a": "train", "b": "val", "c": "test"}
    _write_clips(tmp_path, own_splits | dict.fromkeys("defghijk", ""))
    train, held = clip_sources(tmp_path, tmp_path / "clips.csv", _changed().train_parser)
    names = [{frames.path.parent.name for frames, _ in side.images.packs} for side in (train, held)]
    assert [side & set(own_splits) for side in names] == [{"a"}, {"b", "c"}]
    assert names[0] | names[1] == set("abcdefghijk")


def test_clips_of_no_weight_are_not_held_out_either(tmp_path: Path) -> None:
    _write_clips(tmp_path, {"a": "train", "b": "val", "c": "test"}, dataset="synthetic")
    table = tmp_path / "clips.csv"
    _, row, *_ = table.read_text(encoding="utf-8").splitlines()
    other = row.replace("a,", "alone,", 1).replace("train", "").replace("synthetic", "folder")
    table.write_text(f"{table.read_text(encoding='utf-8')}{other}\n", encoding="utf-8")
    stage = _changed(train_parser={"datasets": {"synthetic": 1.0}}).train_parser
    assert [side.datasets for side in clip_sources(tmp_path, table, stage)] == [["synthetic"], ["synthetic"] * 2]


def test_a_parser_that_nothing_could_be_validated_on_is_not_trained(tmp_path: Path) -> None:
    _write_clips(tmp_path, {"a": "train", "b": "train"})
    with pytest.raises(BadInputError, match="nothing is held out"):
        parser_data(_changed(), tmp_path, tmp_path / "clips.csv")


def test_clips_and_photographs_are_learnt_from_together(tmp_path: Path, photographs: Path) -> None:
    _write_clips(tmp_path, {"a": "train", "b": "val"}, dataset="synthetic")
    params = _changed(
        training={"pairs": {"root": str(photographs), "held_out": 0.25}},
        train_parser={"labels": "both", "datasets": {"synthetic": 1.0, "pairs": 3.0}},
    )
    data = parser_data(params, tmp_path, tmp_path / "clips.csv")
    assert len(data.held_out_set) == 2 + 1  # frames of b, a photograph
    white = [float(data.train_set[draw][0].mean()) > 0 for draw in range(200)]  # photographs are, clips are black
    assert 0.6 < np.mean(white) < 0.9


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
