"""What makes searches of different lengths comparable: learning rates follow the number of steps.

A paper states the learning rate of its architecture parameters for its own number of steps. A
search of fewer steps with the same rate moves the architecture less, so that it says nothing about
the method; rate times steps is kept, up to a cap.
"""

from __future__ import annotations


def rate_factor(stated_steps: int | None, steps: int, cap: float) -> float:
    """What a rate stated for `stated_steps` is multiplied by in a search of `steps`.

    stated_steps / steps, at least 1 and at most `cap`: a longer search keeps the stated rate, and
    one whose paper states no steps (None). Raises ValueError for a number of steps below 1 or a cap
    below 1.
    """
    if stated_steps is None:
        return 1.0
    if stated_steps < 1 or steps < 1 or cap < 1:
        raise ValueError(f"steps ({stated_steps}, {steps}) and cap ({cap:g}) must be at least 1")
    return min(cap, max(1.0, stated_steps / steps))
