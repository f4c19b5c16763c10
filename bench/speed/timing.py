"""Measuring: alternating rounds, medians, quartiles; nothing is timed alone and trusted."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

Samples = dict[str, list[float]]
"""What was measured by name, one value a round."""


@dataclass(frozen=True)
class Spread:
    """Median and quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Raises ValueError for no values."""
        if not values:
            raise ValueError("nothing was measured")
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)


def ratios(values: Sequence[float], reference: Sequence[float]) -> Spread:
    """Spread of value / reference by round: what disturbs a whole round cancels."""
    return Spread.of([value / other for value, other in zip(values, reference, strict=True)])


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Wall time of one call, with the device's queue empty before and after."""
    synchronise(device)
    started = time.perf_counter()
    work()
    synchronise(device)
    return time.perf_counter() - started


def synchronise(device: torch.device) -> None:
    """Wait until the device has nothing left to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def alternate(
    works: Mapping[str, Callable[[], Mapping[str, float]]],
    repeats: int,
    tick: Callable[[float], None],
    warm_up: int = 1,
) -> dict[str, Samples]:
    """Run all works in turn, `repeats` times after `warm_up` rounds that do not count.

    A work returns what it measured, by quantity. Every round starts with another one, so that none
    always has the same predecessor. tick(share done) is called after every call.
    """
    samples: dict[str, Samples] = {name: {} for name in works}
    names = list(works)
    total, done = (repeats + warm_up) * len(names), 0
    for turn in range(repeats + warm_up):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            for quantity, value in works[name]().items():
                if turn >= warm_up:
                    samples[name].setdefault(quantity, []).append(value)
            done += 1
            tick(done / total)
    return samples


def timed(
    works: Mapping[str, Callable[[], object]], device: torch.device
) -> dict[str, Callable[[], dict[str, float]]]:
    """Works for `alternate` that measure their own wall time, as the quantity `step`."""

    def timing(work: Callable[[], object]) -> Callable[[], dict[str, float]]:
        return lambda: {"step": seconds(work, device)}

    return {name: timing(work) for name, work in works.items()}
