"""Options of local edits, which several commands take."""

from pathlib import Path
from typing import Annotated

import typer

_PANEL = "Edits"
SwapOption = Annotated[
    list[str] | None,
    typer.Option(
        rich_help_panel=_PANEL,
        metavar="REGION=FILE[:STRENGTH]",
        help="Take the texture of a region (or of face, mouth_all) from another portrait; repeatable.",
    ),
]
ShapeOption = Annotated[
    list[str] | None,
    typer.Option(
        rich_help_panel=_PANEL,
        metavar="REGION:OPERATION=AMOUNT",
        help="Reshape a region: grow, shrink or smooth by percent of the face's width, shift=RIGHT,DOWN likewise,"
        " scale=FACTOR; repeatable.",
    ),
]
ColourOption = Annotated[
    list[str] | None,
    typer.Option(
        rich_help_panel=_PANEL,
        metavar="REGION=#rrggbb[:STRENGTH]",
        help="Recolour a region, keeping its shading and texture; repeatable.",
    ),
]
MaskOption = Annotated[
    Path | None, typer.Option(rich_help_panel=_PANEL, help="An edited mask of the portrait, see --save-mask.")
]
BackgroundOption = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=_PANEL,
        metavar="IMAGE|VIDEO|#rrggbb|transparent",
        help="Another background, behind the whole picture; transparent needs an --out that holds it.",
    ),
]
