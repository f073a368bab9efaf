"""What has to be the same for two runs' numbers to be compared, and a hash of it.

A score depends on more than the method: on the clips it is measured on, on how each metric is measured, on the code
that measures, and on the networks that do, of which the parser and the sync expert are trained by the experiment
itself. Runs that share data, parser and expert, as an ablation of a later stage does, share a protocol; another seed
has people, a parser and an expert of its own and shares none.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segtalker.utils.errors import BadInputError

PROTOCOL_FILE = "protocol.json"
PROTOCOL_DIGITS = 12
# a protocol of an earlier version has no such part, so its numbers are not mixed with those of this one
CODE_PART = "code that measures"
Protocol = Mapping[str, Mapping[str, str]]
_SHOWN = 3
# of a run of another seed these differ by their nature
SEEDED = ("clips", "networks")


def _sha256(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def make_protocol(
    *,
    metrics: Mapping[str, Mapping[str, Any]],
    settings: Mapping[str, Any],
    weights: Mapping[str, str],
    clips: Mapping[str, str],
    parser: str,
    expert: str,
    code: str,
) -> dict[str, dict[str, str]]:
    """The parts of a protocol, each by name.

    Args:
        metrics: what each metric is, as `segtalker.metrics.catalogue.describe` says it.
        settings: how clips are measured; without what only says where files are or how fast work is done.
        weights: hashes of the published weights that measure, empty where there are none.
        clips: hash of the reference of each test clip, see `clip_hash`.
        parser: hash of the parser that names regions in generated frames.
        expert: hash of the sync expert of the image domain.
        code: hash of the code that measures, without comments and docstrings.
    """
    return {
        "metrics": {name: _sha256(dict(facts)) for name, facts in metrics.items()},
        "settings": {name: str(value) for name, value in settings.items()},
        "weights": dict(weights),
        "clips": dict(clips),
        "networks": {"parser": parser, "expert": expert},
        CODE_PART: {"segtalker.evaluation": code},
    }


def clip_hash(files: Mapping[str, str]) -> str:
    """One hash of a clip's reference: its frames, sound, landmarks and masks, each by its own hash."""
    return _sha256(dict(files))


def protocol_signature(protocol: Protocol) -> str:
    """Names a protocol, whatever the order of its parts: 64 hex digits."""
    return _sha256({part: dict(content) for part, content in protocol.items()})


def read_protocol(path: Path) -> dict[str, dict[str, str]]:
    """Reads `protocol.json`.

    Raises:
        BadInputError: it is missing or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {part: {str(name): str(value) for name, value in values.items()} for part, values in content.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise BadInputError(f"{path}: holds no protocol ({error}); run the stage evaluate again") from error


def differing_parts(first: Protocol, other: Protocol) -> dict[str, list[str]]:
    """What two protocols differ in: names of each part that are missing in one or have another value."""
    differences = {}
    for part in sorted(first.keys() | other.keys()):
        here, there = first.get(part, {}), other.get(part, {})
        if names := sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name)):
            differences[part] = names
    return differences


def say_differences(parts: Mapping[str, list[str]]) -> str:
    """`differing_parts` in words, on one line."""
    return "; ".join(f"{part} ({_few(names)})" for part, names in parts.items())


def _few(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
