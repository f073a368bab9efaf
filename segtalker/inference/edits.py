"""Local edits as a person asks for them: in words on a command line, or as values in Python.

Nothing here needs torch, so that a typing error is answered in a second.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, get_args

from segtalker.inference.backdrops import open_backdrop
from segtalker.inference.talk_inputs import open_portrait, read_mask, region_index
from segtalker.regions import REGION_INDEX
from segtalker.utils.errors import BadInputError

Operation = Literal["grow", "shrink", "shift", "scale", "smooth"]
GROUPS = {"face": ("skin", "nose", "ears", "neck"), "mouth_all": ("lip", "mouth")}
_MAX_PERCENT = 50.0  # of the face's width
_SCALES = (0.2, 5.0)
_SHAPE = "REGION:OPERATION=AMOUNT, for example hair:grow=6, mouth_all:shift=0,2 or eyebrows:scale=1.2"
_COLOUR = "REGION=#rrggbb[:STRENGTH], for example lip=#a02030:0.5"


@dataclass(frozen=True)
class Swap:
    """The texture of a region, or of a group of them, from somebody else.

    Args:
        region: its name, or that of a group, see `GROUPS`.
        path: image or video of who lends it.
        strength: 0 for the portrait's own, 1 for the reference's.
    """

    region: str
    path: Path
    strength: float = 1.0

    def __str__(self) -> str:
        """As on a command line."""
        return f"--swap {self.region}={self.path}{_strength_text(self.strength)}"


@dataclass(frozen=True)
class ShapeEdit:
    """A region of another shape.

    Args:
        region: its name, or that of a group.
        operation: what is done to it.
        amounts: percent of the face's width, see `segtalker.inference.shapes`: how far it grows, shrinks or is rounded
            (one), or shifts right and down (two); of `scale` factors, one for both axes or one each.
    """

    region: str
    operation: Operation
    amounts: tuple[float, ...]

    def __str__(self) -> str:
        """As on a command line."""
        return f"--shape {self.region}:{self.operation}={','.join(f'{amount:g}' for amount in self.amounts)}"


@dataclass(frozen=True)
class RegionColour:
    """A region in another colour, with its own shading and texture.

    Args:
        region: its name, or that of a group.
        colour: RGB, 0-255.
        strength: 0 for its own colour, 1 for that one.
    """

    region: str
    colour: tuple[int, int, int]
    strength: float = 1.0

    def __str__(self) -> str:
        """As on a command line."""
        return f"--colour {self.region}=#{bytes(self.colour).hex()}{_strength_text(self.strength)}"


def _strength_text(strength: float) -> str:
    return "" if strength == 1.0 else f":{strength:g}"


@dataclass(frozen=True, kw_only=True)
class Edits:
    """Local edits of a portrait; of one region the later one of a kind is done on top of the earlier.

    Args:
        swaps: textures from others.
        shapes: regions reshaped, in this order.
        colours: regions recoloured, in this order.
        mask: an edited mask, or None.
        background: `#rrggbb`, `transparent`, an image or a video file, or None for the portrait's own.
    """

    swaps: Sequence[Swap] = ()
    shapes: Sequence[ShapeEdit] = ()
    colours: Sequence[RegionColour] = ()
    mask: Path | None = None
    background: str | None = None


@dataclass(frozen=True)
class EditTexts:
    """Edits as they stand on a command line; nothing is read yet.

    Args:
        swaps: `REGION=FILE[:STRENGTH]`.
        shapes: `REGION:OPERATION=AMOUNT`.
        colours: `REGION=#rrggbb[:STRENGTH]`.
        mask: an edited mask.
        background: `#rrggbb`, `transparent`, an image or a video file.
    """

    swaps: Sequence[str] = ()
    shapes: Sequence[str] = ()
    colours: Sequence[str] = ()
    mask: Path | None = None
    background: str | None = None

    def parse(self) -> Edits:
        """What they mean.

        Raises:
            BadInputError: one means nothing.
        """
        return Edits(
            swaps=[parse_swap(text) for text in self.swaps],
            shapes=[parse_shape(text) for text in self.shapes],
            colours=[parse_colour(text) for text in self.colours],
            mask=self.mask,
            background=self.background,
        )

    def checks(self, image_size: int) -> list[Callable[[], object]]:
        """One for each edit, see `segtalker.utils.errors.check_all`.

        Args:
            image_size: px, side of the networks' crops.
        """
        checks: list[Callable[[], object]] = [partial(_check_swap, text) for text in self.swaps]
        checks += [partial(parse_shape, text) for text in self.shapes]
        checks += [partial(parse_colour, text) for text in self.colours]
        if self.mask is not None:
            checks.append(partial(read_mask, self.mask, image_size))
        if self.background is not None:
            checks.append(partial(open_backdrop, self.background))
        return checks


def _check_swap(text: str) -> None:
    open_portrait(parse_swap(text).path, "pyav")


def region_indices(name: str) -> tuple[int, ...]:
    """The regions of a name or of a group's name.

    Raises:
        BadInputError: there is none of that name.
    """
    if name in GROUPS:
        return tuple(REGION_INDEX[region] for region in GROUPS[name])
    try:
        return (region_index(name),)
    except BadInputError as error:
        raise BadInputError(f"{error}, or of the groups {', '.join(GROUPS)}") from error


def parse_swap(text: str) -> Swap:
    """Reads `REGION=FILE[:STRENGTH]`.

    A file's name may end in a colon and a number itself: that is a strength unless only the whole is a file.

    Raises:
        BadInputError: not of that form, of no region, or of a strength outside 0 to 1.
    """
    region, equals, file = text.partition("=")
    if not equals or not file:
        raise BadInputError(
            f"{text!r}: expected REGION=FILE[:STRENGTH], for example hair=reference.png or lip=a.png:0.6"
        )
    region_indices(region)
    if region == "background":
        raise BadInputError(f"{text!r}: what is behind is not painted by a code; use --background")
    path, strength = _split_strength(file)
    if path != file and Path(file).exists() and not Path(path).exists():
        path, strength = file, 1.0
    return Swap(region, Path(path), _checked_strength(text, strength))


def parse_colour(text: str) -> RegionColour:
    """Reads `REGION=#rrggbb[:STRENGTH]`.

    Raises:
        BadInputError: not of that form, of no region, or of a strength outside 0 to 1.
    """
    region, equals, rest = text.partition("=")
    colour, strength = _split_strength(rest)
    if not equals or not colour:
        raise BadInputError(f"{text!r}: expected {_COLOUR}")
    region_indices(region)
    if region == "background":
        raise BadInputError(f"{text!r}: use --background for what is behind")
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise BadInputError(f"{text!r}: {colour} is not a colour; expected {_COLOUR}")
    red, green, blue = bytes.fromhex(colour[1:])
    return RegionColour(region, (red, green, blue), _checked_strength(text, strength))


def _split_strength(text: str) -> tuple[str, float]:
    """What stands before a last `:NUMBER`, and the number; 1 without one."""
    match = re.fullmatch(r"(.+):(-?\d*\.?\d+)", text)
    return (match[1], float(match[2])) if match else (text, 1.0)


def _checked_strength(text: str, strength: float) -> float:
    if not 0.0 <= strength <= 1.0:
        raise BadInputError(f"{text!r}: a strength of {strength:g}; it goes from 0 to 1")
    return strength


def parse_shape(text: str) -> ShapeEdit:
    """Reads `REGION:OPERATION=AMOUNT[,AMOUNT]`.

    Raises:
        BadInputError: not of that form, of no region, or of amounts that make no sense.
    """
    match = re.fullmatch(r"(\w+):(\w+)=(.+)", text)
    if not match or match[2] not in get_args(Operation):
        raise BadInputError(f"{text!r}: expected {_SHAPE}; operations are {', '.join(get_args(Operation))}")
    region_indices(match[1])
    if match[1] == "background":
        raise BadInputError(f"{text!r}: name the region that is to end elsewhere, such as hair")
    try:
        amounts = tuple(float(amount) for amount in match[3].split(","))
    except ValueError as error:
        raise BadInputError(f"{text!r}: {match[3]} is no number; expected {_SHAPE}") from error
    operation: Operation = match[2]  # type: ignore[assignment]
    _check_amounts(text, operation, amounts)
    return ShapeEdit(match[1], operation, amounts)


def _check_amounts(text: str, operation: Operation, amounts: Iterable[float]) -> None:
    amounts = tuple(amounts)
    counts = {"shift": (2,), "scale": (1, 2)}.get(operation, (1,))
    if len(amounts) not in counts:
        raise BadInputError(f"{text!r}: {operation} takes {' or '.join(map(str, counts))} numbers, not {len(amounts)}")
    least, most = {"shift": (-_MAX_PERCENT, _MAX_PERCENT), "scale": _SCALES}.get(operation, (0.0, _MAX_PERCENT))
    if not all(least <= amount <= most for amount in amounts):
        unit = "a factor" if operation == "scale" else "percent of the face's width"
        raise BadInputError(f"{text!r}: {operation} takes {unit} from {least:g} to {most:g}")
