"""Options of `segtalker talk`, in the panels of its help."""

from pathlib import Path
from typing import Annotated, Literal

import typer

SPEECH, SOURCE, RESULT, NETWORKS = "What is said", "The portrait", "The result", "Networks"

PortraitOption = Annotated[Path | None, typer.Option(help="Image or video with a face.", rich_help_panel=SOURCE)]
AudioOption = Annotated[Path | None, typer.Option(help="Sound file, or a video with sound.", rich_help_panel=SPEECH)]
TextOption = Annotated[
    str | None, typer.Option(help="Words to be spoken, in place of --audio.", rich_help_panel=SPEECH)
]
VoiceOption = Annotated[
    str, typer.Option(metavar="NAME", help="Who speaks them: en-gb, de, fr+f3 ...", rich_help_panel=SPEECH)
]
BatchOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.csv|jsonl",
        help="Make a video a line: portrait, out, and audio or text (voice). Goes on where it stopped; what fails"
        " is listed beside it, and the exit code is then 1.",
        rich_help_panel=RESULT,
    ),
]
OutOption = Annotated[
    Path | None, typer.Option(help="The .mp4 to write; .webm or .mov if transparent.", rich_help_panel=RESULT)
]
SaveMaskOption = Annotated[
    Path | None, typer.Option(help="Write the portrait's mask as .png, to be edited.", rich_help_panel=RESULT)
]
CropOnlyOption = Annotated[
    bool, typer.Option("--crop-only", help="Write the face's square alone.", rich_help_panel=RESULT)
]
RepaintOption = Annotated[
    Literal["lips", "mouth", "face"],
    typer.Option(
        help="Paint the lips and the skin close to them, the mouth area with chin and jaw, or all of the face; the"
        " rest, but for what edits name, is the portrait's own.",
        rich_help_panel=RESULT,
    ),
]
FromOption = Annotated[
    str | None,
    typer.Option("--from", metavar="MOMENT", help="Begin here: seconds or mm:ss of a video.", rich_help_panel=SOURCE),
]
ToOption = Annotated[
    str | None, typer.Option("--to", metavar="MOMENT", help="Use no more than up to here.", rich_help_panel=SOURCE)
]
LoopOption = Annotated[
    Literal["pingpong", "hold", "cut"],
    typer.Option(
        help="Where speech is longer than the video: walk it back and forth, hold its last frame, or end with it.",
        rich_help_panel=SOURCE,
    ),
]
HeadOption = Annotated[
    Literal["source", "still"],
    typer.Option(help="Move as the video does, or hold its first picture.", rich_help_panel=SOURCE),
]
FaceOption = Annotated[
    str | None,
    typer.Option(
        metavar="N|largest|talking",
        help="Of several faces, which one speaks: by its number from the left, the largest, or whose mouth moves.",
        rich_help_panel=SOURCE,
    ),
]
ExperimentOption = Annotated[
    str | None, typer.Option(help="Whose networks; the newest trained ones if left out.", rich_help_panel=NETWORKS)
]
DetectorOption = Annotated[
    Literal["parser", "mediapipe", "face_alignment"] | None,
    typer.Option(help="Finds the face; the experiment's own if left out.", rich_help_panel=NETWORKS),
]
DetectorWeightsOption = Annotated[
    str | None, typer.Option(help="File or folder of the detector's weights.", rich_help_panel=NETWORKS)
]
