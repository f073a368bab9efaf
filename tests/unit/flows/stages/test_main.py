"""What a process imports for stages to be forked from it."""

import subprocess
import sys

import pytest

from flows.stages.__main__ import stage_modules
from segtalker.config.stages import STAGES


def test_every_stage_that_may_run_is_imported_in_order() -> None:
    bodies = [name for name in stage_modules(STAGES) if name.removeprefix("flows.stages.") in STAGES]
    assert bodies == [f"flows.stages.{stage}" for stage in STAGES]


@pytest.mark.parametrize(("last", "absent"), [("cut", "torch"), ("gate", "pytorch_lightning")])
def test_a_run_up_to_an_early_stage_imports_no_more_than_it_needs(last: str, absent: str) -> None:
    stages = STAGES[: [*STAGES].index(last) + 1]
    program = f"import importlib, sys\nfor name in {stage_modules(stages)}: importlib.import_module(name)\n"
    program += f"assert {absent!r} not in sys.modules, [name for name in sys.modules if name.startswith({absent!r})]"
    subprocess.run([sys.executable, "-c", program], check=True)
