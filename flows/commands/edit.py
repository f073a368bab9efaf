"""`segtalker edit`: a still with local edits."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.console import say
from flows.commands.disclosure import Certificate, CredentialsKey, NoWatermark, signing_key
from flows.commands.edit_options import BackgroundOption, ColourOption, MaskOption, ShapeOption, SwapOption
from flows.commands.talk import check_other_files
from flows.commands.talk_flags import (
    RESULT,
    SOURCE,
    CropOnlyOption,
    DetectorOption,
    DetectorWeightsOption,
    ExperimentOption,
    FaceOption,
)
from segtalker.config.params import load_params
from segtalker.config.workspace import project_root, refuse_stage_output
from segtalker.inference.edits import EditTexts
from segtalker.inference.talk_inputs import TalkInputs, trained_experiment
from segtalker.utils.errors import BadInputError, check_all
from segtalker.utils.progress import PhaseBars


def edit(
    portrait: Annotated[
        Path, typer.Option(rich_help_panel=SOURCE, help="Image with a face; of a video, the frame of --save-mask.")
    ],
    out: Annotated[Path, typer.Option(rich_help_panel=RESULT, help="The .png to write.")],
    crop_only: CropOnlyOption = False,
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
) -> None:
    """Edit a picture: the same local edits as while talking."""
    root = project_root()
    inputs = TalkInputs(portrait, None, out, None, face=face, out_suffixes=(".png",))
    texts = EditTexts(swap or (), shape or (), colour or (), mask, background)
    base, read_key = load_params(root).base, partial(signing_key, credentials, certificate)
    checks: list[Callable[[], object]] = [
        partial(_check_any, texts),
        *inputs.checks(base.sample_rate_hz),
        *texts.checks(base.image_size),
        partial(refuse_stage_output, out, root, "--out"),
        partial(check_other_files, inputs, texts),
        partial(trained_experiment, root, experiment),
        read_key,
    ]
    check_all(checks)
    # torch takes seconds to import: only here, when all that was given can be used
    from segtalker.inference.talk_options import TalkOptions
    from segtalker.inference.talker import Talker

    name = trained_experiment(root, experiment)
    talker = Talker.load(name, root=root, detector=detector, detector_weights=detector_weights)
    options = TalkOptions(
        crop_only=crop_only, face=inputs.face_choice, watermark=not no_watermark, signing_key=read_key()
    )
    with PhaseBars() as bars:
        picture = talker.edit(portrait, out, texts.parse(), options, bars)
    say(f"{out}: {picture.width}x{picture.height}, by {name}")
    for line in picture.without_effect:
        say(line)


def _check_any(texts: EditTexts) -> None:
    if texts == EditTexts():
        raise BadInputError("edit needs something to do: --swap, --shape, --colour, --mask or --background")
