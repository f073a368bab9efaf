"""How a face is let speak: what a person may choose beside the files."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from segtalker.inference.talk_inputs import FaceChoice
from segtalker.inference.timeline import Loop
from segtalker.provenance.credentials import SigningKey

Repaint = Literal["lips", "mouth", "face"]
Report = Callable[[str, float], None]
"""Hears what is being done: the phase in words, and the share of that phase that is done, in [0, 1].

What it raises ends the work; nothing half-written is left.
"""


def quiet(_phase: str, _share: float) -> None:
    """A `Report` that says nothing."""


@dataclass(frozen=True)
class TalkOptions:
    """What may be chosen of a talking video.

    Args:
        repaint: what the networks paint: `lips` and the skin close to them, or the `mouth` area with chin and jaw,
            both with what edits name, every other pixel being the portrait's own; or `face`, all of the face.
        crop_only: write the face's square alone, else the whole picture with the face put back.
        loop: what follows where speech goes on after the video has ended, see
            `segtalker.inference.timeline.source_order`.
        from_s: where the part of a video that is used begins, s; None for its start.
        to_s: where it ends, s; None for its end.
        head: `source` moves as the video does; `still` holds its first picture.
        face: which of several is made to speak: the `largest`, the one whose mouth is `talking`, or one by its number
            from the left, from 1; None for the one the detector comes upon.
        watermark: whether the invisible watermark is laid over the frames, which changes every pixel by at most
            `segtalker.provenance.watermark.MAX_CHANGE`.
        signing_key: what content credentials are signed with; None writes none.
    """

    repaint: Repaint = "mouth"
    crop_only: bool = False
    loop: Loop = "pingpong"
    from_s: float | None = None
    to_s: float | None = None
    head: Literal["source", "still"] = "source"
    face: FaceChoice | None = None
    watermark: bool = True
    signing_key: SigningKey | None = None


PLAIN: TalkOptions = TalkOptions()
