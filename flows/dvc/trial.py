"""A trial of `dvc exp run`: its name, and whether its values count."""

import os
import subprocess
from pathlib import Path

from ruamel.yaml import YAML

from segtalker.config.params import EXPERIMENT_FILE, PARAMS_FILE, read_yaml
from segtalker.tracking.provenance import leaves
from segtalker.utils.errors import BadInputError

TRIAL_VARIABLE = "DVC_EXP_NAME"


def check_trial(root: Path) -> None:
    """Sees to it that no value of a trial is without effect.

    `-S key=value` edits `params.yaml`, and what the active experiment says in `experiment.yaml` stands above that.

    Raises:
        BadInputError: a value changed since the last commit that the active experiment overrides.
    """
    if TRIAL_VARIABLE not in os.environ:
        return
    command = ["git", "-C", str(root), "show", f"HEAD:./{PARAMS_FILE}"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        return
    committed_values = leaves(YAML(typ="safe", pure=True).load(answer.stdout))
    overrides = leaves(read_yaml(root / EXPERIMENT_FILE))
    for key, value in leaves(read_yaml(root / PARAMS_FILE)).items():
        if value != committed_values.get(key) and key in overrides:
            raise BadInputError(
                f"{PARAMS_FILE}: {key}={value} has no effect, the active experiment overrides it; "
                f"git restore {PARAMS_FILE}, then -S {EXPERIMENT_FILE}:{key}={value}"
            )
