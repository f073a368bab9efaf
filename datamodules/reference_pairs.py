"""Reference and target of the same person: what the renderer learns from."""

from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from datamodules import augment
from datamodules.clip_draws import ClipChoice
from datamodules.draws import draw_rng
from datamodules.labelled_images import LabelledImages
from segtalker.regions import MOUTH, NO_REGION


class ReferencePair(TypedDict):
    """One sample, or a batch of them with B in front.

    Images are `(3, H, W)` float32 in [-1, 1], labels region indices, `(H, W)` int64.
    """

    reference: Tensor
    reference_labels: Tensor
    target: Tensor
    target_labels: Tensor


@dataclass(frozen=True)
class PairDraw:
    """How pairs are drawn.

    Args:
        candidates: the reference is the frame with the widest mouth among up to so many random ones; generation
            takes the widest of the whole clip.
        same_frame: probability that the reference is the target itself.
        augmentation: changes to both alike, so that colours stay consistent.
        movement: further changes to the reference's geometry alone.
        mouth_change: largest logarithm of the factor by which the reference's mouth is made higher or lower.
        hidden_mouth: probability that the mouth interior of the reference belongs to no region, as if it were shut.
    """

    candidates: int
    same_frame: float
    augmentation: augment.Augmentation
    movement: augment.Augmentation
    mouth_change: float
    hidden_mouth: float


def widest_mouth(images: LabelledImages, group: int, indices: np.ndarray) -> int:
    """The index, among `indices`, of the image with the largest mouth interior; the first of equals."""
    if len(indices) == 1:
        return int(indices[0])  # a photograph's map need not be read
    areas = [np.count_nonzero(images.read_labels(group, int(index)) == MOUTH) for index in indices]
    return int(indices[int(np.argmax(areas))])


def _pair(reference: tuple[np.ndarray, np.ndarray], target: tuple[np.ndarray, np.ndarray]) -> ReferencePair:
    (reference_image, reference_labels), (target_image, target_labels) = reference, target
    return ReferencePair(
        reference=torch.from_numpy(augment.to_tensor_layout(reference_image)),
        reference_labels=torch.from_numpy(reference_labels.astype(np.int64)),
        target=torch.from_numpy(augment.to_tensor_layout(target_image)),
        target_labels=torch.from_numpy(target_labels.astype(np.int64)),
    )


class PairDraws(Dataset):
    """Augmented training pairs; the draw number decides everything.

    Args:
        images: frames of clips, photographs.
        choice: of a clip or photograph.
        seed: of the draws.
        how: pairs are drawn.
    """

    def __init__(self, images: LabelledImages, choice: ClipChoice, seed: int, how: PairDraw) -> None:
        self.images = images
        self.choice = choice
        self.seed = seed
        self.how = how

    def _reference_index(self, rng: np.random.Generator, group: int, target: int) -> int:
        candidates = rng.integers(self.images.images_in(group), size=rng.integers(1, self.how.candidates + 1))
        if rng.random() < self.how.same_frame:
            return target
        return widest_mouth(self.images, group, candidates)

    def __getitem__(self, draw: int) -> ReferencePair:
        rng = draw_rng(self.seed, draw)
        group = self.choice.draw(rng)
        target = int(rng.integers(self.images.images_in(group)))
        pair = [self.images.read(group, index) for index in (self._reference_index(rng, group, target), target)]
        side = pair[0][0].shape[0]
        both = augment.random_affine(rng, side, self.how.augmentation)
        reference_warp = augment.compose(both, augment.random_affine(rng, side, self.how.movement))
        colours = augment.random_colours(rng, self.how.augmentation.colour)
        bend = self._mouth_bend(rng, pair[0][1])
        reference, truth = (
            (augment.recolour(augment.to_unit(image), colours), labels)
            for image, labels in (augment.warp(*pair[0], reference_warp, bend), augment.warp(*pair[1], both))
        )
        if self.how.hidden_mouth and rng.random() < self.how.hidden_mouth:
            reference[1][reference[1] == MOUTH] = NO_REGION
        return _pair(reference, truth)

    def _mouth_bend(self, rng: np.random.Generator, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Another height of the reference's mouth: what a lone photograph has in place of other frames."""
        if not self.how.mouth_change:
            return None
        return augment.mouth_stretch(labels, float(np.exp(rng.uniform(-1.0, 1.0) * self.how.mouth_change)))


class PairFrames(Dataset):
    """Pairs as generation makes them: the widest mouth of a clip, and frames spread over it."""

    def __init__(self, images: LabelledImages, per_group: int) -> None:
        self.images = images
        self.keys: list[tuple[int, int, int]] = []
        for group in range(len(images)):
            count = images.images_in(group)
            reference = widest_mouth(images, group, np.arange(count))
            targets = np.unique(np.linspace(0, count - 1, per_group).astype(int))
            self.keys += [(group, reference, int(target)) for target in targets]

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, position: int) -> ReferencePair:
        group, *indices = self.keys[position]
        reference, target = (
            (augment.to_unit(image), labels) for image, labels in (self.images.read(group, index) for index in indices)
        )
        return _pair(reference, target)
