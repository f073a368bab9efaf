"""Images with region maps for the face parser."""

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from datamodules import augment
from datamodules.clip_draws import ClipChoice
from datamodules.draws import StepDraws, draw_rng
from datamodules.labelled_images import LabelledImages


class LabelledDraws(StepDraws):
    """Augmented training samples; the draw number decides everything.

    Args:
        images: frames of clips, photographs.
        choice: of a clip or photograph.
        seed: of the draws.
        augmentation: how far images are changed.
        coarse_steps: draws of the first so many steps have half the size: a network learns what lies where from
            small images as well, in a quarter of the time (progressive resizing, Howard 2018).
    """

    def __init__(
        self,
        images: LabelledImages,
        choice: ClipChoice,
        seed: int,
        augmentation: augment.Augmentation,
        coarse_steps: int,
    ) -> None:
        self.images = images
        self.choice = choice
        self.seed = seed
        self.augmentation = augmentation
        self.coarse_steps = coarse_steps

    def __getitem__(self, draw: int) -> tuple[Tensor, Tensor]:
        """An image, `(3, H, W)` float32 in [-1, 1], and its regions, `(H, W)` int64; a coarse draw is half as large."""
        rng = draw_rng(self.seed, draw)
        group = self.choice.draw(rng)
        image, labels = self.images.read(group, int(rng.integers(self.images.images_in(group))))
        image, labels = augment.warp(image, labels, augment.random_affine(rng, image.shape[0], self.augmentation))
        if draw // self.step_draws < self.coarse_steps:
            image, labels = augment.halve(image, labels)
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
