"""From what a visitor does on the page to what the page then shows."""

import html
import re
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.processing_utils import save_file_to_cache, save_img_array_to_cache

from flows.studio.desk import Behind, Desk, StoppedError
from flows.studio.examples import Examples
from flows.studio.layout import NO_FACE, NOTHING_COLOURED, NOTHING_LENT, NOTHING_RESHAPED, amount_range
from flows.studio.painting import Canvas
from flows.studio.visitor import GoneError, Visitor
from segtalker.inference.talk_options import Repaint
from segtalker.utils.errors import SegTalkerError, one_line

_TOAST_S = 12
_PROGRESS = gr.Progress()  # Gradio puts its own in the place of it


class Handlers:
    """Answers events; each answer is a value for every part that an event may change.

    Args:
        desk: does the work.
        examples: what can be clicked on.
    """

    def __init__(self, desk: Desk, examples: Examples) -> None:
        self.desk, self.examples = desk, examples

    def said(self, action: Callable[..., Any], count: int) -> Callable[..., Any]:
        """An action whose errors are said in a line on the page, which then stays as it is.

        Args:
            action: one of the others here.
            count: how many parts it may change.
        """

        @wraps(action)
        def answer(*values: Any) -> Any:
            try:
                return action(*values)
            except StoppedError as error:
                gr.Info(self.line(error), duration=_TOAST_S, title="Stopped")
            except SegTalkerError as error:
                self._warn(error)
            return gr.skip() if count == 1 else tuple(gr.skip() for _ in range(count))

        return answer

    def line(self, error: SegTalkerError) -> str:
        """What an error says, as HTML, with files by the names under which the visitor knows them."""
        return html.escape(self.known_names(one_line(error)))

    def known_names(self, text: str) -> str:
        """A text with the visitor's files by the names under which the visitor knows them."""
        folder = re.escape(str(self.desk.visitors.folder.parent))
        return re.sub(rf"{folder}(?:/[\w-]+)*/", "", text)

    def arrive(self, request: gr.Request) -> None:
        """Somebody opens the page."""
        self.desk.arrive(str(request.session_hash))

    def leave(self, request: gr.Request) -> None:
        """Somebody closes the page."""
        self.desk.leave(str(request.session_hash))

    def face(
        self, file: str | None, experiment: str, shown: Canvas, request: gr.Request, progress: gr.Progress = _PROGRESS
    ) -> Any:
        """A new face, or new networks: preview, note, editor."""
        visitor = self._visitor(request)
        try:
            self.desk.take_face(visitor, file, experiment, lambda phase, share: progress(share, desc=phase))
        except SegTalkerError as error:
            self._warn(error)
        return *self._seen(visitor), self._canvas(visitor, shown, [])

    def person(self, event: gr.SelectData) -> str:
        """A face among the examples."""
        return str(self.examples.faces[event.index])

    def voice(self, index: int) -> str:
        """A voice among the examples."""
        return str(self.examples.voices[index])

    def say(self, text: str, language: str, speaker: str, request: gr.Request) -> str:
        """Typed text as speech."""
        visitor = self._visitor(request)
        return self._hand_out(visitor, self.desk.say(visitor, text, language, speaker))

    def speech(self, file: str | None, request: gr.Request) -> Any:
        """New speech: preview, note."""
        visitor = self._visitor(request)
        self.desk.take_speech(visitor, file)
        return self._seen(visitor)

    def paint(self, drawing: dict[str, Any] | None, request: gr.Request) -> Any:
        """Strokes on the mask: preview, note."""
        visitor = self._visitor(request)
        if not self.desk.paint(visitor, _layers(drawing)):
            return gr.skip(), gr.skip()
        return self._seen(visitor)

    def show(self, drawing: dict[str, Any] | None, shown: Canvas, request: gr.Request) -> Any:
        """Another picture below the strokes: editor."""
        return self._canvas(self._visitor(request), shown, _layers(drawing))

    def unpaint(self, shown: Canvas, request: gr.Request) -> Any:
        """No strokes any more: preview, note, editor."""
        visitor = self._visitor(request)
        self.desk.paint(visitor, [])
        return *self._seen(visitor), self._canvas(visitor, shown, [])

    def lender(self, region: str, strength: float, request: gr.Request, event: gr.SelectData) -> Any:
        """A region from one of the examples: preview, note, what is lent."""
        return self._lend(request, region, str(self.examples.faces[event.index]), strength)

    def own_lender(self, file: str | None, region: str, strength: float, request: gr.Request) -> Any:
        """A region from an upload: preview, note, what is lent."""
        return self._lend(request, region, file, strength)

    def strength(self, region: str, strength: float, request: gr.Request) -> Any:
        """More or less of what is lent: preview, note, what is lent."""
        swap = self._visitor(request).swaps.get(region)
        if swap is None or swap.strength == strength:
            return gr.skip(), gr.skip(), gr.skip()
        return self._lend(request, region, str(swap.path), strength)

    def lent_region(self, region: str, request: gr.Request) -> float:
        """Another region to lend: its strength."""
        swap = self._visitor(request).swaps.get(region)
        return 1.0 if swap is None else swap.strength

    def give_back(self, request: gr.Request) -> Any:
        """Nothing is lent any more: preview, note, what is lent."""
        visitor = self._visitor(request)
        visitor.swaps.clear()
        return *self._seen(visitor), _lent(visitor)

    def colour(self, region: str, colour: str, strength: float, request: gr.Request) -> Any:
        """A region in another colour: preview, note, what is recoloured."""
        visitor = self._visitor(request)
        if not self.desk.recolour(visitor, region, colour, strength):
            return gr.skip(), gr.skip(), gr.skip()
        return *self._seen(visitor), _recoloured(visitor)

    def colour_strength(self, region: str, colour: str, strength: float, request: gr.Request) -> Any:
        """More or less of a colour that was chosen: preview, note, what is recoloured."""
        if region not in self._visitor(request).colours:
            return gr.skip(), gr.skip(), gr.skip()
        return self.colour(region, colour, strength, request)

    def coloured_region(self, region: str, request: gr.Request) -> Any:
        """Another region to recolour: colour, strength."""
        chosen = self._visitor(request).colours.get(region)
        return (gr.skip(), gr.skip()) if chosen is None else ("#" + bytes(chosen.colour).hex(), chosen.strength)

    def uncolour(self, request: gr.Request) -> Any:
        """Everything in its own colour: preview, note, what is recoloured."""
        visitor = self._visitor(request)
        visitor.colours.clear()
        return *self._seen(visitor), _recoloured(visitor)

    def operation(self, region: str, operation: str, request: gr.Request) -> Any:
        """Another region or operation: amount, down."""
        amounts = self.desk.amounts(self._visitor(request), region, operation)
        chosen = amount_range(operation) | {"value": amounts[0]}
        return gr.update(**chosen), gr.update(visible=operation == "shift", value=amounts[-1])

    def shape(self, region: str, operation: str, amount: float, down: float, request: gr.Request) -> Any:
        """A region of another shape: preview, note, what is reshaped."""
        visitor = self._visitor(request)
        if not self.desk.reshape(visitor, region, operation, (amount, down) if operation == "shift" else (amount,)):
            return gr.skip(), gr.skip(), gr.skip()
        return *self._seen(visitor), _reshaped(visitor)

    def unshape(self, request: gr.Request) -> Any:
        """Everything of its own shape: preview, note, what is reshaped."""
        visitor = self._visitor(request)
        visitor.shapes.clear()
        return *self._seen(visitor), _reshaped(visitor)

    def behind_kind(self, kind: Behind) -> Any:
        """Which of the parts for a background are needed: colour, file."""
        return gr.update(visible=kind == "a colour"), gr.update(visible=kind == "a picture or video")

    def behind(self, kind: Behind, colour: str, file: str | None, request: gr.Request) -> Any:
        """Another background: preview, note."""
        visitor = self._visitor(request)
        self.desk.put_behind(visitor, kind, colour, file)
        return self._seen(visitor)

    def choose(self, repaint: Repaint, crop_only: bool, request: gr.Request) -> Any:
        """What is painted: preview, note."""
        visitor = self._visitor(request)
        self.desk.choose(visitor, repaint, crop_only)
        return self._seen(visitor)

    def begin(self, request: gr.Request) -> Any:
        """A video is to be made: make, stop, video."""
        self.desk.begin(self._visitor(request))
        return gr.update(interactive=False), gr.update(visible=True), gr.update(visible=True)

    def end(self) -> Any:
        """No video is being made: make, stop."""
        return gr.update(interactive=True), gr.update(visible=False)

    def make(self, request: gr.Request, progress: gr.Progress = _PROGRESS) -> Any:
        """The video: video, download, note."""
        progress(0.0, desc="waiting")
        visitor = self._visitor(request)
        made = self.desk.make_video(visitor, lambda phase, share: progress(share, desc=phase))
        facts = made.facts
        note = f"{facts.seconds:.1f} s, {facts.frames} frames of {facts.width} × {facts.height} px."
        path = self._hand_out(visitor, made.path)
        return path, _download(Path(path)), note + self._not_seen(facts.without_effect)

    def picture(self, request: gr.Request, progress: gr.Progress = _PROGRESS) -> Any:
        """The edited picture: download, note."""
        visitor = self._visitor(request)
        made = self.desk.make_picture(visitor, lambda phase, share: progress(share, desc=phase))
        note = f"A picture of {made.facts.width} × {made.facts.height} px, with nobody speaking."
        path = self._hand_out(visitor, made.path)
        return _download(Path(path)), note + self._not_seen(made.facts.without_effect)

    def stop(self, request: gr.Request) -> None:
        """The visitor wants no more of the video."""
        self._visitor(request).stopped.set()

    def _visitor(self, request: gr.Request) -> Visitor:
        return self.desk.visitor(str(request.session_hash))

    def _lend(self, request: gr.Request, region: str, file: str | None, strength: float) -> Any:
        visitor = self._visitor(request)
        before = dict(visitor.swaps)
        try:
            self.desk.lend(visitor, region, file, strength)
            return *self._seen(visitor), _lent(visitor)
        except SegTalkerError:
            visitor.swaps = before
            raise

    def _seen(self, visitor: Visitor) -> tuple[Any, str]:
        """Preview and note."""
        preview = self.desk.preview(visitor)
        if preview is None:
            return None, NO_FACE
        mouth = "at the loudest moment of the speech" if visitor.audio else "without speech yet"
        note = f"{preview.shape[1]} × {preview.shape[0]} px, {mouth}, by {visitor.experiment}."
        return self._hand_out(visitor, preview), note

    def _canvas(self, visitor: Visitor, shown: Canvas, layers: list[Any]) -> Any:
        picture = self.desk.canvas(visitor, shown)
        if picture is None:
            return None
        background, *strokes = (self._hand_out(visitor, image) for image in (picture, *layers))
        return {"background": background, "layers": strokes, "composite": None}

    def _hand_out(self, visitor: Visitor, made: Path | np.ndarray) -> str:
        """Puts a file or picture where Gradio would put it, so that it is deleted with the visitor."""
        uploads = str(self.desk.uploads)
        with self.desk.visitors.work(visitor):
            if isinstance(made, Path):
                path = save_file_to_cache(made, uploads)
            else:
                path = save_img_array_to_cache(made, uploads, "png")
            self.desk.bring(visitor, path)
        return path

    def _warn(self, error: SegTalkerError) -> None:
        title = "This page is over" if isinstance(error, GoneError) else "That cannot be used"
        gr.Warning(self.line(error), duration=_TOAST_S, title=title)

    def _not_seen(self, lines: Sequence[str]) -> str:
        """Edits without effect, said below a note."""
        parted = (self.known_names(" ".join(line.split())).rpartition(" has no effect: ") for line in lines)
        return "".join(f"\n\n{_quoted(edit.removeprefix('--'))} has no effect: {reason}." for edit, _, reason in parted)


