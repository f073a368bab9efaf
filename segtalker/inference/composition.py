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
SHOWN_SHARE = 5e-4  # of a crop: a few stray pixels are nothing that is seen or lends a texture
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


@dataclass(frozen=True)
class _PaintedFrame:
    """A frame in work, as the source and the networks give it.

    Args:
        view: the source's picture.
        index: its number.
        source_mask: regions of its crop, `(h, w)`, uint8.
        mask: regions as they are painted, likewise.
        crop: painted, RGB, `(h, w, 3)`, uint8.
    """

    view: PictureView
    index: int
    source_mask: np.ndarray
    mask: np.ndarray
    crop: np.ndarray

    def current(self, whole: np.ndarray) -> PictureView:
        """The picture as it is after some of the work, RGB, `(H, W, 3)`, uint8."""
        return PictureView(whole, self.view.to_crop, self.view.crop_size)


@dataclass(frozen=True)
class _SteadyMap:
    """Where something lies in a small picture.

    Args:
        time: which frame of the video it was found for.
        index: the source's frame shown there.
        share: `(h, w)`, float32 in [0, 1].
    """

    time: int
    index: int
    share: np.ndarray


@dataclass
class _Cuts:
    """Where a source's person and some of its regions lie in its whole pictures, found once and steadied.

    Args:
        places: see `Composer`.
        time: frames of the video begun so far.
        models: of the colours, by regions; of none for the person.
        kept: what was found, by regions and the source's frame.
        steady: the newest of each, steadied.
    """

    places: np.ndarray
    time: int = 0
    models: dict[tuple[int, ...], ColourModels] = field(default_factory=dict)
    kept: dict[tuple[tuple[int, ...], int], np.ndarray] = field(default_factory=dict)
    steady: dict[tuple[int, ...], _SteadyMap] = field(default_factory=dict)

    def person(self, frame: _PaintedFrame) -> np.ndarray:
        """How surely each pixel of the small picture is the person: `(h, w)`, float32 in [0, 1]."""
        place = self.places[frame.index]
        return self._steadied(frame, (), lambda models: cut_person(frame.view, frame.source_mask, place, models))

    def region(self, frame: _PaintedFrame, regions: tuple[int, ...]) -> np.ndarray:
        """Likewise of some regions that reach the border of the crop."""
        person = self.person(frame)
        return self._steadied(
            frame, regions, lambda models: cut_region(frame.view, frame.source_mask, regions, person, models)
        )

    def _steadied(
        self, frame: _PaintedFrame, regions: tuple[int, ...], cut: Callable[[ColourModels], np.ndarray]
    ) -> np.ndarray:
        last = self.steady.get(regions)
        if last is not None and last.time < self.time - 1:
            last = None  # a gap lies in between, in which all may have moved
        if last is not None and last.index == frame.index:
            share = last.share
        else:
            own = self._own(frame, regions, cut)
            share = own if last is None else last.share + _NEWEST * (own - last.share)
        self.steady[regions] = _SteadyMap(self.time, frame.index, share)
        return share

    def _own(
        self, frame: _PaintedFrame, regions: tuple[int, ...], cut: Callable[[ColourModels], np.ndarray]
    ) -> np.ndarray:
        """A frame's own cut, `(h, w)`, float32, 0 or 1."""
        if (regions, frame.index) not in self.kept:
            if len(self.kept) > _CUTS_KEPT:
                self.kept.clear()
            models = self.models.setdefault(regions, ColourModels.unlearnt())
            self.kept[regions, frame.index] = np.packbits(cut(models), axis=None)
        height, width = frame.view.small.shape[:2]
        bits = np.unpackbits(self.kept[regions, frame.index], count=height * width)
        return bits.reshape(height, width).astype(np.float32)


