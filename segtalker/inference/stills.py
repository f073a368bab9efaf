"""One picture with local edits, in which nobody speaks."""

from pathlib import Path

import numpy as np

from segtalker.faces.mouth_box import face_transforms
from segtalker.inference.background import SourceBackground
from segtalker.inference.composition import Composer
from segtalker.inference.pasting import EditedArea
from segtalker.inference.portrait import Portrait
from segtalker.inference.prepared_edits import PreparedEdits
from segtalker.inference.talk_model import TalkModel
from segtalker.media.images import write_png
from segtalker.provenance.disclosure import Disclosure
from segtalker.utils.atomic import atomic_file


def edited_still(
    talk_model: TalkModel, face: Portrait, prepared: PreparedEdits, crop_only: bool = False
) -> tuple[np.ndarray, set[int]]:
    """The frame that says who a portrait shows, with edits; all that they do not name is its own.

    Args:
        talk_model: the trained networks.
        face: the portrait.
        prepared: the edits, made ready for it.
        crop_only: the face's square alone, else the whole picture.

    Returns:
        RGB, `(H, W, 3)`, uint8, or with an alpha channel, `(H, W, 4)`, and the regions that are seen in it.
    """
    number = np.flatnonzero(face.seen)[[prepared.identity.index]]
    landmarks, masks = np.asarray(face.landmarks)[number], face.masks.read(number.tolist())
    if prepared.mask_change is not None:
        masks = prepared.mask_change.on_still(masks, landmarks)
    region_frames, behind = talk_model.steady_frames(masks), SourceBackground()
    crop = next(talk_model.render(face, number, masks, region_frames, prepared.identity, behind))
    places = np.zeros((len(face.seen), 2, 3))
    places[number] = face_transforms(landmarks, smooth_frames=1)
    area, layers = EditedArea([], prepared.layers.reshaped), prepared.layers
    composer = Composer(face, places, area, layers, None if crop_only else face)
    picture = face.frames.read(number.tolist())[0] if crop_only else next(face.pictures.walk(number))
    height, width = picture.shape[:2]
    backdrops = None if layers.backdrop is None else layers.backdrop.pictures(height, width, face.pictures.rate)
    return composer.frame(picture, int(number[0]), masks[0], crop, backdrops), composer.shown


def write_still(out: Path, picture: np.ndarray, disclosure: Disclosure) -> None:
    """Writes a picture that says that it is generated.

    Args:
        out: the `.png`, whole or not at all.
        picture: RGB or RGBA, uint8.
        disclosure: how.
    """
    with atomic_file(out) as whole:
        write_png(whole, disclosure.still(picture), disclosure.origin.png_tags)
        disclosure.finish(whole)
