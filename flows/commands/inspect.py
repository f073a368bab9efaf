"""`segtalker inspect`: what files say of where they come from."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.console import say


def inspect(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Pictures or videos, of any maker.")],
) -> None:
    """Say whether a picture or video is generated: its metadata, watermark and content credentials."""
    from segtalker.provenance.inspection import inspect_file  # PyAV and the watermark: other commands start sooner

    for file in files:
        for number, line in enumerate(inspect_file(file).lines()):
            say(line if number else f"{file}: {line}")
