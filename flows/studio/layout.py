"""What is on the page, and where."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import gradio as gr

from flows.studio.desk import Behind
from flows.studio.examples import Examples
from flows.studio.options import StudioOptions
from flows.studio.painting import EDITOR_SIDE, REGION_COLOURS
from flows.studio.style import TITLE
from flows.studio.voices import LANGUAGES, SPEAKERS
from segtalker.inference.edits import GROUPS, Operation
from segtalker.regions import REGIONS

# Gradio knows picture files by what the system calls them, which leaves newer ones out
FACE_FILES = ["image", "video", ".heic", ".heif", ".avif", ".webp", ".mkv", ".webm", ".mov"]
# a group stands for its regions, see `segtalker.inference.edits.GROUPS`
NAMED_REGIONS = [name for name in REGIONS if name != "background"] + [
    (f"{name}: {', '.join(regions)}", name) for name, regions in GROUPS.items()
]
OPERATIONS = get_args(Operation)
NOTHING_LENT, NOTHING_RESHAPED = "Nothing is borrowed.", "Nothing is reshaped."
NOTHING_COLOURED = "Nothing is recoloured."
BEHIND = list(get_args(Behind))
NO_FACE = "Choose a face to begin."
BRUSH_PX = 18
_INTRO = "Choose a face, give it something to say, change what you like about it, and let it talk."
_REPAINTED = [("the mouth", "mouth"), ("the lips alone", "lips"), ("the whole face", "face")]


@dataclass(frozen=True)
class FaceParts:
    """The first step: a face."""

    file: gr.File
    camera: gr.Image | None
    people: gr.Gallery
    experiment: gr.Dropdown


@dataclass(frozen=True)
class SpeechParts:
    """The second step: speech."""

    audio: gr.Audio
    text: gr.Textbox
    language: gr.Dropdown
    speaker: gr.Radio
    say: gr.Button
    voices: gr.Dataset


@dataclass(frozen=True)
class PaintParts:
    """Painting on the mask."""

    editor: gr.ImageEditor
    region: gr.Radio
    brush_px: gr.Slider
    shown: gr.Radio
    clear: gr.Button


@dataclass(frozen=True)
class LendParts:
    """Textures from others."""

    region: gr.Dropdown
    people: gr.Gallery
    file: gr.File
    strength: gr.Slider
    clear: gr.Button
    lent: gr.Markdown


@dataclass(frozen=True)
class ColourParts:
    """Regions in another colour."""

    region: gr.Dropdown
    colour: gr.ColorPicker
    strength: gr.Slider
    clear: gr.Button
    colours: gr.Markdown


@dataclass(frozen=True)
class ShapeParts:
    """Regions of another shape."""

    region: gr.Dropdown
    operation: gr.Radio
    amount: gr.Slider
    down: gr.Slider
    clear: gr.Button
    shapes: gr.Markdown


@dataclass(frozen=True)
class BehindParts:
    """What is behind."""

    kind: gr.Radio
    colour: gr.ColorPicker
    file: gr.File


@dataclass(frozen=True)
class ResultParts:
    """The preview, and what is made."""

    preview: gr.Image
    note: gr.Markdown
    repaint: gr.Radio
    crop_only: gr.Checkbox
    make: gr.Button
    stop: gr.Button
    picture: gr.Button
    video: gr.Video
    download: gr.DownloadButton


@dataclass(frozen=True)
class Parts:
    """Everything a visitor can use."""

    face: FaceParts
    speech: SpeechParts
    paint: PaintParts
    lend: LendParts
    colour: ColourParts
    shape: ShapeParts
    behind: BehindParts
    result: ResultParts


def lay_out(options: StudioOptions, examples: Examples, experiments: list[str], first: str) -> Parts:
    """Puts the parts on the page that is being made.

    Args:
        options: of the studio.
        examples: to try.
        experiments: whose networks are there.
        first: the one that is chosen.
    """
    gr.HTML(f"<header class='studio-head'><h1>{TITLE}</h1><p>{_INTRO}</p></header>")
    with gr.Row(equal_height=False, elem_classes="studio-page"):
        with gr.Column(scale=6, min_width=330, elem_classes="studio-steps"):
            with gr.Column(elem_classes="studio-face"):
                _step(1, "A face")
                face = _face_parts(options, examples, experiments, first)
            _step(2, "Speech")
            speech = _speech_parts(examples)
            _step(3, "Edit, if you like")
            with gr.Tabs():
                with gr.Tab("Paint"):
                    paint = _paint_parts()
                with gr.Tab("Borrow"):
                    lend = _lend_parts(examples)
                with gr.Tab("Colour"):
                    colour = _colour_parts()
                with gr.Tab("Reshape"):
                    shape = _shape_parts()
                with gr.Tab("Background"):
                    behind = _behind_parts()
        with gr.Column(scale=5, min_width=330, elem_classes="studio-result"):
            result = _result_parts()
    return Parts(face, speech, paint, lend, colour, shape, behind, result)


def _step(number: int, title: str) -> None:
    gr.HTML(f"<div class='studio-step'><h2><b>{number}</b>{title}</h2></div>")


def _people(paths: list[Path], label: str, element: str) -> gr.Gallery:
    """People to choose from, small, below a line that says what for."""
    gr.Markdown(label, elem_classes="studio-caption")
    return gr.Gallery(
        [(str(path), "") for path in paths],
        label=label,
        show_label=False,
        elem_id=element,
        elem_classes="studio-people",
        height="auto",
        columns=8,
        object_fit="cover",
        container=False,
        allow_preview=False,
        interactive=False,
        buttons=[],
    )


def _face_parts(options: StudioOptions, examples: Examples, experiments: list[str], first: str) -> FaceParts:
    file = gr.File(
        label=f"A picture or a video, up to {options.max_upload_mb} MB",
        file_types=FACE_FILES,
        height=132,
        elem_id="face",
    )
    camera = None
    if options.webcam:
        # of no mode: else Gradio takes a copy of the picture, of which nobody knows whose it is
        camera = gr.Image(sources=["webcam"], type="filepath", image_mode=None, label="Or take one", height=240)
    people = _people(examples.faces, "Or one of these people, who do not exist", "people")
    experiment = gr.Dropdown(
        experiments, value=first, label="Networks of the experiment", interactive=True, visible=len(experiments) > 1
    )
    return FaceParts(file, camera, people, experiment)


def _speech_parts(examples: Examples) -> SpeechParts:
    with gr.Group():
        text = gr.Textbox(
            label="Type what the face says", placeholder="Good morning! Nice to see you.", lines=2, elem_id="text"
        )
        with gr.Row():
            language = gr.Dropdown(list(LANGUAGES), value=next(iter(LANGUAGES)), label="Language", min_width=140)
            speaker = gr.Radio(list(SPEAKERS), value=next(iter(SPEAKERS)), label="Voice (espeak-ng)", min_width=200)
            say = gr.Button("Speak it", size="md", min_width=110, scale=0, elem_id="say", elem_classes="studio-say")
    audio = gr.Audio(
        label="Or drop or record speech",
        sources=["upload", "microphone"],
        type="filepath",
        buttons=["download"],
        elem_id="speech",
    )
    hidden = gr.Audio(visible=False, type="filepath")
    voices = gr.Dataset(
        label="Or one of these voices",
        components=[hidden],
        samples=[[str(path)] for path in examples.voices],
        sample_labels=[f"Voice {number}" for number in range(1, len(examples.voices) + 1)],
        type="index",
        elem_id="voices",
    )
    return SpeechParts(audio, text, language, speaker, say, voices)


def _paint_parts() -> PaintParts:
    region = gr.Radio(
        list(REGIONS), value="hair", label="Paint with the region", elem_classes="studio-regions", elem_id="region"
    )
    with gr.Row():
        brush_px = gr.Slider(2, 80, value=BRUSH_PX, step=1, label="Brush size", min_width=160)
        shown = gr.Radio(
            [("both", "both"), ("mask", "mask"), ("picture", "picture")],
            value="both",
            label="Show",
            min_width=250,
        )
    editor = gr.ImageEditor(
        label="The face as its regions",
        show_label=False,
        type="numpy",
        image_mode="RGBA",
        format="png",
        sources=[],
        transforms=[],
        layers=False,
        brush=brush("hair", BRUSH_PX),
        eraser=gr.Eraser(default_size=BRUSH_PX),
        canvas_size=(EDITOR_SIDE, EDITOR_SIDE),
        fixed_canvas=True,
        height=600,
        buttons=[],
        elem_id="editor",
        elem_classes="studio-editor",
    )
    clear = gr.Button("Start over", size="sm")
    return PaintParts(editor, region, brush_px, shown, clear)


def brush(region: str, size_px: float) -> gr.Brush:
    """A brush that paints a region, with those of all others beside it."""
    return gr.Brush(
        default_size=int(size_px),
        colors=list(REGION_COLOURS.values()),
        default_color=REGION_COLOURS[region],
        color_mode="fixed",
    )


def brush_script() -> str:
    """JavaScript that gives the editor `brush`: at once, without asking the server."""
    chosen = json.dumps(asdict(brush("hair", BRUSH_PX)))
    return f"""(region, size) => ({{
        __type__: "update",
        brush: {{...{chosen}, default_size: size, default_color: {json.dumps(REGION_COLOURS)}[region]}},
        eraser: {{default_size: size}},
    }})"""


def _lend_parts(examples: Examples) -> LendParts:
    with gr.Row():
        region = gr.Dropdown(NAMED_REGIONS, value="hair", label="Region", min_width=140, elem_id="lent-region")
        strength = gr.Slider(0, 1, value=1, step=0.05, label="Strength", min_width=160, elem_id="strength")
    people = _people(examples.faces, "From one of these", "lenders")
    file = gr.File(label="Or from a picture of your own", file_types=FACE_FILES, height=132)
    with gr.Row():
        lent = gr.Markdown(NOTHING_LENT, elem_classes="studio-note")
        clear = gr.Button("Give all back", size="sm", min_width=110, scale=0)
    return LendParts(region, people, file, strength, clear, lent)


def _colour_parts() -> ColourParts:
    with gr.Row():
        region = gr.Dropdown(NAMED_REGIONS, value="hair", label="Region", min_width=140, elem_id="coloured-region")
        colour = gr.ColorPicker("#a02030", label="Colour", min_width=90, elem_id="colour")
        strength = gr.Slider(0, 1, value=1, step=0.05, label="Strength", min_width=160)
    with gr.Row():
        colours = gr.Markdown(NOTHING_COLOURED, elem_classes="studio-note")
        clear = gr.Button("Own colours", size="sm", min_width=110, scale=0)
    return ColourParts(region, colour, strength, clear, colours)


def _shape_parts() -> ShapeParts:
    region = gr.Dropdown(NAMED_REGIONS, value="eyebrows", label="Region", elem_id="shaped-region")
    operation = gr.Radio(OPERATIONS, value=OPERATIONS[0], label="What is done to it", elem_id="operation")
    with gr.Row():
        amount = gr.Slider(**amount_range(OPERATIONS[0]), min_width=160, elem_id="amount")
        down = gr.Slider(-15, 15, value=0, step=0.5, label="Down, % of the face's width", min_width=160, visible=False)
    with gr.Row():
        shapes = gr.Markdown(NOTHING_RESHAPED, elem_classes="studio-note")
        clear = gr.Button("As it was", size="sm", min_width=110, scale=0)
    return ShapeParts(region, operation, amount, down, clear, shapes)


def amount_range(operation: str) -> dict[str, Any]:
    """How the slider of amounts looks for an operation; its value changes nothing yet."""
    if operation == "scale":
        return {"minimum": 0.5, "maximum": 2.0, "value": 1.0, "step": 0.05, "label": "Times"}
    label = "Right, % of the face's width" if operation == "shift" else "% of the face's width"
    return {"minimum": -15 if operation == "shift" else 0, "maximum": 15, "value": 0, "step": 0.5, "label": label}


def _behind_parts() -> BehindParts:
    kind = gr.Radio(BEHIND, value=BEHIND[0], label="Behind the face", elem_id="behind")
    colour = gr.ColorPicker("#2c7873", label="Colour", visible=False)
    file = gr.File(label="Picture or video", file_types=FACE_FILES, height=132, visible=False)
    return BehindParts(kind, colour, file)


def _result_parts() -> ResultParts:
    preview = gr.Image(
        label="Preview of one frame",
        type="numpy",
        format="png",
        interactive=False,
        height=420,
        buttons=["fullscreen"],
        placeholder="The preview appears here once a face is chosen",
        elem_id="preview",
        elem_classes="studio-preview",
    )
    note = gr.Markdown(NO_FACE, elem_classes="studio-note", elem_id="note")
    with gr.Accordion("Options", open=False):
        repaint = gr.Radio(_REPAINTED, value="mouth", label="What speech paints anew; the rest stays the picture's own")
        crop_only = gr.Checkbox(label="Show the face's square alone")
    with gr.Row():
        make = gr.Button("Make the video", variant="primary", scale=3, elem_id="make")
        stop = gr.Button("Stop", variant="stop", scale=1, min_width=80, visible=False, elem_id="stop")
    picture = gr.Button("Only the edited picture", size="sm", elem_id="picture")
    video = gr.Video(label="Video", interactive=False, height=420, buttons=[], visible=False, elem_id="video")
    download = gr.DownloadButton("Download", visible=False, elem_id="download")
    return ResultParts(preview, note, repaint, crop_only, make, stop, picture, video, download)
