"""Photographs with region maps: which are pairs, and that no change of one goes unseen."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from segtalker.config.experiment import compose
from segtalker.config.params import Params
from segtalker.datasets.pairs import find_pairs, pairs_overrides, pairs_sha256
from segtalker.tracking.provenance import signature
from segtalker.utils.errors import BadInputError

CHECKOUT = Path(__file__).parents[3]
LONG_AGO_S = 1_000_000_000


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (LONG_AGO_S, LONG_AGO_S))


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """A folder of two pairs; nobody looks into the files."""
    for name in ("a", "b"):
        _write(tmp_path / "pairs" / "images" / f"{name}.jpg", f"photograph {name}")
        _write(tmp_path / "pairs" / "labels" / f"{name}.png", f"regions {name}")
    return tmp_path / "pairs"


def _params(root: Path, *settings: str) -> Params:
    return compose(CHECKOUT, "demo", [f"training.pairs.root={root}", *settings])[1]


def test_pairs_need_both_halves(pairs: Path) -> None:
    (pairs / "labels" / "b.png").unlink()
    assert [image.stem for image, _ in find_pairs(pairs)] == ["a"]
    (pairs / "labels" / "a.png").unlink()
    with pytest.raises(BadInputError, match=r"set training\.pairs\.root"):
        find_pairs(pairs)


@pytest.mark.parametrize(
    "change",
    [
        lambda pairs: _write(pairs / "images" / "a.jpg", "another photograph"),
        lambda pairs: _write(pairs / "labels" / "b.png", "other regions"),
        lambda pairs: (pairs / "images" / "b.jpg").unlink(),
        lambda pairs: [_write(pairs / name, "c") for name in ("images/c.jpg", "labels/c.png")],
        lambda pairs: [path.rename(path.with_stem("z")) for path in sorted(pairs.glob("*/b.*"))],
    ],
    ids=["photograph", "regions", "gone", "new", "renamed"],
)
def test_every_change_of_a_pair_changes_the_hash(change: Callable[[Path], object], pairs: Path, tmp_path: Path) -> None:
    before = pairs_sha256(pairs, tmp_path)
    _write(pairs / "images" / "alone.jpg", "in no pair")
    assert pairs_sha256(pairs, tmp_path) == before
    change(pairs)
    assert pairs_sha256(pairs, tmp_path) != before


def test_the_hash_says_nothing_of_the_place_and_files_are_read_once(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pairs_sha256(pairs, tmp_path)
    assert pairs_sha256(Path(shutil.copytree(pairs, tmp_path / "elsewhere")), tmp_path) == first
    monkeypatch.setattr("segtalker.utils.hashing.file_sha256", lambda path: pytest.fail(f"{path} is read again"))
    assert pairs_sha256(pairs, tmp_path) == first


def test_a_pair_that_cannot_be_read_is_named(pairs: Path, tmp_path: Path) -> None:
    (pairs / "images" / "a.jpg").unlink()
    (pairs / "images" / "a.jpg").symlink_to(pairs / "gone.jpg")
    with pytest.raises(BadInputError, match=r"images/a\.jpg: cannot be read") as error:
        pairs_sha256(pairs, tmp_path)
    assert "\n" not in str(error.value)


def test_only_stages_that_learn_from_photographs_are_told_of_them(pairs: Path, tmp_path: Path) -> None:
    sha256 = {"pairs_sha256": pairs_sha256(pairs, tmp_path)}
    both = _params(pairs, "train_parser.labels=both", "train_sgi.data=pairs")
    assert pairs_overrides(both, ("train_parser", "train_sgi"), tmp_path) == {
        "train_parser": sha256,
        "train_sgi": sha256,
    }
    assert pairs_overrides(both, ("train_parser",), tmp_path) == {"train_parser": sha256}
    assert pairs_overrides(_params(pairs, "train_sgi.data=both"), ("train_parser", "train_sgi"), tmp_path) == {
        "train_sgi": sha256
    }
    nowhere = _params(tmp_path / "nowhere")
    assert pairs_overrides(nowhere, ("train_parser", "train_sgi"), tmp_path) == {}


def test_a_changed_photograph_is_another_signature_of_the_stages_that_saw_it(pairs: Path, tmp_path: Path) -> None:
    def signatures() -> list[str]:
        sha256 = pairs_overrides(_params(pairs, "train_sgi.data=both"), ("train_sgi",), tmp_path)["train_sgi"]
        params = _params(pairs, "train_sgi.data=both", f"train_sgi.pairs_sha256={sha256['pairs_sha256']}")
        return [signature(params, stage, {}) for stage in ("train_sgi", "train_tsg")]

    sgi, tsg = signatures()
    _write(pairs / "images" / "a.jpg", "another photograph")
    other_sgi, other_tsg = signatures()
    assert (other_sgi != sgi, other_tsg == tsg) == (True, True)
