"""Labelled images as they lie on disk: pairs of files, and frames of clips with their masks."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datamodules.labelled_images import CachedImages, ClipFrames, JoinedImages, PairFolder, truth_packs
from segtalker.clips.image_pack import write_images
from segtalker.clips.store import Clip
from segtalker.datasets.pairs import find_pairs
from segtalker.regions import BISENET_LABELS, NUM_REGIONS, REGION_INDEX
from segtalker.utils.errors import BadInputError


def _write_pair(root: Path, name: str, label: int, palette: bool) -> None:
    for folder in ("images", "labels"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((20, 20, 3), 90, np.uint8)).save(root / "images" / f"{name}.jpg")
    labels = Image.fromarray(np.full((20, 20), label, np.uint8))
    if palette:
        labels.putpalette(list(range(256)) * 3)
    labels.save(root / "labels" / f"{name}.png")


@pytest.mark.parametrize("palette", [True, False])
def test_palette_and_grey_labels_read_the_same(tmp_path: Path, palette: bool) -> None:
    _write_pair(tmp_path, "a", BISENET_LABELS.index("hair"), palette)
    image, labels = PairFolder(find_pairs(tmp_path), "bisenet", 16).read(0, 0)
    assert image.shape == (16, 16, 3)
    assert set(np.unique(labels)) == {REGION_INDEX["hair"]}


def test_labels_of_another_order_are_refused(tmp_path: Path) -> None:
    _write_pair(tmp_path, "a", 77, palette=False)
    with pytest.raises(BadInputError, match=r"a\.png: label 77 .* check training\.pairs\.order"):
        PairFolder(find_pairs(tmp_path), "celebamask_hq", 16).read(0, 0)


def test_a_broken_image_names_its_file(tmp_path: Path) -> None:
    _write_pair(tmp_path, "a", 0, palette=False)
    (tmp_path / "images" / "a.jpg").write_bytes(b"no image")
    with pytest.raises(BadInputError, match=r"a\.jpg: not an image in a known format"):
        PairFolder(find_pairs(tmp_path), "celebamask_hq", 16).read(0, 0)


def test_clips_without_masks_of_their_own_say_what_to_do(tmp_path: Path) -> None:
    clip = Clip("a", "s", "train", tmp_path, tmp_path, tmp_path)
    with pytest.raises(BadInputError, match="labels: pairs"):
        truth_packs([clip])


def test_clip_frames_read_frames_and_masks(tmp_path: Path) -> None:
    frames = [np.full((8, 8, 3), 10 * index, np.uint8) for index in range(3)]
    masks = [np.full((8, 8), index, np.uint8) for index in range(3)]
    write_images(tmp_path / "frames.zip", frames, ".jpg")
    write_images(tmp_path / "truth_masks.zip", masks, ".pgm")
    images = ClipFrames(truth_packs([Clip("a", "s", "train", tmp_path, tmp_path, tmp_path)]))
    images = pickle.loads(pickle.dumps(images))
    assert (len(images), images.images_in(0)) == (1, 3)
    assert images.read(0, 2)[1].max() == images.read_labels(0, 2).max() == 2


def test_joined_sources_are_read_one_after_the_other(faces) -> None:
    images = JoinedImages([faces, faces])
    assert len(images) == 6
    assert images.images_in(4) == faces.images_in(1)
    for own, other in zip(images.read(4, 2), faces.read(1, 2), strict=True):
        np.testing.assert_array_equal(own, other)
    np.testing.assert_array_equal(images.read_labels(4, 2), faces.read_labels(1, 2))


def test_memory_for_read_images_has_a_limit(faces) -> None:
    reads = []

    class Counted:
        def __len__(self) -> int:
            return 1

        def images_in(self, group: int) -> int:
            return 8

        def read(self, group: int, index: int) -> tuple[np.ndarray, np.ndarray]:
            reads.append(index)
            return np.zeros((256, 256, 3), np.uint8), np.zeros((256, 256), np.uint8)  # a quarter MiB

        def read_labels(self, group: int, index: int) -> np.ndarray:
            return self.read(group, index)[1]

    images = CachedImages(Counted(), cache_mib=1)
    for index in [*range(8), *range(8)]:
        images.read(0, index)
    assert reads == [*range(8), 4, 5, 6, 7]


@pytest.mark.real
def test_real_pairs_hold_what_their_readme_says() -> None:
    root = os.environ.get("SEGTALKER_REAL_DATA")
    if not root:
        pytest.skip("SEGTALKER_REAL_DATA is not set")
    pairs = find_pairs(Path(root) / "masks")
    assert len(pairs) == 808
    images = PairFolder(pairs, "celebamask_hq", 64)
    labels = np.stack([images.read_labels(index, 0) for index in range(0, 808, 40)])
    shares = np.bincount(labels.ravel(), minlength=NUM_REGIONS) / labels.size
    assert 0.2 < shares[REGION_INDEX["hair"]] < 0.5
    assert 0.15 < shares[REGION_INDEX["skin"]] < 0.4
    brows, nose = (np.argwhere(labels == REGION_INDEX[name])[:, 1].mean() for name in ("eyebrows", "nose"))
    lips = np.argwhere(labels == REGION_INDEX["lip"])[:, 1].mean()
    assert brows < nose < lips
