"""Images with region maps for the face parser: frames of clips, or a folder of real pairs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import pytorch_lightning as pl
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datamodules import augment
from datamodules.draws import DrawSampler, draw_loader, draw_rng
from segtalker.clips import Clip, ImagePack
from segtalker.errors import BadInputError
from segtalker.regions import merge_labels

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")


class LabelledImages(Protocol):
    """Groups of labelled images: the frames of a clip, or one photograph."""

    def __len__(self) -> int:
        """How many groups."""

    def images_in(self, group: int) -> int:
        """How many images a group has."""

    def read(self, group: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        """RGB `(H, W, 3)` and region map `(H, W)`, uint8."""


class ClipFrames:
    """Frames of clips with the dataset's own masks.

    Args:
        clips: clips after `crop`.

    Raises:
        BadInputError: a clip has no masks of its own.
    """

    def __init__(self, clips: Sequence[Clip]) -> None:
        self.packs: list[tuple[ImagePack, ImagePack]] = []
        for clip in clips:
            if clip.truth_masks is None:
                raise BadInputError(
                    f"{clip.crop_folder}: no truth_masks.zip; set train_parser.labels: pairs, or parse.backend: bisenet"
                )
            self.packs.append((clip.frames, clip.truth_masks))

    def __len__(self) -> int:
        return len(self.packs)

    def images_in(self, group: int) -> int:
        return len(self.packs[group][0])

    def read(self, group: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        frames, masks = self.packs[group]
        return frames.read([index])[0], masks.read([index])[0]


class PairFolder:
    """A folder with `images/` and `labels/` of equal stems, resized to the working size.

    Args:
        pairs: image and label files, see `find_pairs`.
        order: label order, see `segtalker.regions`.
        size: px, side after resizing.
    """

    def __init__(self, pairs: Sequence[tuple[Path, Path]], order: str, size: int) -> None:
        self.pairs = list(pairs)
        self.order = order
        self.size = size

    def __len__(self) -> int:
        return len(self.pairs)

    def images_in(self, group: int) -> int:
        return 1

    def read(self, group: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        image_path, label_path = self.pairs[group]
        side = (self.size, self.size)
        image = cv2.resize(_read_image(image_path, "RGB"), side, interpolation=cv2.INTER_AREA)
        labels = _read_image(label_path, None)
        if labels.ndim != 2:
            raise BadInputError(f"{label_path}: expected a palette or grey image of label indices")
        try:
            regions = merge_labels(labels, self.order)
        except ValueError as error:
            raise BadInputError(f"{label_path}: {error}; check train_parser.pairs_order") from error
        return image, cv2.resize(regions, side, interpolation=cv2.INTER_NEAREST_EXACT)


def _read_image(path: Path, mode: str | None) -> np.ndarray:
    """Reads an image; palette indices stay indices (OpenCV would turn them into colours)."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert(mode) if mode else image)
    except (OSError, UnidentifiedImageError) as error:
        raise BadInputError(f"{path}: not a readable image ({error})") from error


def find_pairs(root: Path) -> list[tuple[Path, Path]]:
    """Image and label files with equal stems under `root/images` and `root/labels`, in order of name.

    Raises:
        BadInputError: there are none.
    """
    labels = {path.stem: path for path in sorted(root.glob("labels/*.png"))}
    images = [path for path in sorted(root.glob("images/*")) if path.suffix.lower() in IMAGE_SUFFIXES]
    pairs = [(path, labels[path.stem]) for path in images if path.stem in labels]
    if not pairs:
        raise BadInputError(f"{root}: no images/NAME.jpg with labels/NAME.png; set train_parser.pairs_root")
    return pairs


class CachedImages:
    """Keeps what it read: a folder of photographs is decoded and resized once, not at every draw."""

    def __init__(self, images: LabelledImages) -> None:
        self.images = images
        self.kept: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}

    def __len__(self) -> int:
        return len(self.images)

    def images_in(self, group: int) -> int:
        return self.images.images_in(group)

    def read(self, group: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        if (group, index) not in self.kept:
            self.kept[group, index] = self.images.read(group, index)
        return self.kept[group, index]


class LabelledDraws(Dataset):
    """Augmented training samples; the draw number decides everything."""

    def __init__(self, images: LabelledImages, seed: int, augmentation: augment.Augmentation) -> None:
        self.images = images
        self.seed = seed
        self.augmentation = augmentation

    def __getitem__(self, draw: int) -> tuple[Tensor, Tensor]:
        """An image, `(3, H, W)` float32 in [-1, 1], and its regions, `(H, W)` int64."""
        rng = draw_rng(self.seed, draw)
        group = int(rng.integers(len(self.images)))
        image, labels = self.images.read(group, int(rng.integers(self.images.images_in(group))))
        image, labels = augment.warp(image, labels, augment.random_affine(rng, image.shape[0], self.augmentation))
        unit = augment.recolour(augment.to_unit(image), augment.random_colours(rng, self.augmentation.colour))
        return _tensors(augment.degrade(rng, unit, self.augmentation.blur), labels)


class LabelledFrames(Dataset):
    """Images as they are, evenly spread over the groups, for validation."""

    def __init__(self, images: LabelledImages, per_group: int) -> None:
        self.images = images
        self.keys = [
            (group, int(index))
            for group in range(len(images))
            for index in np.unique(np.linspace(0, images.images_in(group) - 1, per_group).astype(int))
        ]

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, position: int) -> tuple[Tensor, Tensor]:
        """See `LabelledDraws.__getitem__`."""
        image, labels = self.images.read(*self.keys[position])
        return _tensors(augment.to_unit(image), labels)


def _tensors(unit: np.ndarray, labels: np.ndarray) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(augment.to_tensor_layout(unit)), torch.from_numpy(labels.astype(np.int64))


class LabelledFrameDataModule(pl.LightningDataModule):
    """Training draws and fixed validation frames of people not trained on.

    Args:
        train: images to learn from.
        held_out: images of other people.
        seed: of the draws.
        epoch_steps: batches an epoch.
        batch_size: samples a batch.
        augmentation: how far training images are changed.
        frames_per_clip: validation images of each group.
        workers: processes that prepare samples.
    """

    def __init__(
        self,
        *,
        train: LabelledImages,
        held_out: LabelledImages,
        seed: int,
        epoch_steps: int,
        batch_size: int,
        augmentation: augment.Augmentation,
        frames_per_clip: int,
        workers: int,
    ) -> None:
        super().__init__()
        self.train_set = LabelledDraws(train, seed, augmentation)
        self.held_out_set = LabelledFrames(held_out, frames_per_clip)
        self.epoch_steps = epoch_steps
        self.batch_size = batch_size
        self.workers = workers

    def train_dataloader(self) -> DataLoader:
        rank, world_size = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        sampler = DrawSampler(self.epoch_steps, self.batch_size, rank, world_size)
        return draw_loader(self.train_set, sampler, self.workers)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.held_out_set, batch_size=self.batch_size)
