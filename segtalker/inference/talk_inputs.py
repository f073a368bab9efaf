"""What a person hands to `segtalker talk`: every file and value is looked at before anything heavy is loaded.

Nothing here needs torch, so that a typing error is answered in a second.
"""

import re
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, cast

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from segtalker.config.experiment import experiment_params
from segtalker.media.audio import SILENCE, sound_pieces
from segtalker.media.images import count_pictures, read_image
from segtalker.media.long_sound import spool_speech
from segtalker.media.video import Decoder, Video, open_video
from segtalker.regions import NUM_REGIONS, PALETTE, REGION_INDEX, REGIONS
from segtalker.synthetic.voices import parse_voice
from segtalker.utils.atomic import atomic_file
from segtalker.utils.errors import BadClipError, BadInputError, MissingWeightsError

FaceChoice = Literal["largest", "talking"] | int
_MIN_SPEECH_S = 0.2
_PART = 2**22  # samples looked at together
_MAX_COLOUR_DISTANCE = 24.0  # RGB distance within which a colour counts as one of the palette
_MAX_STRANGE_SHARE = 0.03  # share of pixels that may lie between colours, as a soft brush leaves them


@dataclass(frozen=True)
class TalkInputs:
    """Files and values as given on a command line; nothing is read yet.

    Args:
        portrait: image or video.
        audio: sound, or video with sound.
        out: the video or picture to write; its name ends in one of `out_suffixes`.
        save_mask: the `.png` to write.
        text: words to be spoken, in place of `audio`.
        voice: who speaks them.
        from_moment: where the part of a video that is used begins.
        to_moment: where it ends.
        face: which of several faces speaks.
        out_suffixes: that the name of `out` may end in.
    """

    portrait: Path
    audio: Path | None
    out: Path | None
    save_mask: Path | None
    text: str | None = None
    voice: str = "en-gb"
    from_moment: str | None = None
    to_moment: str | None = None
    face: str | None = None
    out_suffixes: tuple[str, ...] = (".mp4",)

    def check_together(self) -> None:
        """Sees to it that what was given belongs together.

        Raises:
            BadInputError: something is missing or too much.
        """
        if self.audio is not None and self.text is not None:
            raise BadInputError("--audio and --text: one of them says what is heard, not both")
        speaks = self.audio is not None or self.text is not None
        if self.save_mask is None and not (speaks and self.out is not None):
            raise BadInputError("talk needs --audio (or --text) and --out (or --save-mask alone)")
        if speaks != (self.out is not None):
            raise BadInputError("--audio (or --text) and --out go together")

    @property
    def part(self) -> tuple[float | None, float | None]:
        """The part of a video that is used: its first and last moment, s.

        Raises:
            BadInputError: one is not a moment.
        """
        moments = (("--from", self.from_moment), ("--to", self.to_moment))
        first, last = (None if value is None else parse_moment(option, value) for option, value in moments)
        return first, last

    @property
    def face_choice(self) -> FaceChoice | None:
        """Which of several faces speaks.

        Raises:
            BadInputError: it is none that can be meant.
        """
        if self.face in (None, "largest", "talking"):
            return cast("FaceChoice | None", self.face)
        if self.face.isdecimal() and int(self.face):
            return int(self.face)
        raise BadInputError(f"--face {self.face}: write largest, talking, or a number from the left, 1 for the first")

    def checks(self, sample_rate_hz: int) -> list[Callable[[], object]]:
        """One for each thing that was given, see `segtalker.utils.errors.check_all`.

        Args:
            sample_rate_hz: of the speech the networks hear.
        """
        checks: list[Callable[[], object]] = [self._check_portrait, lambda: self.face_choice]
        if self.audio is not None:
            checks.append(partial(check_speech, self.audio, sample_rate_hz))
        if self.text is not None:
            checks += [partial(_check_text, self.text), partial(parse_voice, self.voice)]
        if self.out is not None:
            checks.append(partial(check_writable, self.out, *self.out_suffixes))
        if self.save_mask is not None:
            checks.append(partial(check_writable, self.save_mask, ".png"))
        return checks

    def _check_portrait(self) -> None:
        source = open_portrait(self.portrait, "pyav")
        check_part(self.portrait, source, *self.part)


def _check_text(text: str) -> None:
    if not any(letter.isalnum() for letter in text):
        raise BadInputError(f"--text {text!r}: nothing in it can be said; give words")


def open_portrait(path: Path, decoder: Decoder) -> np.ndarray | Video:
    """A portrait: a still as RGB, `(H, W, 3)`, uint8; an animation or video to be read frame by frame.

    Raises:
        BadInputError: it cannot be read, and why.
    """
    check_file(path)
    pictures = count_pictures(path)
    if pictures == 1:
        return read_image(path)
    try:
        return open_video(path, decoder)
    except BadClipError as error:
        reason = str(error).removeprefix(f"{path.name}: ")
        if reason.startswith("not a readable video"):
            what = "an animation that FFmpeg does not read" if pictures else "neither an image nor a readable video"
            reason = f"{what}; give a PNG, JPEG or MP4"
        raise BadInputError(f"{path}: {reason}") from error


