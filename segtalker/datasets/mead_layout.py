"""How MEAD's recordings are named, and who of its actors is held out.

MEAD (Wang et al., ECCV 2020) has a folder an actor, `M003/video/front/angry/level_1/001.mp4`, and the sound alone in
`M003/audio/angry/level_1/001.m4a`: one microphone, seven views. Others who use it name a recording in one word,
`M003_front_angry_level_1_001`, `M003_angry_1_001` or `M003#angry#level_1#001`; where no view is named it is the front.
The number counts the sentences of one emotion and level; it is no name of a sentence across them.
"""

import re
from typing import NamedTuple

PAGE = "https://wywu.github.io/projects/MEAD/MEAD.html"
VIEWS = ("front", "left_30", "left_60", "right_30", "right_60", "top", "down")
EMOTIONS = ("angry", "contempt", "disgusted", "fear", "happy", "neutral", "sad", "surprised")
LEVELS = (1, 2, 3)
DEFAULT_VIEW = "front"

# those published studies hold out, and the actors of their training lists, of which the three whose names have the
# smallest hash (see `segtalker.clips.splits`) validate
TEST_ACTORS = ("M003", "M030", "W009", "W015")
VAL_ACTORS = ("M019", "W024", "W037")
TRAIN_ACTORS = (
    "M005", "M007", "M009", "M011", "M012", "M013", "M022", "M023", "M024", "M025", "M026", "M027", "M028", "M029",
    "M031", "M032", "M033", "M034", "M035", "M037", "M039", "M040", "W011", "W014", "W016", "W018", "W023", "W025",
    "W026", "W028", "W029", "W033", "W035", "W036", "W038", "W040",
)  # fmt: skip

_ACTOR = r"(?P<actor>[MW]\d{3})"
_VIEW = rf"(?P<view>{'|'.join(VIEWS)})"
_EMOTION = rf"(?P<emotion>{'|'.join(EMOTIONS)})"
_NESTED_END = rf"{_EMOTION}/level_(?P<level>[123])/(?P<number>\d{{3}})"
_NESTED = re.compile(rf"(?:.*/)?{_ACTOR}/(?:.*/)?{_VIEW}/{_NESTED_END}")
_NESTED_SOUND = re.compile(rf"(?:.*/)?{_ACTOR}/(?:.*/)?{_NESTED_END}")
_FLAT = re.compile(
    rf"(?:.*/)?{_ACTOR}[_#](?:{_VIEW}[_#])?{_EMOTION}[_#](?:level_)?(?P<level>[123])[_#](?P<number>\d{{3}})"
)
_ANY_ACTOR = re.compile(rf"(?:^|/){_ACTOR}(?=[/._#]|$)")


class MeadName(NamedTuple):
    """Which recording it is.

    Args:
        actor: such as `M003` or `W009`.
        view: one of `VIEWS`.
        emotion: one of `EMOTIONS`.
        level: its strength, 1 to 3; of `neutral` there is only 1.
        number: of the sentence in this emotion and level, from 1.
    """

    actor: str
    view: str
    emotion: str
    level: int
    number: int

    @property
    def clip_id(self) -> str:
        """Such as `M003_front_angry_1_001`."""
        return f"{self.actor}_{self.view}_{self.emotion}_{self.level}_{self.number:03d}"

    @property
    def sound(self) -> tuple[str, str, int, int]:
        """What the recordings of all views share: the sound."""
        return self.actor, self.emotion, self.level, self.number


def parse_video(path: str) -> MeadName | None:
    """What a video is by its path; None where that does not say.

    Args:
        path: without suffix, with forward slashes; folders above the actor's do not matter.
    """
    return _name(_NESTED.fullmatch(path) or _FLAT.fullmatch(path))


def parse_sound(path: str) -> MeadName | None:
    """The same of a sound file, whose path names no view; the front stands for all."""
    return _name(_NESTED_SOUND.fullmatch(path) or _FLAT.fullmatch(path))


def actor_in(path: str) -> str | None:
    """The actor whose folder, archive or recording a path is; None where it names none."""
    actor_matches = list(_ANY_ACTOR.finditer(path))
    return actor_matches[-1]["actor"] if actor_matches else None


def published_split(actor: str) -> str:
    """`test`, `val` or `train`; an actor of whom the published lists say nothing trains."""
    return "test" if actor in TEST_ACTORS else "val" if actor in VAL_ACTORS else "train"


def _name(name_match: re.Match[str] | None) -> MeadName | None:
    if name_match is None:
        return None
    parts = name_match.groupdict()
    view = parts.get("view") or DEFAULT_VIEW
    return MeadName(parts["actor"], view, parts["emotion"], int(parts["level"]), int(parts["number"]))
