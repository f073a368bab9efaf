"""What the command says to a person."""

import sys


def say(text: str) -> None:
    """One line on stdout, at once."""
    print(text, flush=True)


def complain(text: str) -> None:
    """A line on stderr for each line of a text: each says one thing that is wrong."""
    for line in text.splitlines():
        print(f"error: {line}", file=sys.stderr, flush=True)


def note(text: str) -> None:
    """One line on stderr, at once: where stdout may be a video."""
    print(text, file=sys.stderr, flush=True)