def parse_moment(option: str, value: str) -> float:
    """Seconds from `12.5`, `1:05` or `1:02:03.5`.

    Args:
        option: whose value it is, such as `--from`.
        value: as given on a command line.

    Raises:
        BadInputError: it is no moment.
    """
    if not re.fullmatch(r"(\d+:){0,2}\d+(\.\d*)?", value):
        raise BadInputError(f"{option} {value}: not a moment; write seconds or mm:ss, for example 12.5 or 1:05")
    parts = [float(part) for part in value.split(":")]
    return sum(part * 60.0**power for power, part in enumerate(reversed(parts)))


def check_part(path: Path, source: np.ndarray | Video, from_s: float | None, to_s: float | None) -> None:
    """Sees to it that a source has a part.

    Args:
        path: of the source.
        source: see `open_portrait`.
        from_s: where the part begins, s; None for the start.
        to_s: where it ends, s; None for the end.

    Raises:
        BadInputError: it has not.
    """
    if from_s is None and to_s is None:
        return
    if isinstance(source, np.ndarray):
        raise BadInputError(f"{path}: a still has no parts; leave out --from and --to, or give a video")
    if from_s is not None and from_s >= source.seconds:
        raise BadInputError(f"{path}: --from {from_s:g} s lies behind its end, at {source.seconds:.2f} s")
    if to_s is not None and to_s <= (from_s or 0.0):
        raise BadInputError(f"{path}: --to {to_s:g} s does not lie after --from {from_s or 0.0:g} s")


def check_file(path: Path) -> None:
    """Sees to it that a file is there.

    Raises:
        BadInputError: it is not, or is something else.
    """
    if not path.exists():
        raise BadInputError(f"{path}: no such file")
    if not path.is_file():
        raise BadInputError(f"{path}: not a file; name a file in it" if path.is_dir() else f"{path}: not a file")


def check_speech(path: Path, sample_rate_hz: int) -> None:
    """Reads through the sound of a file, however long, and keeps nothing of it.

    Raises:
        BadInputError: it cannot be read, is silent or too short.
    """
    check_file(path)
    count, peak = 0, 0.0
    for piece in sound_pieces(path, sample_rate_hz):
        count, peak = count + len(piece.samples), max(peak, float(np.abs(piece.samples).max(initial=0.0)))
    _check_heard(path, count / sample_rate_hz, peak)


def read_speech(path: Path, sample_rate_hz: int, folder: Path) -> np.ndarray:
    """Speech of a sound file, or of a video with sound, see `segtalker.media.long_sound.spool_speech`.

    Raises:
        BadInputError: it cannot be read, is silent or too short.
    """
    check_file(path)
    samples = spool_speech(path, sample_rate_hz, folder)
    parts = (samples[first : first + _PART] for first in range(0, len(samples), _PART))
    peak = max((float(np.abs(part).max()) for part in parts), default=0.0)
    _check_heard(path, len(samples) / sample_rate_hz, peak)
    return samples


def _check_heard(path: Path, seconds: float, peak: float) -> None:
    if peak < SILENCE:
        raise BadClipError(f"{path.name}: its sound track is silent")
    if seconds < _MIN_SPEECH_S:
        raise BadInputError(f"{path}: {seconds:.2f} s of sound; at least {_MIN_SPEECH_S} s is needed")


