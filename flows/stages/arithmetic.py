"""Variables that libraries of arithmetic read when they are loaded, before the first line of a stage."""

from segtalker.config.params import Params


def arithmetic_variables(params: Params) -> dict[str, str]:
    """Of every process of a stage: no threads but those it asks for, none that waits spinning."""
    return {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1"}
