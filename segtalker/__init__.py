"""SegTalker: talking-face video from speech through face segmentation (arXiv 2409.03605)."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = ["Edits", "RegionColour", "ShapeEdit", "Swap", "TalkOptions", "Talker"]
_PLACES = {
    "Edits": "inference.edits",
    "RegionColour": "inference.edits",
    "ShapeEdit": "inference.edits",
    "Swap": "inference.edits",
    "TalkOptions": "inference.talk_options",
    "Talker": "inference.talker",
}


def __getattr__(name: str) -> Any:
    """Loads what a program asks for when it does: torch takes seconds, and no stage of the pipeline stands on this."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
