"""Who stands in the tables: each method's role, name and colour, the same in every table, figure and page."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["reference", "system", "oracle", "control", "floor"]
_ROLE_ORDER: tuple[Role, ...] = ("reference", "system", "oracle", "control", "floor")


@dataclass(frozen=True)
class Method:
    """One row of the tables.

    Args:
        name: as written by `generate` and `evaluate`.
        label: for people.
        role: a reference is real video, an oracle is given what a system has to predict, and a control shows
            what a metric says of a method known to be wrong. A floor is no row like the others: the truth held
            against itself.
        note: one sentence.
        short: a few words.
        colour: `#rrggbb`, legible on light and dark paper.
    """

    name: str
    label: str
    role: Role
    note: str
    short: str
    colour: str


_KNOWN = (
    Method("ground_truth", "Ground truth", "reference", "The real video, measured like every other row.",
           "the recording", "#8a93a3"),
    Method("segtalker", "SegTalker", "system", "Talking masks from speech, painted in the speaker's style.",
           "painted through the talking mask", "#e0526c"),
    Method("segtalker_pasted", "SegTalker, pasted", "system",
           "SegTalker's mouth in the clip's own frames, as the baseline leaves them.",
           "its mouth in the true frame", "#c2448f"),
    Method("wav2lip", "Wav2Lip", "system",
           "A baseline: the lower face painted straight from speech, trained on the same clips.",
           "lower face painted from speech", "#9b6fd3"),
    Method("sgi_oracle_mask", "Oracle masks", "oracle", "Painted through the true masks: what painting alone loses.",
           "painted through the true mask", "#3f8fd6"),
    Method("shuffled_audio", "Shuffled audio", "control", "SegTalker driven by the speech of another clip.",
           "moved by another clip's speech", "#d99a1c"),
    Method("silent_audio", "Silence", "control", "SegTalker driven by silence: what still moves in time was not heard.",
           "moved by nothing", "#b0825a"),
    Method("static", "Static", "control", "The first frame, repeated: no motion at all.",
           "the first frame, repeated", "#2fa38b"),
    Method("truth_halves", "Truth, other people", "floor",
           "The recordings of one half of the people against those of the other.", "other people", "#8a93a3"),
    Method("truth_moments", "Truth, other moments", "floor",
           "The first half of every recording against its second.", "other moments", "#8a93a3"),
)  # fmt: skip
GROUND_TRUTH, *_, HALVES, MOMENTS = _KNOWN
BASELINE = "wav2lip"  # whom the systems are held against
_BY_NAME = {method.name: method for method in _KNOWN}
_SPARE_COLOURS = ("#6d8f2a", "#c0632b", "#4d78a8", "#8a5a44")


def known_names() -> set[str]:
    """Methods of this project."""
    return set(_BY_NAME)


def order_methods(names: set[str]) -> list[Method]:
    """The methods of an experiment: reference, systems, oracles, controls, floor; one not known here is a system."""
    others = sorted(names - set(_BY_NAME))
    spare = [
        Method(name, name.replace("_", " "), "system", "", "", _SPARE_COLOURS[index % len(_SPARE_COLOURS)])
        for index, name in enumerate(others)
    ]
    known_methods = [method for method in _KNOWN if method.name in names]
    return sorted([*known_methods, *spare], key=lambda method: _ROLE_ORDER.index(method.role))
