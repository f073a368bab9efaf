"""What a process imports for stages to be forked from it."""

import subprocess
import sys

from flows.stages.__main__ import stage_modules
from segtalker.config.stages import STAGES


def test_every_stage_that_may_run_is_imported_in_order() -> None:
    bodies = [name for name in stage_modules(STAGES) if name.removeprefix("flows.stages.") in STAGES]
    assert bodies == [f"flows.stages.{stage}" for stage in STAGES]


def test_a_run_up_to_an_early_stage_imports_no_more_than_it_needs() -> None:
    lines = ["import importlib, sys"]
    for last, absent in (("cut", "torch"), ("gate", "pytorch_lightning")):
        stages = STAGES[: [*STAGES].index(last) + 1]
        lines.append(f"for name in {stage_modules(stages)}: importlib.import_module(name)")
        lines.append(f"assert {absent!r} not in sys.modules, {last!r}")
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)
