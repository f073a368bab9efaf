"""What the command says to a person."""

import sys


def say(text: str) -> None:
    """One line on stdout, at once."""
    print(text, flush=True)


def complain(text: str) -> None:
    """One line on stderr."""
    print(f"error: {text}", file=sys.stderr, flush=True)
