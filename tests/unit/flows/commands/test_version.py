"""`segtalker --version`."""

import re
from collections.abc import Callable


def test_the_version_names_code_and_packages(segtalker: Callable) -> None:
    code, said, _ = segtalker("--version")
    assert code == 0
    git = r"( \(git [0-9a-f]{10}(, with local changes)?\))?"
    assert re.fullmatch(rf"segtalker [\d.]+{git}, Python 3\.1\d\.\d+, torch \S+\n", said)
