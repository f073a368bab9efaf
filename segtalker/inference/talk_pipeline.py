"""Files in, a talking video out: what `segtalker talk` does."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from segtalker.clips.worker_pools import usable_cores
from segtalker.config.params import Params
from segtalker.faces.crop_squares import square_transform
from segtalker.faces.mouth_box import face_transforms
from segtalker.faces.parsing import choose_parser, load_parser
from segtalker.faces.paste_back import border_share, paste_back, soft_share
from segtalker.inference.background import Background, SourceBackground, read_background
from segtalker.inference.editing import MaskEdit, swap_region
from segtalker.inference.identity import Identity
from segtalker.inference.pasting import PaintedArea, lay_over
from segtalker.inference.portrait import DetectorName, Portrait, PortraitReader, read_portrait
from segtalker.inference.talk_inputs import check_writable, read_mask, read_speech, region_index, save_mask
from segtalker.inference.talker import IDENTITY_FRAMES, Talker, TalkingChunk, TalkSettings, frames_of_speech
from segtalker.media.mel import speech_mel
from segtalker.media.video import write_video
from segtalker.regions import BACKGROUND
from segtalker.utils.progress import progress

Repaint = Literal["lips", "mouth", "face"]
_PX_PER_THREAD = 128  # of the crop's side; with less to do, threads wait for each other
_MASK_SIDE = 512  # px, about as large as an edited mask is comfortable to paint


@dataclass(frozen=True)
class Edits:
    """Local edits of a portrait.

    Args:
        swaps: region names with the portrait that lends each.
        mask: an edited mask, or None.
        background: `#rrggbb` or an image file, or None for the portrait's own.
    """

    swaps: Sequence[tuple[str, Path]]
    mask: Path | None
    background: str | None


@dataclass(frozen=True)
class TalkingVideo:
    """What was written.

    Args:
        frames: how many.
        seconds: how long.
        width: px.
        height: px.
        crop_reason: why the face's square is shown alone although the whole picture was asked for, or empty.
    """

    frames: int
    seconds: float
    width: int
    height: int
    crop_reason: str


class TalkPipeline:
    """An experiment's networks with everything to read portraits and speech for them.

    Args:
        params: of the experiment.
        models: `models/<experiment>`.
        detector: finds faces; None for the one the experiment was cropped with, or its parser where that used
            annotations.
        weights: of the detector; None for the experiment's.

    Raises:
        MissingWeightsError: a network is not trained yet, or the detector's weights are not there.
    """

    def __init__(self, params: Params, models: Path, detector: DetectorName | None, weights: str | None) -> None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.params = params
        self.settings = TalkSettings.of(params)
        self.talker = Talker.load(models, self.settings, torch.device(device))
        used = params.crop.detector
        self.reader = PortraitReader(
            crop=params.crop,
            image_size=params.base.image_size,
            fps=params.base.fps,
            parser=load_parser(choose_parser(params.parse, models)),
            detector=detector or ("parser" if used == "annotations" else used),
            weights=params.crop.weights if weights is None else weights,
        )
        torch.set_num_threads(min(usable_cores(), max(1, params.base.image_size // _PX_PER_THREAD)))

    def save_mask(self, portrait: Path, out: Path) -> None:
        """Writes the mask of a portrait's reference frame, to be edited."""
        check_writable(out, ".png")
        with tempfile.TemporaryDirectory() as folder:
            face = read_portrait(self.reader, portrait, IDENTITY_FRAMES, Path(folder))
            save_mask(out, self.talker.identify(face).mask, max(1, _MASK_SIDE // self.settings.image_size))

    def __call__(
        self, portrait: Path, audio: Path, out: Path, edits: Edits, *, crop_only: bool, repaint: Repaint
    ) -> TalkingVideo:
        """Lets a portrait say what is heard.

        Args:
            portrait: image or video.
            audio: sound, or video with sound.
            out: the `.mp4` to write, with the sound; whole or not at all.
            edits: local edits.
            crop_only: write the face's square alone, else the whole picture with the face put back.
            repaint: what the networks paint: `lips` and the skin close to them, or the `mouth` area with chin and jaw,
                both with what edits name, every other pixel being the portrait's own; or `face`, all of the face.

        Raises:
            BadInputError: a file cannot be used or written.
        """
        check_writable(out, ".mp4")
        samples, mel = self._read_speech(audio)
        count = frames_of_speech(len(samples), self.settings.clock)
        background = self._background(edits.background)
        with tempfile.TemporaryDirectory() as folder:
            face = read_portrait(self.reader, portrait, max(count, IDENTITY_FRAMES), Path(folder))
            own = self.talker.identify(face)
            edit = self._mask_edit(edits.mask, own)
            chunks = self.talker.talk(face, self._swapped(own, edits.swaps), mel, count, background, edit)
            crop_reason = "" if crop_only else _reaches_out(own.mask, edits, edit)
            area = self._painted_area(face, edits, edit, repaint) if repaint != "face" else None
            frames = _crops(face, chunks, area) if crop_only or crop_reason else _pasted(face, chunks, count, area)
            height, width = self._write(out, frames, count, samples)
        return TalkingVideo(count, count / self.settings.clock.fps, width, height, crop_reason)

    def _painted_area(self, face: Portrait, edits: Edits, edit: MaskEdit | None, repaint: Repaint) -> PaintedArea:
        regions = [region_index(region) for region, _ in edits.swaps]
        return PaintedArea(
            places=face_transforms(np.asarray(face.landmarks), self.settings.clock.smooth_frames),
            fade=self.params.generate.mouth_fade,
            regions=[*regions, *([BACKGROUND] if edits.background is not None else [])],
            reshaped=edit is not None,
            lip_reach=self.params.generate.lip_reach if repaint == "lips" else None,
        )

    def _background(self, background: str | None) -> Background:
        return SourceBackground() if background is None else read_background(background, self.settings.image_size)

    def _write(self, out: Path, frames: Iterator[np.ndarray], count: int, samples: np.ndarray) -> tuple[int, int]:
        """Writes the video; returns its height and width."""
        first = next(frames)
        height, width = (side - side % 2 for side in first.shape[:2])  # H.264 needs even sides
        even = (frame[:height, :width] for frame in progress(chain([first], frames), count, out.name, "frame"))
        clock = self.settings.clock
        write_video(out, even, clock.fps, samples, clock.sample_rate_hz, self.params.generate.crf)
        return height, width

    def _read_speech(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        """Samples and what the segmenter hears of them, see `Talker.hears`."""
        samples = read_speech(path, self.params.base.sample_rate_hz)
        return samples, self.talker.hears(speech_mel(samples, self.params), lambda: samples)

    def _mask_edit(self, path: Path | None, own: Identity) -> MaskEdit | None:
        if path is None:
            return None
        return MaskEdit.between(own.mask, read_mask(path, self.settings.image_size), own.landmarks)

    def _swapped(self, own: Identity, swaps: Sequence[tuple[str, Path]]) -> Identity:
        """The identity with regions of others; each reference is looked at like a portrait."""
        for region, path in swaps:
            with tempfile.TemporaryDirectory() as folder:
                lender = self.talker.identify(read_portrait(self.reader, path, IDENTITY_FRAMES, Path(folder)))
            own = replace(own, codes=swap_region(own.codes, lender.codes, region))
        return own


def _reaches_out(mask: np.ndarray, edits: Edits, edit: MaskEdit | None) -> str:
    """Why edits cannot be put back into the whole picture: what they change goes on outside the square.

    Args:
        mask: of the reference frame, `(H, W)`, uint8.
        edits: as asked for.
        edit: the change of the mask.
    """
    if edits.background is not None:
        return "what is background is known only there"
    border = np.ones(mask.shape, bool)
    border[1:-1, 1:-1] = False
    cut = [region for region, _ in edits.swaps if (mask[border] == region_index(region)).any()]
    if cut:
        return f"{' and '.join(cut)} goes on outside"
    return "the mask was edited at its border" if edit is not None and edit.changed[border].any() else ""


def _crops(face: Portrait, chunks: Iterator[TalkingChunk], area: PaintedArea | None) -> Iterator[np.ndarray]:
    """The face's square: painted inside an area, or all of it."""
    for chunk in chunks:
        for index, mask, crop in zip(chunk.source, chunk.masks, chunk.frames, strict=True):
            if area is None:
                yield crop
            else:
                share = area.share(int(index), face.masks.read([int(index)])[0], mask)
                yield lay_over(face.frames.read([int(index)])[0], crop, share)


def _pasted(
    face: Portrait, chunks: Iterator[TalkingChunk], count: int, area: PaintedArea | None
) -> Iterator[np.ndarray]:
    """Whole pictures, painted inside an area; or all that is or was face, with a soft edge around it."""
    pictures, size = face.walk(count), len(face.masks.read([0])[0])
    border = border_share(size, size)
    for chunk in chunks:
        for index, mask, crop in zip(chunk.source, chunk.masks, chunk.frames, strict=True):
            before = face.masks.read([int(index)])[0]
            if area is None:
                share = soft_share((mask != BACKGROUND) | (before != BACKGROUND))
            else:
                share = area.share(int(index), before, mask)
            transform = square_transform(face.squares[index], size)
            yield paste_back(next(pictures), crop, np.minimum(share, border), transform)
