"""An old key is told a key that there is."""

import re
from pathlib import Path

import pytest

from segtalker.config.params import PARAMS_FILE, read_yaml
from segtalker.config.renamed_keys import RENAMED_KEYS

PARAMS = read_yaml(Path(__file__).parents[3] / PARAMS_FILE)


def is_there(key: str) -> bool:
    node = PARAMS
    for part in key.split("."):
        if not isinstance(node, dict) or part not in node:
            return False
        node = node[part]
    return True


@pytest.mark.parametrize("old", RENAMED_KEYS)
def test_the_old_key_is_gone_and_the_new_ones_are_there(old: str) -> None:
    named = re.findall(r"\w+(?:\.\w+)+", RENAMED_KEYS[old])
    assert named
    assert not is_there(old)
    assert [key for key in named if not is_there(key)] == []
