"""`segtalker talk`: a portrait says what a sound file says."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from flows.commands.console import say
from flows.commands.disclosure import Certificate, CredentialsKey, NoWatermark, signing_key
from flows.commands.edit_options import BackgroundOption, MaskOption, ShapeOption, SwapOption
from flows.commands.talk_flags import (
    AudioOption,
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
from segtalker.config.params import load_params
from segtalker.config.workspace import project_root, refuse_stage_output
from segtalker.inference.edits import EditTexts
from segtalker.inference.talk_inputs import TalkInputs, trained_experiment
from segtalker.media.probe import read_sound_choice
from segtalker.utils.errors import check_all
from segtalker.utils.progress import PhaseBars

if TYPE_CHECKING:
    from segtalker.inference.talker import TalkingVideo


def talk(
    portrait: PortraitOption,
    audio: AudioOption = None,
    text: TextOption = None,
    voice: VoiceOption = "en-gb",
    out: OutOption = None,
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
    mask: MaskOption = None,
    background: BackgroundOption = None,
    experiment: ExperimentOption = None,
    detector: DetectorOption = None,
    detector_weights: DetectorWeightsOption = None,
    no_watermark: NoWatermark = False,
    credentials: CredentialsKey = None,
    certificate: Certificate = None,
) -> None:
    """Let a portrait speak, with local edits."""
    root = project_root()
    talk_inputs = TalkInputs(portrait, audio, out, save_mask, text, voice, from_moment, to_moment, face)
    talk_inputs.check_together()
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
    if out is not None:
        part, chosen = talk_inputs.part, talk_inputs.face_choice
        options = TalkOptions(repaint, crop_only, loop, *part, head, chosen, not no_watermark, read_key())
        with PhaseBars() as bars, _sound(talk_inputs) as sound:
            video = talker.talk(portrait, sound, out, edit_texts.parse(), options, bars)
        say_what_was_made(out, video, name)


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
