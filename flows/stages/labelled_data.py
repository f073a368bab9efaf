"""Labelled images to learn from and held out: frames of clips, photographs of a folder, or both."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from datamodules.clip_draws import ClipChoice
from datamodules.labelled_images import (
    CachedImages,
    ClipFrames,
    ClipPacks,
    JoinedImages,
    LabelledImages,
    PairFolder,
)
from segtalker.clips.store import Clip
from segtalker.config.params import Params
from segtalker.config.training import PAIRS, DatasetWeights
from segtalker.datasets.pairs import find_pairs
from segtalker.utils.errors import BadInputError
from segtalker.utils.paths import expand_path

Item = TypeVar("Item")


class LabelledSource(NamedTuple):
    """Labelled images of one kind.

    Args:
        images: groups of them.
        datasets: the dataset of each group.
    """

    images: LabelledImages
    datasets: list[str]


def hold_out(items: Sequence[Item], names: Sequence[str], share: float) -> tuple[list[Item], list[Item]]:
    """Splits items by a hash of their names, so that a new item moves no other: kept, held out.

    Items of one name stay together. Of two names or more, one at least is on each side.

    Raises:
        BadInputError: all have one name.
    """
    sorted_names = sorted(set(names), key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    if len(sorted_names) < 2:
        raise BadInputError("masks of at least two subjects are needed, one to learn from and one held out")
    count = min(max(1, round(share * len(sorted_names))), len(sorted_names) - 1)
    held_out = set(sorted_names[:count])
    pairs = list(zip(items, names, strict=True))
    return [item for item, name in pairs if name not in held_out], [item for item, name in pairs if name in held_out]


def weighed_clips(clips: Sequence[Clip], weights: DatasetWeights) -> list[Clip]:
    """The clips whose dataset has a weight; all clips where none has one."""
    return [clip for clip in clips if not weights or clip.dataset in weights]


def clip_source(clips: Sequence[Clip], packs: ClipPacks) -> LabelledSource:
    """Frames of clips.

    Args:
        clips: what is learnt from, or held out.
        packs: opens frames and masks, see `truth_packs` and `parsed_packs`.
    """
    return LabelledSource(ClipFrames(packs(clips)), [clip.dataset for clip in clips])


def pair_sources(params: Params) -> tuple[LabelledSource, LabelledSource]:
    """Photographs of `training.pairs` at the working size: to learn from, and held out; of every stage the same ones.

    Raises:
        BadInputError: there are none.
    """
    settings = params.training.pairs
    pairs = find_pairs(expand_path(settings.root, "training.pairs.root"))
    sides = hold_out(pairs, [image.stem for image, _ in pairs], settings.held_out)
    train, held_out = (
        LabelledSource(
            CachedImages(PairFolder(side, settings.order, params.base.image_size), params.machine.cache_mib),
            [PAIRS] * len(side),
        )
        for side in sides
    )
    return train, held_out


def _joined(sources: Sequence[LabelledSource]) -> LabelledImages:
    """All images one after the other."""
    return sources[0].images if len(sources) == 1 else JoinedImages([source.images for source in sources])


def join_sources(sources: Sequence[LabelledSource], weights: DatasetWeights) -> tuple[LabelledImages, ClipChoice]:
    """All images to learn from, and how a draw chooses among them.

    Raises:
        BadInputError: a dataset with a weight has no images, or none has any.
    """
    return _joined(sources), ClipChoice([name for source in sources for name in source.datasets], weights)


def held_out_images(sources: Sequence[LabelledSource]) -> LabelledImages:
    """All images to validate on, each as often as the others.

    Raises:
        BadInputError: there are none.
    """
    images = _joined(sources)
    if not len(images):
        raise BadInputError(
            "nothing is held out to validate on: the datasets that are learnt from have no clip on that side of the"
            " split; see download and split, or learn from photographs as well"
        )
    return images
