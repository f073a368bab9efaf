"""The page: its parts, what happens when they are used, and the server."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import hash_file
from gradio_client.utils import strip_invalid_filename_characters

from flows.studio.desk import Desk
from flows.studio.examples import Examples, make_examples
from flows.studio.handlers import Handlers
from flows.studio.layout import Parts, brush_script, lay_out
from flows.studio.options import MB, UPLOADS, StudioOptions
from flows.studio.style import TITLE, page_css, theme
from flows.studio.talkers import Talkers
from segtalker.utils.errors import BadInputError

_CLEAN_EVERY_S = 60


def build(desk: Desk, examples: Examples, options: StudioOptions, experiment: str) -> gr.Blocks:
    """Makes the page.

    Args:
        desk: does the work.
        examples: to try.
        options: of the studio.
        experiment: whose networks are chosen first.
    """
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as blocks:
        parts = lay_out(options, examples, desk.talkers.names(), experiment)
        handlers = Handlers(desk, examples)
        wiring = _Wiring(handlers)
        wiring.visits(blocks)
        wiring.face(parts)
        wiring.speech(parts)
        wiring.paint(parts)
        wiring.lend(parts)
        wiring.colour(parts)
        wiring.reshape(parts)
        wiring.behind(parts)
        wiring.result(parts)
    blocks.queue(max_size=options.queue, default_concurrency_limit=None, api_open=False)
    return blocks


class _Wiring:
    """Connects parts with handlers.

    Previews are made one at a time, and videos likewise beside them: more at once would only slow each other.
    """

    def __init__(self, handlers: Handlers) -> None:
        self.handlers = handlers

    def visits(self, blocks: gr.Blocks) -> None:
        blocks.load(self.handlers.arrive, queue=False, api_visibility="private")
        blocks.unload(self.handlers.leave)

    def on(self, event: Any, action: Any, inputs: list[Any], outputs: list[Any], **chosen: Any) -> Any:
        """Connects an event with an action that is quick."""
        said = self.handlers.said(action, len(outputs))
        return event(
            said, inputs, outputs, **{"show_progress": "hidden", "api_visibility": "private", "queue": True} | chosen
        )

    def previewed(self, event: Any, action: Any, inputs: list[Any], outputs: list[Any], **chosen: Any) -> Any:
        """Connects an event with an action that makes a preview; of many the last one counts."""
        chosen = {"trigger_mode": "always_last", "concurrency_limit": 1, "concurrency_id": "preview"} | chosen
        return self.on(event, action, inputs, outputs, **chosen)

    def face(self, parts: Parts) -> None:
        face, paint, result, do = parts.face, parts.paint, parts.result, self.handlers
        outputs = [result.preview, result.note, paint.editor]
        inputs = [face.file, face.experiment, paint.shown]
        shown = {"show_progress": "minimal", "show_progress_on": [result.preview]}
        self.previewed(face.file.change, do.face, inputs, outputs, **shown)
        self.previewed(face.experiment.change, do.face, inputs, outputs, **shown)
        self.on(face.people.select, do.person, [], [face.file])
        if face.camera is not None:
            self.on(face.camera.change, lambda file: file, [face.camera], [face.file])

    def speech(self, parts: Parts) -> None:
        speech, result, do = parts.speech, parts.result, self.handlers
        typed = [speech.text, speech.language, speech.speaker]
        for event in (speech.say.click, speech.text.submit):
            self.on(event, do.say, typed, [speech.audio])
        self.on(speech.voices.click, do.voice, [speech.voices], [speech.audio])
        self.previewed(speech.audio.change, do.speech, [speech.audio], [result.preview, result.note])

    def paint(self, parts: Parts) -> None:
        paint, result, do = parts.paint, parts.result, self.handlers
        seen = [result.preview, result.note]
        for event in (paint.region.change, paint.brush_px.change):
            event(None, [paint.region, paint.brush_px], [paint.editor], js=brush_script(), api_visibility="private")
        self.previewed(paint.editor.change, do.paint, [paint.editor], seen)
        self.on(paint.shown.change, do.show, [paint.editor, paint.shown], [paint.editor])
        self.previewed(paint.clear.click, do.unpaint, [paint.shown], [*seen, paint.editor])

    def lend(self, parts: Parts) -> None:
        lend, result, do = parts.lend, parts.result, self.handlers
        seen = [result.preview, result.note]
        chosen = [lend.region, lend.strength]
        self.previewed(lend.people.select, do.lender, chosen, [*seen, lend.lent])
        self.previewed(lend.file.upload, do.own_lender, [lend.file, *chosen], [*seen, lend.lent])
        self.previewed(lend.strength.change, do.strength, chosen, [*seen, lend.lent])
        self.on(lend.region.change, do.lent_region, [lend.region], [lend.strength])
        self.previewed(lend.clear.click, do.give_back, [], [*seen, lend.lent])

    def colour(self, parts: Parts) -> None:
        colour, result, do = parts.colour, parts.result, self.handlers
        seen, chosen = [result.preview, result.note, colour.colours], [colour.region, colour.colour, colour.strength]
        self.previewed(colour.colour.input, do.colour, chosen, seen)
        self.previewed(colour.strength.change, do.colour_strength, chosen, seen)
        self.on(colour.region.change, do.coloured_region, [colour.region], [colour.colour, colour.strength])
        self.previewed(colour.clear.click, do.uncolour, [], seen)

    def reshape(self, parts: Parts) -> None:
        shape, result, do = parts.shape, parts.result, self.handlers
        seen = [result.preview, result.note, shape.shapes]
        inputs = [shape.region, shape.operation, shape.amount, shape.down]
        for event in (shape.region.change, shape.operation.change):
            self.on(event, do.operation, [shape.region, shape.operation], [shape.amount, shape.down])
        for event in (shape.amount.change, shape.down.change):
            self.previewed(event, do.shape, inputs, seen)
        self.previewed(shape.clear.click, do.unshape, [], seen)

    def behind(self, parts: Parts) -> None:
        behind, seen, do = parts.behind, [parts.result.preview, parts.result.note], self.handlers
        self.on(behind.kind.change, do.behind_kind, [behind.kind], [behind.colour, behind.file])
        for event in (behind.kind.change, behind.colour.change, behind.file.change):
            self.previewed(event, do.behind, [behind.kind, behind.colour, behind.file], seen)

    def result(self, parts: Parts) -> None:
        result, do = parts.result, self.handlers
        seen, buttons = [result.preview, result.note], [result.make, result.stop]
        for event in (result.repaint.change, result.crop_only.change):
            self.previewed(event, do.choose, [result.repaint, result.crop_only], seen)
        begun = self.on(result.make.click, do.begin, [], [*buttons, result.video], queue=False)
        made = self.on(
            begun.then,
            do.make,
            [],
            [result.video, result.download, result.note],
            concurrency_limit=1,
            concurrency_id="video",
            show_progress="full",
            show_progress_on=[result.video],
        )
        self.on(made.then, do.end, [], buttons, queue=False)
        self.on(
            result.picture.click,
            do.picture,
            [],
            [result.download, result.note],
            concurrency_limit=1,
            concurrency_id="preview",
            show_progress="minimal",
            show_progress_on=[result.preview],
        )
        self.on(result.stop.click, do.stop, [], [], queue=False)


@contextmanager
def serve(root: Path, experiment: str, options: StudioOptions, folder: Path) -> Iterator[str]:
    """Serves the studio until the end of the block.

    Args:
        root: the project folder.
        experiment: whose networks are chosen first.
        options: of the studio.
        folder: for what is made. Uploads are in its folder `UPLOADS`, to which `GRADIO_TEMP_DIR` has to point.

    Yields:
        The address of the page.

    Raises:
        BadInputError: the port is taken, or the host is no address of this machine.
    """
    talkers = Talkers(root)
    talkers.get(experiment)
    examples = make_examples(root, experiment, folder / "examples")
    shared = frozenset(_served_at(path, folder / UPLOADS) for path in (*examples.faces, *examples.voices))
    desk = Desk(talkers, folder / "visitors", folder / UPLOADS, shared, options)
    blocks = build(desk, examples, options, experiment)
    try:
        port = options.port or _free_port(options.host)
        _, address, _ = blocks.launch(
            server_name=options.host,
            server_port=port,
            share=False,
            quiet=True,
            inbrowser=False,
            prevent_thread_lock=True,
            footer_links=[],
            run_history=False,
            enable_monitoring=False,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            max_file_size=options.max_upload_mb * MB,
            theme=theme(),
            css=page_css(),
        )
    except OSError as error:
        raise BadInputError(
            f"--host {options.host} --port {options.port}: cannot be listened on; choose another port,"
            " or an IPv4 address or name of this machine"
        ) from error
    closed = threading.Event()
    threading.Thread(target=_clean, args=(desk, options.keep_min * 60, closed), daemon=True).start()
    try:
        yield address
    finally:
        closed.set()
        blocks.close(verbose=False)


def _served_at(path: Path, uploads: Path) -> Path:
    """Where Gradio keeps its copy of a file; the same content under another name is somebody's own."""
    return uploads / hash_file(path) / strip_invalid_filename_characters(path.name)


def _clean(desk: Desk, unused_s: float, closed: threading.Event) -> None:
    """Deletes old files again and again until the studio closes."""
    while not closed.wait(_CLEAN_EVERY_S):
        desk.clean(unused_s)


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
