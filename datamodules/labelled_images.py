"""Labelled images, whatever they come from: frames of clips, or a folder of real pairs."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from segtalker.clips.image_pack import ImagePack
from segtalker.clips.store import Clip
from segtalker.media.images import read_image
from segtalker.regions import merge_labels
from segtalker.utils.errors import BadInputError

# clips to the frames and masks of each
ClipPacks = Callable[[Sequence[Clip]], list[tuple[ImagePack, ImagePack]]]


class LabelledImages(Protocol):
    """Groups of labelled images: the frames of a clip, or one photograph."""

    def __len__(self) -> int:
        """How many groups."""

    def images_in(self, group: int) -> int:
        """How many images a group has."""

    def read(self, group: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        """RGB `(H, W, 3)` and region map `(H, W)`, uint8."""

    def read_labels(self, group: int, index: int) -> np.ndarray:
        """The region map alone."""


class ClipFrames:
    """Frames of clips with their masks; one group a clip.

    Args:
        packs: frames and masks of each clip, see `truth_packs` and `parsed_packs`.
    """

    def __init__(self, packs: Sequence[tuple[ImagePack, ImagePack]]) -> None:
        self.packs = list(packs)

    def __len__(self) -> int:
        return len(self.packs)

    def images_in(self, group: int) -> int:
        return len(self.packs[group][0])

    def read(self, group: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        frames, masks = self.packs[group]
        return frames.read([index])[0], masks.read([index])[0]

    def read_labels(self, group: int, index: int) -> np.ndarray:
        return self.packs[group][1].read([index])[0]


def truth_packs(clips: Sequence[Clip]) -> list[tuple[ImagePack, ImagePack]]:
    """Frames with the dataset's own masks.

    Raises:
        BadInputError: a clip has none.
    """
    packs = []
    for clip in clips:
        if clip.truth_masks is None:
            raise BadInputError(
                f"{clip.crop_folder}: no truth_masks.zip; name datasets that bring masks in train_parser.datasets, or"
                " set train_parser.labels: pairs, or none with parse.backend: bisenet"
            )
        packs.append((clip.frames, clip.truth_masks))
    return packs


def parsed_packs(clips: Sequence[Clip]) -> list[tuple[ImagePack, ImagePack]]:
    """Frames with the parser's masks: what is there at inference."""
    return [(clip.frames, clip.masks) for clip in clips]


class JoinedImages:
    """The groups of several sources, one source after the other."""

    def __init__(self, sources: Sequence[LabelledImages]) -> None:
        self.sources = list(sources)
        self.keys = [(source, group) for source in self.sources for group in range(len(source))]

    def __len__(self) -> int:
        return len(self.keys)

    def images_in(self, group: int) -> int:
        source, own_group = self.keys[group]
        return source.images_in(own_group)

    def read(self, group: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        source, own_group = self.keys[group]
        return source.read(own_group, index)

    def read_labels(self, group: int, index: int) -> np.ndarray:
        source, own_group = self.keys[group]
        return source.read_labels(own_group, index)


class PairFolder:
    """A folder with `images/` and `labels/` of equal stems, resized to the working size.

    Args:
        pairs: image and label files, see `segtalker.datasets.pairs.find_pairs`.
        order: label order, see `segtalker.regions`.
        size: px, side after resizing.
    """

    def __init__(self, pairs: Sequence[tuple[Path, Path]], order: str, size: int) -> None:
        self.pairs = list(pairs)
        self.order = order
        self.side = (size, size)

    def __len__(self) -> int:
        return len(self.pairs)

    def images_in(self, group: int) -> int:
        return 1

    def read(self, group: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        image = cv2.resize(read_image(self.pairs[group][0]), self.side, interpolation=cv2.INTER_AREA)
        return image, self.read_labels(group, index)

    def read_labels(self, group: int, index: int) -> np.ndarray:
        label_path = self.pairs[group][1]
        labels = _read_labels(label_path)
        if labels.ndim != 2:
            raise BadInputError(f"{label_path}: expected a palette or grey image of label indices")
        try:
            regions = merge_labels(labels, self.order)
        except ValueError as error:
            raise BadInputError(f"{label_path}: {error}; check training.pairs.order") from error
        return cv2.resize(regions, self.side, interpolation=cv2.INTER_NEAREST_EXACT)


def _read_labels(path: Path) -> np.ndarray:
    """Reads label numbers; palette indices stay indices (OpenCV would turn them into colours)."""
    try:
        with Image.open(path) as image:
            return np.asarray(image)
    except (OSError, UnidentifiedImageError) as error:
        raise BadInputError(f"{path}: not a readable image ({error})") from error


class CachedImages:
    """Keeps what it read: a folder of photographs is decoded and resized once, not at every draw.

    Draws are uniform, so keeping what came first does as well as any eviction would.

    Args:
        images: that take long to read.
        cache_mib: limit of the memory for them; those that do not fit are read at every draw.
    """

    def __init__(self, images: LabelledImages, cache_mib: int) -> None:
        self.images = images
        self.budget = cache_mib * 2**20
        self.cache: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}

    def __len__(self) -> int:
        return len(self.images)

    def images_in(self, group: int) -> int:
        return self.images.images_in(group)

    def read(self, group: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        if (group, index) in self.cache:
            return self.cache[group, index]
        image, labels = self.images.read(group, index)
        self.budget -= image.nbytes + labels.nbytes
        if self.budget >= 0:
            self.cache[group, index] = (image, labels)
        return image, labels

    def read_labels(self, group: int, index: int) -> np.ndarray:
        return self.read(group, index)[1]