def _layers(drawing: dict[str, Any] | None) -> list[Any]:
    return list(drawing["layers"]) if drawing else []


def _lent(visitor: Visitor) -> str:
    """What is lent, for people."""
    if not visitor.swaps:
        return NOTHING_LENT
    lent = (f"**{swap.region}** from {_name(swap.path)} ({swap.strength:.0%})" for swap in visitor.swaps.values())
    return "Borrowed: " + ", ".join(lent) + "."


def _recoloured(visitor: Visitor) -> str:
    """What is recoloured, for people."""
    if not visitor.colours:
        return NOTHING_COLOURED
    colours = (
        f"**{edit.region}** #{bytes(edit.colour).hex()} ({edit.strength:.0%})" for edit in visitor.colours.values()
    )
    return "Recoloured: " + ", ".join(colours) + "."


def _download(path: Path) -> Any:
    """The button that gives a file."""
    label = f"Download {path.name} ({path.stat().st_size / 1e6:.1f} MB)"
    return gr.DownloadButton(label, value=str(path), visible=True)


def _reshaped(visitor: Visitor) -> str:
    """What is reshaped, for people."""
    if not visitor.shapes:
        return NOTHING_RESHAPED
    edits = (
        f"**{shape.region}** {shape.operation} {', '.join(f'{amount:g}' for amount in shape.amounts)}"
        for shape in visitor.shapes.values()
    )
    return "Reshaped: " + "; ".join(edits) + "."


def _name(path: Path) -> str:
    """A file's name as Markdown that says nothing but itself."""
    return _quoted(path.name)


def _quoted(text: str) -> str:
    """A text as Markdown that says nothing but itself."""
    return "`" + text.replace("`", "'") + "`"
