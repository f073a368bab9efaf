"""`segtalker studio`: the page on which a portrait is edited and let talk."""

import ipaddress
import os
import signal
import threading
from typing import Annotated

import typer

from flows.commands.console import say
from flows.studio.folders import studio_folder
from flows.studio.options import UPLOADS, StudioOptions
from segtalker.config.workspace import project_root
from segtalker.inference.talk_inputs import trained_experiment
from segtalker.utils.errors import BadInputError, check_all

_LIBRARIES = {
    # Gradio and what it stands on: no reports on use, no look for newer versions
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
_DEFAULT = StudioOptions()


def studio(
    experiment: Annotated[
        str | None, typer.Option(help="Whose networks are chosen first; the newest trained ones if left out.")
    ] = _DEFAULT.experiment,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 lets every machine in that reaches this one.")
    ] = _DEFAULT.host,
    port: Annotated[int, typer.Option(help="0 takes any free one.")] = _DEFAULT.port,
    webcam: Annotated[bool, typer.Option("--webcam", help="Let visitors take a face with their camera.")] = False,
    max_speech_s: Annotated[float, typer.Option(help="Longest speech of a video, seconds.")] = _DEFAULT.max_speech_s,
    max_upload_mb: Annotated[int, typer.Option(help="Largest file, megabytes.")] = _DEFAULT.max_upload_mb,
    max_render_s: Annotated[
        float, typer.Option(help="A video that takes longer is given up, seconds.")
    ] = _DEFAULT.max_render_s,
    queue: Annotated[int, typer.Option(help="How many may wait.")] = _DEFAULT.queue,
    keep_min: Annotated[
        float, typer.Option(help="Files are deleted so many minutes after they were last used, at the latest.")
    ] = _DEFAULT.keep_min,
) -> None:
    """Open a page to edit a portrait and let it talk."""
    options = StudioOptions(host, port, experiment, webcam, max_speech_s, max_upload_mb, max_render_s, queue, keep_min)
    root = project_root()
    check_all([lambda: check_options(options), lambda: trained_experiment(root, experiment)])
    name = trained_experiment(root, experiment)
    with studio_folder() as folder:
        os.environ |= _LIBRARIES | {"GRADIO_TEMP_DIR": str(folder / UPLOADS)}
        say(f"reading the networks of {name}")
        # torch and Gradio take seconds to import: only here, when all that was given can be used
        from flows.studio.page import serve

        with serve(root, name, options, folder) as address:
            say(f"studio: {address} (stop it with Ctrl-C)")
            if not is_loopback(options.host):
                say(f"--host {options.host}: others can reach it; there is no password")
            _wait()
    say("studio: closed; what visitors brought is deleted")


def check_options(options: StudioOptions) -> None:
    """Looks at values.

    Raises:
        BadInputError: one makes no sense.
    """
    if not 0 <= options.port <= 65535:
        raise BadInputError(f"--port {options.port}: a port is a number from 0 to 65535")
    for name in ("max_speech_s", "max_upload_mb", "max_render_s", "queue", "keep_min"):
        value = getattr(options, name)
        if not value > 0:
            raise BadInputError(f"--{name.replace('_', '-')} {value:g}: has to be more than 0")


def is_loopback(host: str) -> bool:
    """Whether an address, or a name, is this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _wait() -> None:
    """Until somebody stops the command."""
    stopped = threading.Event()
    before = {name: signal.signal(name, lambda *_: stopped.set()) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        while not stopped.wait(1.0):
            pass
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
