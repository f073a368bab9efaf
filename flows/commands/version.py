"""`segtalker --version`: what to say with a question or a report of a defect."""

import platform
from importlib.metadata import version

import typer

from flows.commands.console import say
from segtalker.config.workspace import project_root
from segtalker.tracking.provenance import git_revision

_REVISION_DIGITS = 10


def print_version(is_asked: bool) -> None:
    """Prints the version, the git revision where there is one, Python's and torch's, and ends the command.

    Args:
        is_asked: whether `--version` was given.
    """
    if not is_asked:
        return
    revision, is_modified = git_revision(project_root())
    git = "" if revision == "none" else f" (git {revision[:_REVISION_DIGITS]}{', with local changes' * is_modified})"
    say(f"segtalker {version('segtalker')}{git}, Python {platform.python_version()}, torch {version('torch')}")
    raise typer.Exit
