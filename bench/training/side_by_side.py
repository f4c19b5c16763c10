"""Independent work side by side on a CPU's cores, a thread each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Thing = TypeVar("Thing")
Result = TypeVar("Result")


def side_by_side(
    function: Callable[[Thing], Result], things: Sequence[Thing], at_once: int
) -> list[Result]:
    """`[function(thing) for thing in things]`, some at once, which share torch's threads evenly.

    Small tensors gain little from two cores at one operation (measured: a quarter), and nearly
    double speed from an operation on each core.
    """
    threads = torch.get_num_threads()
    at_once = min(at_once, threads, len(things))
    if at_once < 2:
        return [function(thing) for thing in things]
    own = (threads // at_once,)
    pool = ThreadPoolExecutor(at_once, initializer=torch.set_num_threads, initargs=own)
    try:
        return list(pool.map(function, things))
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
