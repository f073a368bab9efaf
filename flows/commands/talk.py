"""`segtalker talk`: a portrait says what a sound file says."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from flows.commands.console import say
from flows.commands.disclosure import Certificate, CredentialsKey, NoWatermark, signing_key
from flows.commands.edit_options import BackgroundOption, ColourOption, MaskOption, ShapeOption, SwapOption
from flows.commands.talk_batch import run_batch
from flows.commands.talk_flags import (
    AudioOption,
    BatchOption,
    CropOnlyOption,
    DetectorOption,
    DetectorWeightsOption,
    ExperimentOption,
    FaceOption,
    FromOption,
    HeadOption,
    LoopOption,
    OutOption,
    PortraitOption,
    RepaintOption,
    SaveMaskOption,
    TextOption,
    ToOption,
    VoiceOption,
)
from flows.commands.talk_stream import PIPE, PcmOption, RawOption, StreamInputs, StreamOption, lines_about
from flows.commands.talk_stream import stream as make_stream
from segtalker.config.params import load_params
from segtalker.config.workspace import project_root, refuse_stage_output
from segtalker.inference.backdrops import video_suffixes
from segtalker.inference.batch import read_list
from segtalker.inference.edits import Edits, EditTexts
from segtalker.inference.talk_inputs import TalkInputs, check_other_file, trained_experiment
from segtalker.media.probe import read_sound_choice
from segtalker.utils.errors import BadInputError, check_all
from segtalker.utils.hashing import file_sha256
from segtalker.utils.progress import PhaseBars

if TYPE_CHECKING:
    from segtalker.inference.talk_options import TalkOptions
    from segtalker.inference.talker import Talker, TalkingVideo


_Checks = list[Callable[[], object]]


def talk(
    portrait: PortraitOption = None,
    audio: AudioOption = None,
    text: TextOption = None,
    voice: VoiceOption = "en-gb",
    out: OutOption = None,
    batch: BatchOption = None,
    save_mask: SaveMaskOption = None,
    repaint: RepaintOption = "mouth",
    crop_only: CropOnlyOption = False,
    loop: LoopOption = "pingpong",
    head: HeadOption = "source",
    from_moment: FromOption = None,
    to_moment: ToOption = None,
    face: FaceOption = None,
    swap: SwapOption = None,
    shape: ShapeOption = None,
    colour: ColourOption = None,
    mask: MaskOption = None,
    background: BackgroundOption = None,
    experiment: ExperimentOption = None,
    detector: DetectorOption = None,
    detector_weights: DetectorWeightsOption = None,
    no_watermark: NoWatermark = False,
    credentials: CredentialsKey = None,
    certificate: Certificate = None,
    stream: StreamOption = False,
    pcm: PcmOption = None,
    raw: RawOption = False,
) -> None:
    """Let a portrait speak, with local edits."""
    root, live = project_root(), StreamInputs(stream, pcm, raw)
    suffixes = video_suffixes(background, credentials is not None)
    talk_inputs = TalkInputs(
        portrait or Path(), audio, out, save_mask, text, voice, from_moment, to_moment, face, suffixes
    )
    check_together(talk_inputs, portrait, batch)
    live.check_together(talk_inputs, batch, credentials)
    edit_texts = EditTexts(swap or (), shape or (), colour or (), mask, background)
    read_key, kept = partial(signing_key, credentials, certificate), partial(check_other_files, talk_inputs, edit_texts)
    others: _Checks = [read_key, kept, *live.checks(talk_inputs, root), *_batch_checks(batch, talk_inputs)]
    name = check_inputs(None if batch else live.files(talk_inputs), edit_texts, root, experiment, others)
    if audio is not None and not stream and (choice := read_sound_choice(audio)):
        say(f"{audio.name}: {choice}")
    # torch takes seconds to import: only here, when all that was given can be used
    from segtalker.inference.talk_options import TalkOptions
    from segtalker.inference.talker import Talker

    talker = Talker.load(name, root=root, detector=detector, detector_weights=detector_weights)
    wanted = (repaint, crop_only, loop, *talk_inputs.part, head, talk_inputs.face_choice)
    options = TalkOptions(*wanted, not no_watermark, read_key())
    if stream:
        with _sound(talk_inputs) as sound:
            return make_stream(talker, talk_inputs, sound, live, edit_texts.parse(), options)
    make = partial(_make, talker, options, edit_texts.parse())
    if batch is not None:
        chosen = f"{replace(options, signing_key=None)} {detector} {detector_weights}"
        settings = f"{talker.signature} {chosen} {edit_texts} {files_sha256(edit_texts)}"
        raise typer.Exit(run_batch(batch, talk_inputs, settings, partial(_check_row, root, edit_texts), make))
    return _make_files(talker, talk_inputs, options, make, name)


def _make_files(
    talker: "Talker",
    talk_inputs: TalkInputs,
    options: "TalkOptions",
    make: Callable[[TalkInputs], "TalkingVideo"],
    experiment: str,
) -> None:
    """Writes the mask and the video, whichever is wanted, and says so."""
    if talk_inputs.save_mask is not None:
        talker.save_mask(talk_inputs.portrait, talk_inputs.save_mask, options)
        say(f"{talk_inputs.save_mask}: the regions of {talk_inputs.portrait.name}; paint on it, then pass it as --mask")
    if talk_inputs.out is not None:
        say_what_was_made(talk_inputs.out, make(talk_inputs), experiment)


def _batch_checks(batch: Path | None, talk_inputs: TalkInputs) -> _Checks:
    """See `check_inputs`; none where there is no list."""
    if batch is None:
        return []
    return [partial(read_list, batch, talk_inputs), lambda: talk_inputs.part, lambda: talk_inputs.face_choice]


def _make(talker: "Talker", options: "TalkOptions", edits: Edits, inputs: TalkInputs) -> "TalkingVideo":
    """Makes one video, showing how far it is."""
    assert inputs.out is not None
    with PhaseBars() as bars, _sound(inputs) as sound:
        return talker.talk(inputs.portrait, sound, inputs.out, edits, options, bars)


def check_together(talk_inputs: TalkInputs, portrait: Path | None, batch: Path | None) -> None:
    """Sees to it that what was given belongs together.

    Raises:
        BadInputError: something is missing or too much.
    """
    if batch is None:
        if portrait is None:
            raise BadInputError("talk needs --portrait (or --batch)")
        talk_inputs.check_together()
        return
    given = (portrait, talk_inputs.audio, talk_inputs.text, talk_inputs.out, talk_inputs.save_mask)
    if any(value is not None for value in given):
        raise BadInputError(
            "--batch: its lines name --portrait, --audio, --text and --out; leave these and --save-mask out"
        )


def _check_row(root: Path, edit_texts: EditTexts, talk_inputs: TalkInputs) -> None:
    """Looks at what one video of a list is made from, before work goes into it."""
    checks = talk_inputs.checks(load_params(root).base.sample_rate_hz)
    assert talk_inputs.out is not None
    checks.append(partial(check_other_files, talk_inputs, edit_texts))
    check_all([*checks, partial(refuse_stage_output, talk_inputs.out, root, "out")])


def check_other_files(talk_inputs: TalkInputs, edit_texts: EditTexts) -> None:
    """Sees to it that nothing is written over a file that was given, see `check_other_file`.

    Raises:
        BadInputError: something would be, or an edit means nothing.
    """
    given = [path for path in (talk_inputs.portrait, talk_inputs.audio) if path != PIPE]
    files = [*given, *_edit_files(edit_texts)]
    for option, path in (("--out", talk_inputs.out), ("--save-mask", talk_inputs.save_mask)):
        if path is not None and path != PIPE:
            check_other_file(option, path, files)


def _edit_files(edit_texts: EditTexts) -> list[Path]:
    """Files that edits name; of a background also what is no file."""
    edits = edit_texts.parse()
    paths = [*(swap.path for swap in edits.swaps), edits.mask, edits.background]
    return [Path(path) for path in paths if path is not None]


def files_sha256(edit_texts: EditTexts) -> list[str]:
    """Hashes of the files that edits name."""
    return [file_sha256(path) for path in _edit_files(edit_texts) if path.is_file()]


@contextmanager
def _sound(talk_inputs: TalkInputs) -> Iterator[Path]:
    """The sound file; of a text, one that is spoken for the while."""
    if talk_inputs.audio is not None:
        yield talk_inputs.audio
        return
    from segtalker.synthetic.spoken_text import speak_text  # needs SciPy, which takes a while to import

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "text.wav"
        speak_text(talk_inputs.text or "", talk_inputs.voice, path)
        yield path


def say_what_was_made(out: Path, video: "TalkingVideo", experiment: str) -> None:
    """Lines about a video that was written."""
    size, rate = f"{video.width}x{video.height}", f"{float(video.rate):.5g}"
    say(f"{out}: {video.seconds:.1f} s, {video.frames} frames of {size} at {rate} fps, by {experiment}")
    for line in lines_about(video.untouched, video.without_effect):
        say(line)


def check_inputs(
    talk_inputs: TalkInputs | None,
    edit_texts: EditTexts,
    root: Path,
    experiment: str | None,
    others: Iterable[Callable[[], object]] = (),
) -> str:
    """Looks at all that was given, before the networks are loaded.

    Args:
        talk_inputs: files and values; None where a list names them.
        edit_texts: likewise.
        root: the project folder.
        experiment: whose networks, None for the newest.
        others: further checks, see `segtalker.utils.errors.check_all`.

    Returns:
        The experiment whose networks are to be used.

    Raises:
        BadInputError: with a line for each thing that cannot be used.
    """
    base = load_params(root).base
    checks = edit_texts.checks(base.image_size)
    if talk_inputs is not None:
        checks = [*talk_inputs.checks(base.sample_rate_hz), *checks]
        for option, path in (("--out", talk_inputs.out), ("--save-mask", talk_inputs.save_mask)):
            if path is not None:
                checks.append(partial(refuse_stage_output, path, root, option))
    check_all([*checks, *others, partial(trained_experiment, root, experiment)])
    return trained_experiment(root, experiment)
