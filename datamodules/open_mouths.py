"""People whose mouth is open and shows its teeth: what an encoder lends to faces whose mouth is shut."""

import numpy as np

from datamodules.labelled_images import LabelledImages
from datamodules.reference_pairs import widest_mouth
from segtalker.regions import MOUTH, REGION_INDEX

_LUMA = np.array([0.299, 0.587, 0.114])
_BRIGHT = 0.75  # teeth: of the skin's luma, and how far their colours may be from grey
_GREY = 0.35
_TALLEST = 0.25  # height of a mouth, of the face's; more is a shout, which shows gums
_MAX_TURN = 0.25  # of the nose from the middle of the skin, in standard deviations: the face looks ahead
_LEAST_PIXELS = 32
_LOOKS = 100  # at most into a clip, spread over it
_UNLIKE = 6.0  # grey levels between two skins; a lender is chosen by skin, and clips of one person have one
_SKIN, _NOSE = REGION_INDEX["skin"], REGION_INDEX["nose"]


def shown_teeth(image: np.ndarray, labels: np.ndarray) -> float:
    """How well a picture shows the inside of a mouth: how high it is and how much of it is teeth.

    Args:
        image: RGB, `(H, W, 3)`, uint8.
        labels: its regions, `(H, W)`, uint8.

    Returns:
        0 where the mouth is shut, shows no teeth or is wide open in a shout, or the face is turned; else more.
    """
    mouth, skin, nose = labels == MOUTH, labels == _SKIN, labels == _NOSE
    if min(mouth.sum(), skin.sum(), nose.sum()) < _LEAST_PIXELS:
        return 0.0
    columns = np.nonzero(skin)[1]
    if abs(np.nonzero(nose)[1].mean() - columns.mean()) > _MAX_TURN * columns.std():
        return 0.0
    rows = np.nonzero(mouth)[0]
    height = np.ptp(rows) / np.ptp(np.nonzero(skin)[0])
    if height > _TALLEST:
        return 0.0
    mouth[round(rows.mean()) + 1 :] = False  # the upper row of teeth is what speech shows
    colours, skin_luma = image[mouth].astype(np.float64), (image[skin] @ _LUMA).mean()
    brightest = colours.max(axis=1)
    grey = brightest - colours.min(axis=1) < _GREY * brightest
    return float(height * ((colours @ _LUMA > _BRIGHT * skin_luma) & grey).mean())


def open_mouths(images: LabelledImages, most: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The pictures that show their mouths best, see `shown_teeth`, of people whose skins differ.

    Args:
        images: frames of clips, photographs; of each group the one whose mouth is open widest counts.
        most: how many at most.

    Returns:
        RGB and regions of each, the best first; fewer where fewer show any teeth.
    """
    scores = []
    for group in range(len(images) if most else 0):
        count = images.images_in(group)
        index = widest_mouth(images, group, np.unique(np.linspace(0, count - 1, min(count, _LOOKS)).astype(int)))
        scores.append((-shown_teeth(*images.read(group, index)), group, index))
    pictures: list[tuple[np.ndarray, np.ndarray]] = []
    skins: list[np.ndarray] = []
    for score, group, index in sorted(scores):
        if score == 0 or len(pictures) == most:
            break
        image, labels = images.read(group, index)
        skin = image[labels == _SKIN].mean(axis=0)
        if all(np.linalg.norm(skin - other) > _UNLIKE for other in skins):
            pictures.append((image, labels))
            skins.append(skin)
    return pictures
