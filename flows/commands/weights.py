"""`segtalker weights`: published files, fetched only when asked for."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from flows.commands.console import say
from segtalker.nets.pretrained import METRIC_WEIGHTS, cache_folder, fetch_weights, known_weights, verify_weights

_MARKS = {
    "here": "[green]here[/]",
    "unchecked": "[green]here[/], no hash is published",
    "damaged": "[red]damaged[/]",
    "missing": "[yellow]missing[/]",
}
_WIDE = 1000  # columns where nobody's window is too narrow
_MIB = 2**20

weights_app = typer.Typer(help="Published weights: list, fetch, verify.")


def _size(name: str) -> str:
    file = cache_folder() / known_weights()[name].file
    return f"{file.stat().st_size / _MIB:.1f} MiB" if file.is_file() else ""


@weights_app.command("list")
def list_weights() -> None:
    """Show all of them, their licences, what the cache holds and where the rest comes from."""
    heads = ("name", "state", "size", "licence", "file")
    table, weight_files = Table(*(Column(head, overflow="fold") for head in heads), box=None), known_weights()
    states = verify_weights()
    for name, weights in weight_files.items():
        table.add_row(name, _MARKS[states[name]], _size(name), weights.licence, weights.file)
    # a pipe has no width into which it would have to fit
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)
    # on lines of their own, which a terminal wraps so that they can still be copied whole
    width = max(map(len, weight_files))
    for name, weights in weight_files.items():
        say(f" {name:{width}}  {weights.url}")
    say(f"cache: {cache_folder()}")


@weights_app.command()
def fetch(names: Annotated[list[str], typer.Argument(metavar="NAME...", help="See segtalker weights list.")]) -> None:
    """Fetch files into the cache; what is there and right is left alone."""
    for name in names:
        file = fetch_weights(name)
        use = f"; used by --set {known_weights()[name].key}={file}" if name in METRIC_WEIGHTS else ""
        say(f"{name}: {file}{use}")


@weights_app.command()
def verify() -> None:
    """Compare what the cache holds with the published hashes; exit code 1 if a file is damaged."""
    states = verify_weights()
    for name, state in states.items():
        if state != "missing":
            Console(soft_wrap=True).print(f"{name}: {_MARKS[state]}")
    if "damaged" in states.values():
        raise typer.Exit(1)
    say(f"{sum(state != 'missing' for state in states.values())} of {len(states)} are in {cache_folder()}")
