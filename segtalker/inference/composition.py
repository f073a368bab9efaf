"""Frames of a video from painted crops: put back into the source's whole pictures, recoloured, before another backdrop.

Everything beside the painting itself is done at the source's own resolution. What an edit names may go on outside of
the crop: a person is followed over the whole picture (`segtalker.inference.person_cut`), hair and other regions too.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import cv2
import numpy as np

from segtalker.faces.crop_squares import square_transform
from segtalker.faces.matting import unmixed_foreground
from segtalker.faces.paste_back import border_share, paste_back, soft_share
from segtalker.inference.backdrops import Backdrop
from segtalker.inference.edits import RegionColour, region_indices
from segtalker.inference.pasting import EditedArea, lay_over
from segtalker.inference.person_cut import ColourModels, cut_person, cut_region, touches_border
from segtalker.inference.picture_views import NOT_SEEN, PictureView
from segtalker.inference.portrait import Portrait
from segtalker.inference.recolouring import ColourShift, likeness
from segtalker.inference.region_layers import enlarged_crop, enlarged_transform, region_colours, without_old_borders
from segtalker.inference.talk_model import Face, TalkingChunk
from segtalker.regions import BACKGROUND, REGION_INDEX

_SKIN, _GLASSES = REGION_INDEX["skin"], REGION_INDEX["glasses"]
_LENS_DISTANCE = 9.0  # of Lab: how unlike skin may look through lenses
_NEWEST = 0.6  # share of a frame's own cut; the rest is what came before, against flicker
_CUTS_KEPT = 2000  # a source that is walked back and forth is cut once
_MOST_ENLARGED = 4
_SHOWN = 5e-4  # of a crop: a few stray pixels are nothing that is seen
_CROP = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True)
class Layers:
    """What is done to whole pictures.

    Args:
        swapped: regions whose texture is another's, laid over the picture with edges of its own.
        colours: regions recoloured, in this order.
        backdrop: what is shown behind, None for the source's own.
        reshaped: whether masks were changed otherwise than by speech.
    """

    swapped: Sequence[int] = ()
    colours: Sequence[RegionColour] = ()
    backdrop: Backdrop | None = None
    reshaped: bool = False


@dataclass
class _Cuts:
    """Where a source's person and some of its regions lie in its whole pictures, found once and steadied."""

    places: np.ndarray
    models: dict[tuple[int, ...], ColourModels] = field(default_factory=dict)
    kept: dict[tuple[tuple[int, ...], int], np.ndarray] = field(default_factory=dict)
    steady: dict[tuple[int, ...], tuple[int, np.ndarray]] = field(default_factory=dict)

    def person(self, view: PictureView, index: int, mask: np.ndarray) -> np.ndarray:
        """How surely each pixel of the small picture is the person: `(h, w)`, float32 in [0, 1]."""
        return self._steadied((), index, lambda models: cut_person(view, mask, self.places[index], models), view)

    def region(self, view: PictureView, index: int, mask: np.ndarray, regions: tuple[int, ...]) -> np.ndarray:
        """Likewise of some regions."""
        if not touches_border(mask, regions):
            return np.isin(view.regions(mask), regions).astype(np.float32)
        person = self.person(view, index, mask)
        return self._steadied(regions, index, lambda models: cut_region(view, mask, regions, person, models), view)

    def _steadied(
        self, regions: tuple[int, ...], index: int, cut: Callable[[ColourModels], np.ndarray], view: PictureView
    ) -> np.ndarray:
        last_index, last_map = self.steady.get(regions, (-1, None))
        if last_index == index and last_map is not None:
            return last_map
        if (regions, index) not in self.kept:
            if len(self.kept) > _CUTS_KEPT:
                self.kept.clear()
            models = self.models.setdefault(regions, ColourModels.unlearnt())
            self.kept[regions, index] = np.packbits(cut(models), axis=None)
        shape = view.small.shape[:2]
        own = np.unpackbits(self.kept[regions, index], count=shape[0] * shape[1]).reshape(shape).astype(np.float32)
        steady_map = own if last_map is None else last_map + _NEWEST * (own - last_map)
        self.steady[regions] = (index, steady_map)
        return steady_map


