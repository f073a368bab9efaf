"""How the learning rate moves over a fixed budget of steps."""

import math


def warm_cosine(step: int, steps: int, warmup_steps: int) -> float:
    """Factor of the peak rate at a step: a linear rise, then a cosine down to zero at the end of the budget."""
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    progress = min(1.0, (step - warmup_steps) / max(1, steps - warmup_steps))
    return 0.5 * (1.0 + math.cos(math.pi * progress))
