"""`segtalker talk`: a portrait says what a sound file says."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from flows.commands.console import say
from flows.commands.disclosure import Certificate, CredentialsKey, NoWatermark, signing_key
from flows.commands.edit_options import BackgroundOption, MaskOption, ShapeOption, SwapOption
from segtalker.config.params import load_params
from segtalker.config.workspace import project_root, refuse_stage_output
from segtalker.inference.edits import EditTexts
from segtalker.inference.talk_inputs import TalkInputs, trained_experiment
from segtalker.media.probe import read_sound_choice
from segtalker.utils.errors import BadInputError, check_all
from segtalker.utils.progress import PhaseBars


def talk(
    portrait: Annotated[Path, typer.Option(help="Image or video with a face.")],
    audio: Annotated[Path | None, typer.Option(help="Sound file, or a video with sound.")] = None,
    out: Annotated[Path | None, typer.Option(help="The .mp4 to write.")] = None,
    experiment: Annotated[str | None, typer.Option(help="Whose networks; the newest trained ones if left out.")] = None,
    swap: SwapOption = None,
    shape: ShapeOption = None,
    mask: MaskOption = None,
    background: BackgroundOption = None,
    save_mask: Annotated[Path | None, typer.Option(help="Write the portrait's mask as .png, to be edited.")] = None,
    crop_only: Annotated[bool, typer.Option("--crop-only", help="Write the face's square alone.")] = False,
    repaint: Annotated[
        Literal["lips", "mouth", "face"],
        typer.Option(
            help="Paint the lips and the skin close to them, the mouth area with chin and jaw, or all of the face; the"
            " rest, but for what edits name, is the portrait's own."
        ),
    ] = "mouth",
    detector: Annotated[
        Literal["parser", "mediapipe", "face_alignment"] | None,
        typer.Option(help="Finds the face; the experiment's own if left out."),
    ] = None,
    detector_weights: Annotated[str | None, typer.Option(help="File or folder of the detector's weights.")] = None,
    no_watermark: NoWatermark = False,
    credentials: CredentialsKey = None,
    certificate: Certificate = None,
) -> None:
    """Let a portrait speak, with local edits."""
    if save_mask is None and (audio is None or out is None):
        raise BadInputError("talk needs --audio and --out (or --save-mask alone)")
    if (audio is None) != (out is None):
        raise BadInputError("--audio and --out go together")
    root = project_root()
    talk_inputs = TalkInputs(portrait, audio, out, save_mask)
    edit_texts = EditTexts(swaps=swap or (), shapes=shape or (), mask=mask, background=background)
    read_key = partial(signing_key, credentials, certificate)
    name = check_inputs(talk_inputs, edit_texts, root, experiment, [read_key])
    if audio is not None and (note := read_sound_choice(audio)):
        say(f"{audio.name}: {note}")
    # torch takes seconds to import: only here, when all that was given can be used
    from segtalker.inference.talk_options import TalkOptions
    from segtalker.inference.talker import Talker

    talker = Talker.load(name, root=root, detector=detector, detector_weights=detector_weights)
    if save_mask is not None:
        talker.save_mask(portrait, save_mask)
        say(f"{save_mask}: the regions of {portrait.name}; paint on it, then pass it as --mask")
    if audio is not None and out is not None:
        with PhaseBars() as bars:
            options = TalkOptions(repaint, crop_only, watermark=not no_watermark, signing_key=read_key())
            video = talker.talk(portrait, audio, out, edit_texts.parse(), options, bars)
        size, rate = f"{video.width}x{video.height}", f"{float(video.rate):.5g}"
        say(f"{out}: {video.seconds:.1f} s, {video.frames} frames of {size} at {rate} fps, by {name}")
        if video.untouched:
            say(f"{video.untouched} frames show no face and are left as they are")
        if video.crop_reason:
            say(f"shows the face's square alone: {video.crop_reason}")


def check_inputs(
    talk_inputs: TalkInputs,
    edit_texts: EditTexts,
    root: Path,
    experiment: str | None,
    others: Iterable[Callable[[], object]] = (),
) -> str:
    """Looks at all that was given, before the networks are loaded.

    Args:
        talk_inputs: files and values.
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
    checks = [*talk_inputs.checks(base.sample_rate_hz), *edit_texts.checks(base.image_size)]
    for option, path in (("--out", talk_inputs.out), ("--save-mask", talk_inputs.save_mask)):
        if path is not None:
            checks.append(partial(refuse_stage_output, path, root, option))
    check_all([*checks, *others, partial(trained_experiment, root, experiment)])
    return trained_experiment(root, experiment)
