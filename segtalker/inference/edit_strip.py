"""Local editing shown on a few test clips: the same moments of a talking face, one edit a row."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segtalker.clips.image_pack import write_images
from segtalker.clips.store import Clip
from segtalker.faces.mouth_box import face_transforms
from segtalker.inference.backdrops import Backdrop, open_backdrop
from segtalker.inference.background import Background, SourceBackground
from segtalker.inference.composition import Composer, Layers
from segtalker.inference.editing import MaskChange, MaskEdit, swap_region
from segtalker.inference.identity import Identity
from segtalker.inference.talk_model import TalkingChunk, TalkModel
from segtalker.regions import REGION_INDEX
from segtalker.utils.atomic import atomic_folder, write_text

EDITS_FILE = "edits.json"
SWAPPED = ("hair", "lip", "eyebrows")
_MIN_SHARE = {"hair": 0.02, "lip": 0.002, "eyebrows": 0.002}  # of the image, for a region to lend its texture
_FRINGE_Y = -0.62  # face coordinates, see `segtalker.faces.mouth_box`: just above the brows


@dataclass(frozen=True)
class EditRow:
    """One row of the strip.

    Args:
        clip_id: of the talking face.
        edit: `original`, a region, `background` or `mask`.
        label: for people.
        frames: pack of the shown moments, `(T, H, W, 3)` RGB, relative to the folder of edits.
        reference: pack of one picture that the edit took from, relative likewise, or None.
        times_s: of the moments.
    """

    clip_id: str
    edit: str
    label: str
    frames: str
    reference: str | None
    times_s: tuple[float, ...]


def read_edits(folder: Path) -> list[EditRow]:
    """Reads what `write_edits` wrote into a folder; nothing where there is none."""
    path = folder / EDITS_FILE
    if not path.is_file():
        return []
    return [EditRow(**row | {"times_s": tuple(row["times_s"])}) for row in json.loads(path.read_text(encoding="utf-8"))]


@dataclass(frozen=True)
class _Sitter:
    """A person who lends a region."""

    clip: Clip
    identity: Identity
    colours: dict[str, np.ndarray]

    @classmethod
    def of(cls, talk_model: TalkModel, clip: Clip) -> "_Sitter":
        identity = talk_model.identify(clip)
        frame = clip.frames.read([identity.index])[0]
        colours = {
            region: frame[identity.mask == REGION_INDEX[region]].mean(axis=0)
            for region in SWAPPED
            if (identity.mask == REGION_INDEX[region]).mean() >= _MIN_SHARE[region]
        }
        return cls(clip, identity, colours)

    def most_different(self, others: Sequence["_Sitter"], region: str) -> "_Sitter | None":
        """Who of another subject has this region in the most different colour."""
        lenders = [other for other in others if region in other.colours and other.clip.subject != self.clip.subject]
        if region not in self.colours or not lenders:
            return None
        return max(lenders, key=lambda other: float(np.linalg.norm(other.colours[region] - self.colours[region])))


def draw_fringe(mask: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Turns the forehead into hair, as one would paint it: `(H, W)` regions with `(68, 2)` landmarks in pixels."""
    rows, columns = np.mgrid[: mask.shape[0], : mask.shape[1]]
    place = face_transforms(landmarks[None], smooth_frames=1)[0]
    to_face = np.linalg.inv(np.vstack([place, [0.0, 0.0, 1.0]]))
    y = to_face[1, 0] * columns + to_face[1, 1] * rows + to_face[1, 2]
    return np.where((mask == REGION_INDEX["skin"]) & (y < _FRINGE_Y), np.uint8(REGION_INDEX["hair"]), mask)