class Composer:
    """Puts painted crops and what edits name together.

    Args:
        face: the source's crops.
        places: see `segtalker.faces.mouth_box.face_transforms`, of its crops, `(T, 2, 3)`.
        area: what is painted, None for all of the face.
        layers: what is done to the pictures.
        whole: the source's whole pictures, None to show the crops alone.
        seen: which frames show a face, `(T,)`, bool; None for all. In others nothing is painted.

    Its `shown` holds the regions that any frame made so far shows.
    """

    def __init__(
        self,
        face: Face,
        places: np.ndarray,
        area: EditedArea | None,
        layers: Layers,
        whole: Portrait | None,
        seen: np.ndarray | None = None,
    ) -> None:
        self.face, self.area, self.layers, self.whole, self.seen = face, area, layers, whole, seen
        self.size = len(face.masks.read([0])[0])
        self.border = border_share(self.size, self.size) if whole else np.ones((self.size, self.size), np.float32)
        self.cuts = _Cuts(places)
        self.shifts: dict[object, ColourShift] = {}
        # the source's own pixels hide the stairs of a crop's borders, unless a region is painted anew
        self.finely = area is None or layers.reshaped or bool(layers.swapped) or bool(area.regions)
        self.shown: set[int] = set()

    def frames(self, chunks: Iterator[TalkingChunk], count: int | None, rate: Fraction | int) -> Iterator[np.ndarray]:
        """Frames of the video.

        Args:
            chunks: the talking face.
            count: frames wanted; None for as many as there are chunks for.
            rate: of them, frames a second.

        Yields:
            RGB, `(H, W, 3)`, uint8; with an alpha channel, `(H, W, 4)`, where what is behind is transparent.
        """
        pictures = self.whole.walk(count) if self.whole else None
        backdrops: Iterator[np.ndarray | None] | None = None
        for chunk in chunks:
            for index, mask, crop in zip(chunk.source, chunk.masks, chunk.frames, strict=True):
                number = int(index)
                picture = self.face.frames.read([number])[0] if pictures is None else next(pictures)
                if backdrops is None and self.layers.backdrop is not None:
                    height, width = picture.shape[:2]
                    backdrops = self.layers.backdrop.pictures(height, width, rate)
                yield self.frame(picture, number, mask, crop, backdrops)

    def frame(
        self,
        picture: np.ndarray,
        index: int,
        mask: np.ndarray,
        crop: np.ndarray,
        backdrops: Iterator[np.ndarray | None] | None,
    ) -> np.ndarray:
        """One frame.

        Args:
            picture: of the source, or its crop where that is shown alone, RGB, `(H, W, 3)`, uint8.
            index: its number.
            mask: regions as they are painted, `(h, w)`, uint8.
            crop: painted, RGB, `(h, w, 3)`, uint8.
            backdrops: the next one is shown behind; None for the source's own surroundings.

        Returns:
            RGB, `(H, W, 3)`, uint8, or with an alpha channel, `(H, W, 4)`.
        """
        is_seen = self.seen is None or self.seen[index]
        if is_seen:
            self.shown.update(np.flatnonzero(np.bincount(mask.ravel()) >= _SHOWN * mask.size).tolist())
        result = self._edited(picture, index, mask, crop) if is_seen else picture
        return result if backdrops is None else self._before(picture, result, index, mask, next(backdrops))

    def _to_crop(self, index: int) -> np.ndarray:
        return square_transform(self.whole.squares[index], self.size) if self.whole else _CROP

    def _edited(self, picture: np.ndarray, index: int, mask: np.ndarray, crop: np.ndarray) -> np.ndarray:
        """One frame before its own surroundings."""
        source_mask, to_crop = self.face.masks.read([index])[0], self._to_crop(index)
        view = PictureView(picture, to_crop, self.size)
        whole = self._laid(picture, index, source_mask, mask, crop, to_crop)
        for region in self.layers.swapped:
            whole = self._swapped(view, whole, index, source_mask, mask, crop, region)
        for number, colour in enumerate(self.layers.colours):
            whole = self._recoloured(view, whole, index, source_mask, mask, number, colour)
        return whole

    def _laid(
        self,
        picture: np.ndarray,
        index: int,
        source_mask: np.ndarray,
        mask: np.ndarray,
        crop: np.ndarray,
        to_crop: np.ndarray,
    ) -> np.ndarray:
        """The picture with what is painted over it."""
        share = np.minimum(self._share(index, source_mask, mask), self.border)
        if self.layers.reshaped:
            crop = without_old_borders(crop, source_mask, mask)
        if self.whole is None:
            return lay_over(picture, crop, share)
        factor = min(_MOST_ENLARGED, int(np.ceil(1.0 / to_crop[0, 0]))) if self.finely else 1
        if factor > 1:
            crop, to_crop = enlarged_crop(crop, mask, factor), enlarged_transform(to_crop, factor)
            share = cv2.resize(share, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
        return paste_back(picture, crop, share, to_crop)

    def _share(self, index: int, source_mask: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """How much of each pixel of the crop is painted, `(h, w)`, float32."""
        if self.area is not None:
            return self.area.share(index, source_mask, mask)
        if self.whole is None:
            return np.ones(mask.shape, np.float32)
        return soft_share((mask != BACKGROUND) | (source_mask != BACKGROUND))

    def _swapped(
        self,
        view: PictureView,
        whole: np.ndarray,
        index: int,
        source_mask: np.ndarray,
        mask: np.ndarray,
        crop: np.ndarray,
        region: int,
    ) -> np.ndarray:
        """A picture with a swapped region over it, whose edge is the picture's own.

        In the crop it is as painted; where the region goes on outside, and in skin behind lenses, the source's own
        pixels have the colours it is painted in.
        """
        own = mask == region
        if not own.any():
            return whole
        done = PictureView(whole, view.to_crop, self.size)
        share = done.soft(self._extent(view, done, index, source_mask, mask, (region,)))
        size = whole.shape[1::-1]
        flags = cv2.WARP_INVERSE_MAP
        colours = region_colours(crop, mask, (region,))
        painted = cv2.warpAffine(
            colours, view.to_crop, size, flags=flags | cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        if region not in self.shifts:
            frame = self.face.frames.read([index])[0]
            known = source_mask == region
            self.shifts[region] = ColourShift.between(
                frame, (known if known.any() else own).astype(np.float32), crop, own.astype(np.float32)
            )
        continued = self.shifts[region].apply(view.picture, (share > 0).astype(np.float32))
        inside = np.minimum(self.border, 1.0 - np.float32(mask == _GLASSES))
        weight = cv2.warpAffine(inside, view.to_crop, size, flags=flags | cv2.INTER_LINEAR)[..., None]
        front = continued + weight * (painted.astype(np.float32) - continued)
        behind = unmixed_foreground(whole, 1.0 - share, done.small)
        return np.rint(behind + share[..., None] * (front - behind)).clip(0, 255).astype(np.uint8)

    def _recoloured(
        self,
        view: PictureView,
        whole: np.ndarray,
        index: int,
        source_mask: np.ndarray,
        mask: np.ndarray,
        number: int,
        colour: RegionColour,
    ) -> np.ndarray:
        regions = region_indices(colour.region)
        done = PictureView(whole, view.to_crop, self.size)
        share = done.soft(self._extent(view, done, index, source_mask, mask, regions))
        if ("colour", number) not in self.shifts:
            if not (share > 0.5).any():
                return whole
            self.shifts["colour", number] = ColourShift.to_colour(whole, share, colour.colour)
        return self.shifts["colour", number].apply(whole, colour.strength * share)

    def _extent(
        self,
        view: PictureView,
        done: PictureView,
        index: int,
        source_mask: np.ndarray,
        mask: np.ndarray,
        regions: tuple[int, ...],
    ) -> np.ndarray:
        """Where regions of a talking mask lie in the whole picture, skin behind lenses too: `(h, w)`, float32.

        Args:
            view: the source's picture.
            done: the picture as it is now.
            index: of the source's frame.
            source_mask: its regions.
            mask: the talking mask.
            regions: wanted.
        """
        small_map = done.map(np.isin(mask, regions))
        if self.whole is not None and touches_border(source_mask, regions):
            outside = view.regions(source_mask) == NOT_SEEN
            small_map = np.where(outside, self.cuts.region(view, index, source_mask, regions), small_map)
        if _SKIN in regions and _GLASSES not in regions and (mask == _GLASSES).any():
            lenses = done.map(mask == _GLASSES)
            skin_like = likeness(view.small, view.map(source_mask == _SKIN), _LENS_DISTANCE)
            small_map = np.maximum(small_map, lenses * skin_like)
        return small_map

    def _before(
        self, picture: np.ndarray, whole: np.ndarray, index: int, mask: np.ndarray, behind: np.ndarray | None
    ) -> np.ndarray:
        """A frame before another backdrop, or with its surroundings transparent."""
        source_mask, to_crop = self.face.masks.read([index])[0], self._to_crop(index)
        view, done = (PictureView(image, to_crop, self.size) for image in (picture, whole))
        person = self.cuts.person(view, index, source_mask)
        moved = done.map((mask != BACKGROUND).astype(np.float32) - (source_mask != BACKGROUND))
        share = done.soft((person + moved).clip(0.0, 1.0))
        front = unmixed_foreground(whole, share, done.small)
        if behind is None:
            alpha = np.rint(share * 255.0)[..., None]
            return np.concatenate([np.rint(front), alpha], axis=2).astype(np.uint8)
        return np.rint(behind + share[..., None] * (front - behind)).astype(np.uint8)