class Composer:
    """Puts painted crops and what edits name together.

    Args:
        face: the source's crops.
        places: see `segtalker.faces.mouth_box.face_transforms`, of its crops, `(T, 2, 3)`.
        area: what is painted, None for all of the face.
        layers: what is done to the pictures.
        whole: the source's whole pictures, None to show the crops alone.
        seen: which frames show a face, `(T,)`, bool; None for all. Others are left as they are, before their own wall.

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
        self.cuts.time += 1
        behind = None if backdrops is None else next(backdrops)
        if self.seen is not None and not self.seen[index]:
            return _opaque(picture) if backdrops is not None and behind is None else picture
        self.shown.update(np.flatnonzero(np.bincount(mask.ravel()) >= SHOWN_SHARE * mask.size).tolist())
        view = PictureView(picture, self._to_crop(index), self.size)
        frame = _PaintedFrame(view, index, self.face.masks.read([index])[0], mask, crop)
        whole = self._edited(frame)
        return whole if backdrops is None else self._before(frame, whole, behind)

    def _to_crop(self, index: int) -> np.ndarray:
        return square_transform(self.whole.squares[index], self.size) if self.whole else _CROP

    def _edited(self, frame: _PaintedFrame) -> np.ndarray:
        """One frame before its own surroundings."""
        whole = self._laid(frame)
        for region in self.layers.swapped:
            whole = self._swapped(frame, whole, region)
        for number, colour in enumerate(self.layers.colours):
            whole = self._recoloured(frame, whole, number, colour)
        return whole

    def _laid(self, frame: _PaintedFrame) -> np.ndarray:
        """The picture with what is painted over it."""
        crop, to_crop = frame.crop, frame.view.to_crop
        share = np.minimum(self._share(frame), self.border)
        if self.layers.reshaped:
            crop = without_old_borders(crop, frame.source_mask, frame.mask)
        if self.whole is None:
            return lay_over(frame.view.picture, crop, share)
        factor = min(_MOST_ENLARGED, int(np.ceil(1.0 / to_crop[0, 0]))) if self.finely else 1
        if factor > 1:
            crop, to_crop = enlarged_crop(crop, frame.mask, factor), enlarged_transform(to_crop, factor)
            share = cv2.resize(share, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
        return paste_back(frame.view.picture, crop, share, to_crop)

    def _share(self, frame: _PaintedFrame) -> np.ndarray:
        """How much of each pixel of the crop is painted, `(h, w)`, float32."""
        if self.area is not None:
            return self.area.share(frame.index, frame.source_mask, frame.mask)
        if self.whole is None:
            return np.ones(frame.mask.shape, np.float32)
        return soft_share((frame.mask != BACKGROUND) | (frame.source_mask != BACKGROUND))

    def _swapped(self, frame: _PaintedFrame, whole: np.ndarray, region: int) -> np.ndarray:
        """A picture with a swapped region over it, whose edge is the picture's own.

        In the crop it is as painted; where the region goes on outside, and in skin behind lenses, the source's own
        pixels have the colours it is painted in.
        """
        own = frame.mask == region
        if not own.any():
            return whole
        done, to_crop = frame.current(whole), frame.view.to_crop
        share = done.soft(self._extent(frame, done, (region,)))
        size = whole.shape[1::-1]
        flags = cv2.WARP_INVERSE_MAP
        colours = region_colours(frame.crop, frame.mask, (region,))
        painted = cv2.warpAffine(colours, to_crop, size, flags=flags | cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        if region not in self.shifts:
            source_crop = self.face.frames.read([frame.index])[0]
            known = frame.source_mask == region
            self.shifts[region] = ColourShift.between(
                source_crop, (known if known.any() else own).astype(np.float32), frame.crop, own.astype(np.float32)
            )
        continued = self.shifts[region].apply(frame.view.picture, (share > 0).astype(np.float32))
        inside = np.minimum(self.border, 1.0 - np.float32(frame.mask == _GLASSES))
        weight = cv2.warpAffine(inside, to_crop, size, flags=flags | cv2.INTER_LINEAR)[..., None]
        front = continued + weight * (painted.astype(np.float32) - continued)
        behind = unmixed_foreground(whole, 1.0 - share, done.small)
        return np.rint(behind + share[..., None] * (front - behind)).clip(0, 255).astype(np.uint8)

    def _recoloured(self, frame: _PaintedFrame, whole: np.ndarray, number: int, colour: RegionColour) -> np.ndarray:
        """A picture with a region in another colour."""
        done = frame.current(whole)
        share = done.soft(self._extent(frame, done, region_indices(colour.region)))
        if ("colour", number) not in self.shifts:
            if not (share > 0.5).any():
                return whole
            self.shifts["colour", number] = ColourShift.to_colour(whole, share, colour.colour)
        return self.shifts["colour", number].apply(whole, colour.strength * share)

    def _extent(self, frame: _PaintedFrame, done: PictureView, regions: tuple[int, ...]) -> np.ndarray:
        """Where regions of a talking mask lie in the whole picture, skin behind lenses too: `(h, w)`, float32.

        Args:
            frame: in work.
            done: the picture as it is now.
            regions: wanted.
        """
        view, mask = frame.view, frame.mask
        small_map = done.map(np.isin(mask, regions))
        if self.whole is not None and touches_border(frame.source_mask, regions):
            outside = view.regions(frame.source_mask) == NOT_SEEN
            small_map = np.where(outside, self.cuts.region(frame, regions), small_map)
        if _SKIN in regions and _GLASSES not in regions and (mask == _GLASSES).any():
            lenses = done.map(mask == _GLASSES)
            skin_like = likeness(view.small, view.map(frame.source_mask == _SKIN), _LENS_DISTANCE)
            small_map = np.maximum(small_map, lenses * skin_like)
        return small_map

    def _before(self, frame: _PaintedFrame, whole: np.ndarray, behind: np.ndarray | None) -> np.ndarray:
        """A frame before another backdrop, or with its surroundings transparent."""
        done = frame.current(whole)
        moved = done.map((frame.mask != BACKGROUND).astype(np.float32) - (frame.source_mask != BACKGROUND))
        share = done.soft((self.cuts.person(frame) + moved).clip(0.0, 1.0))
        front = unmixed_foreground(whole, share, done.small)
        if behind is None:
            alpha = np.rint(share * 255.0)[..., None]
            return np.concatenate([np.rint(front), alpha], axis=2).astype(np.uint8)
        return np.rint(behind + share[..., None] * (front - behind)).astype(np.uint8)


def _opaque(picture: np.ndarray) -> np.ndarray:
    """A picture of which nothing is transparent: `(H, W, 3)` to `(H, W, 4)`, uint8."""
    return np.pad(picture, ((0, 0), (0, 0), (0, 1)), constant_values=255)