class _Strip:
    """Paints some moments of one clip again and again."""

    def __init__(self, talk_model: TalkModel, sitter: _Sitter, frames: int) -> None:
        self.talk_model, self.clip, self.identity = talk_model, sitter.clip, sitter.identity
        total = len(self.clip.frames)
        self.moments = np.unique(np.linspace(0, total - 1, min(frames, total)).round().astype(int))
        self.talking = self._talking(None)

    def _talking(self, edit: MaskChange | None) -> tuple[np.ndarray, Tensor]:
        """Masks of the moments and their regions' frames."""
        timeline = self.talk_model.trained_timeline(self.clip, len(self.clip.frames))
        heard = self.talk_model.hears(self.clip.mel, lambda: self.clip.audio)
        chunks = self.talk_model.talking_layouts(self.clip, self.identity, heard, timeline, edit)
        _, masks, region_frames = zip(*chunks, strict=True)
        return np.concatenate(masks)[self.moments], torch.cat(region_frames)[self.moments]

    def paint(
        self, identity: Identity, background: Background, edit: MaskChange | None, backdrop: Backdrop | None = None
    ) -> Iterator[np.ndarray]:
        """The moments, all of the face painted, as `segtalker talk` composes a crop."""
        masks, region_frames = self.talking if edit is None else self._talking(edit)
        crops = self.talk_model.render(self.clip, self.moments, masks, region_frames, identity, background)
        clock = self.talk_model.settings.clock
        places = face_transforms(np.asarray(self.clip.landmarks), clock.smooth_frames)
        layers = Layers(backdrop=backdrop, reshaped=edit is not None)
        composer = Composer(self.clip, places, None, layers, whole=None)
        return composer.frames(iter([TalkingChunk(self.moments, masks, crops)]), len(masks), clock.fps)


def _rows(
    strip: _Strip, sitter: _Sitter, others: Sequence[_Sitter], background: str
) -> Iterator[tuple[str, str, Clip | None, int, Iterator[np.ndarray]]]:
    """Edit, label, the lender's clip and frame, and the painted moments."""
    own, source = sitter.identity, SourceBackground()
    yield "original", "as is", None, 0, strip.paint(own, source, None)
    for region in SWAPPED:
        lender = sitter.most_different(others, region)
        if lender is not None:
            identity = replace(own, codes=swap_region(own.codes, lender.identity.codes, REGION_INDEX[region]))
            yield region, f"{region} swapped", lender.clip, lender.identity.index, strip.paint(identity, source, None)
    yield "background", "background replaced", None, 0, strip.paint(own, source, None, open_backdrop(background))
    fringe = MaskEdit.between(own.mask, draw_fringe(own.mask, own.landmarks), own.landmarks)
    yield "mask", "mask edited: a fringe", None, 0, strip.paint(own, source, MaskChange(fringe))


def _write_strip(
    folder: Path, strip: _Strip, sitter: _Sitter, others: Sequence[_Sitter], background: str
) -> list[dict[str, Any]]:
    fps, clip_id = strip.talk_model.settings.clock.fps, sitter.clip.clip_id
    rows = []
    for edit, label, lender, index, frames in _rows(strip, sitter, others, background):
        name = f"{clip_id}/{edit}"
        write_images(folder / f"{name}.zip", frames, ".jpg")
        if lender is not None:
            write_images(folder / f"{name}_reference.zip", iter(lender.frames.read([index])), ".jpg")
        row = EditRow(
            clip_id=clip_id,
            edit=edit,
            label=label,
            frames=f"{name}.zip",
            reference=None if lender is None else f"{name}_reference.zip",
            times_s=tuple(round(int(moment) / fps, 4) for moment in strip.moments),
        )
        rows.append(asdict(row))
    return rows


def write_edits(
    talk_model: TalkModel,
    clips: Sequence[Clip],
    strip_clips: Sequence[Clip],
    folder: Path,
    frames: int,
    background: str,
) -> None:
    """Makes the edit strips.

    Args:
        talk_model: the trained networks.
        clips: whose regions may be lent, one or more of each subject.
        strip_clips: the talking faces, some of `clips`.
        folder: replaced as a whole.
        frames: moments of each.
        background: `#rrggbb`.
    """
    sitters = {clip.clip_id: _Sitter.of(talk_model, clip) for clip in clips}
    with atomic_folder(folder) as temporary:
        rows = []
        for clip in strip_clips:
            sitter = sitters[clip.clip_id]
            strip = _Strip(talk_model, sitter, frames)
            rows += _write_strip(temporary, strip, sitter, list(sitters.values()), background)
        write_text(temporary / EDITS_FILE, json.dumps(rows, indent=1))
