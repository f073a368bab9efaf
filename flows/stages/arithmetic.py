"""Variables that libraries of arithmetic read when they are imported."""


def arithmetic_variables() -> dict[str, str]:
    """Of every stage: no threads but those it asks for, none that waits spinning."""
    return {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1"}