def check_writable(path: Path, *suffixes: str) -> None:
    """Sees to it that a file can be written.

    Args:
        path: the file.
        suffixes: that its name may end in.

    Raises:
        BadInputError: another suffix, a folder in its place, or no permission.
    """
    if path.suffix.lower() not in suffixes:
        names = " or ".join(f"{path.stem}{suffix}" for suffix in suffixes)
        raise BadInputError(f"{path}: only {' or '.join(suffixes)} can be written here; name it {names}")
    if path.is_dir():
        raise BadInputError(f"{path}: is a folder; name a file in it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise BadInputError(f"{path}: cannot be written ({error.strerror})") from error


def check_other_file(option: str, out: Path, inputs: Iterable[Path | None]) -> None:
    """Sees to it that no file is written over that something is made from, by whatever name it goes.

    Args:
        option: that names `out`, such as `--out`.
        out: the file to write.
        inputs: files that are read; None for those that were not given.

    Raises:
        BadInputError: it is one of them.
    """
    for path in inputs:
        if path is not None and path.exists() and out.exists() and out.samefile(path):
            raise BadInputError(f"{option} {out}: would be written over {path}, which it is made from; name another")


def newest_experiment(models: Path) -> str:
    """The experiment whose renderer was trained last.

    Args:
        models: the folder `models`.

    Raises:
        MissingWeightsError: none is there.
    """
    generator_files = sorted(
        models.glob("*/train_sgi/generator.ckpt"), key=lambda path: (path.stat().st_mtime_ns, path)
    )
    if not generator_files:
        raise MissingWeightsError(f"{models}: no trained networks; run `segtalker reproduce` first")
    return generator_files[-1].parent.parent.name


def trained_experiment(root: Path, experiment: str | None) -> str:
    """The experiment whose networks are to be used, after looking whether they are there.

    Args:
        root: the project folder.
        experiment: its name, None for the one trained last.

    Raises:
        BadInputError: there is no such experiment.
        MissingWeightsError: its networks are not trained yet.
    """
    name = experiment or newest_experiment(root / "models")
    experiment_params(root, name)
    if not (root / "models" / name / "train_sgi" / "generator.ckpt").is_file():
        raise MissingWeightsError(
            f"--experiment {name}: its networks are not trained yet; run `segtalker reproduce --experiment {name}`"
        )
    return name


def region_index(name: str) -> int:
    """The index of a region by name.

    Raises:
        BadInputError: there is no such region.
    """
    if name not in REGION_INDEX:
        raise BadInputError(f"{name!r}: no such region; choose one of {', '.join(REGIONS)}")
    return REGION_INDEX[name]


def save_mask(path: Path, mask: np.ndarray, scale: int) -> None:
    """Writes a mask for a paint program: a palette PNG, so that it opens in colour and keeps its indices.

    Args:
        path: the `.png` to write.
        mask: regions, `(H, W)`, uint8.
        scale: every pixel becomes a block of this side, which is easier to paint on.
    """
    image = Image.fromarray(np.kron(mask, np.ones((scale, scale), np.uint8)), mode="P")
    image.putpalette(PALETTE.tobytes())
    with atomic_file(path) as temporary:
        image.save(temporary, format="PNG")


def read_mask(path: Path, size: int) -> np.ndarray:
    """Reads an edited mask: region indices (grey or palette) or the palette's colours.

    Args:
        path: an image, square, of any size; it is sampled nearest.
        size: side of the mask wanted, pixels.

    Returns:
        Regions, `(size, size)`, uint8.

    Raises:
        BadInputError: missing, not an image, not square, or with colours that are no region's.
    """
    try:
        with Image.open(path) as image:
            regions = _indices(path, image)
    except FileNotFoundError as error:
        raise BadInputError(f"{path}: no such file") from error
    except (UnidentifiedImageError, OSError) as error:
        raise BadInputError(f"{path}: cannot be read as an image; save the mask as PNG") from error
    if regions.shape[0] != regions.shape[1]:
        raise BadInputError(f"{path}: {regions.shape[1]}x{regions.shape[0]} px; a mask is square, as saved")
    return cv2.resize(regions, (size, size), interpolation=cv2.INTER_NEAREST_EXACT)


def _indices(path: Path, image: Image.Image) -> np.ndarray:
    """Regions of an image in any of the accepted forms."""
    if image.mode in ("L", "P") and np.asarray(image).max() < NUM_REGIONS and _is_plain(image):
        return np.asarray(image, dtype=np.uint8)
    colours = np.asarray(image.convert("RGB"), dtype=np.int32)
    distances = np.stack([((colours - colour) ** 2).sum(axis=-1) for colour in PALETTE.astype(np.int32)])
    strange = distances.min(axis=0) > _MAX_COLOUR_DISTANCE**2
    if strange.mean() > _MAX_STRANGE_SHARE:
        row, column = np.argwhere(strange)[0]
        colour = "#" + bytes(colours[row, column].astype(np.uint8)).hex()
        raise BadInputError(
            f"{path}: colour {colour} at ({column}, {row}) is no region's; paint with the colours of the saved mask"
        )
    return distances.argmin(axis=0).astype(np.uint8)


def _is_plain(image: Image.Image) -> bool:
    """Whether the numbers of an image are region indices: grey values, or a palette in the regions' order."""
    if image.mode == "L":
        return True
    used = np.unique(np.asarray(image))
    palette = np.array(image.getpalette("RGB")).reshape(-1, 3)
    return bool((palette[used] == PALETTE[used]).all())


def read_background_colour(value: str) -> np.ndarray:
    """A background from `#rrggbb`: RGB, `(1, 1, 3)`, uint8.

    Args:
        value: as given on a command line.

    Raises:
        BadInputError: not a colour.
    """
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        raise BadInputError(f"{value}: not a colour; write it as #rrggbb, for example #2f6f5f")
    return np.full((1, 1, 3), tuple(bytes.fromhex(value[1:])), np.uint8)
