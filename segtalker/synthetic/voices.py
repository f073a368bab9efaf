"""The voices that can be asked for by name: espeak-ng's languages, each with its variants."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import espeakng_loader

from segtalker.utils.errors import BadInputError

_SHOWN = ("en-gb", "en-us", "de", "fr", "es", "it")


@cache
def languages() -> dict[str, str]:
    """Names of the languages espeak-ng speaks, such as `en-gb`, each with the voice that speaks it best."""
    folder = Path(espeakng_loader.get_data_path()) / "lang"
    best: dict[str, tuple[int, str]] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        for language, priority in [(path.name, 0), *_stated(path)]:
            best[language.lower()] = min(best.get(language.lower(), (99, "")), (priority, path.name))
    return {language: voice for language, (_, voice) in best.items()}


def _stated(path: Path) -> Iterator[tuple[str, int]]:
    """Languages that a voice's file names, with their priorities: less is better, 5 where none is named."""
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "language":
            yield words[1], int(words[2]) if len(words) > 2 and words[2].isdigit() else 5


@cache
def variants() -> frozenset[str]:
    """Names of the variants of each voice, such as `f3`."""
    folder = Path(espeakng_loader.get_data_path()) / "voices" / "!v"
    return frozenset(path.name for path in folder.iterdir() if path.is_file())


def parse_voice(name: str) -> tuple[str, str]:
    """espeak-ng's voice and variant for `en-gb` or `en-gb+f3`; without a variant the second is empty.

    Raises:
        BadInputError: there is no such voice.
    """
    language, _, variant = name.partition("+")
    language = language.lower()
    if language not in languages():
        alike = sorted(other for other in languages() if other.split("-")[0] == language.split("-")[0])
        known = ", ".join(alike or _SHOWN)
        raise BadInputError(
            f"--voice {name}: espeak-ng has no such voice; there are {known} and {len(languages())} in all"
        )
    if variant and variant not in variants():
        raise BadInputError(f"--voice {name}: no such variant; there are f1 to f5, m1 to m8 and more")
    return languages()[language], variant
