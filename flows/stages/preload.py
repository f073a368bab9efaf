"""Read last by the process that stages are forked from: what their code is, so that none has to look again."""

import sys

from flows.dvc.dependency_check import first_code_values
from segtalker.config.stages import STAGES
from segtalker.utils.code_hash import code_hash

for _stage in STAGES:
    if f"flows.stages.{_stage}" in sys.modules:
        code_hash(f"flows.stages.{_stage}")
        first_code_values(_stage)
