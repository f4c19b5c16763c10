"""Steps in turns with the machine itself, each with the share of its bound that it reaches."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bench.speed.context import Context
from bench.speed.report import Row, Section
from bench.speed.roofline.bounds import machine_rows, with_bounds
from bench.speed.roofline.peaks import alternate_with_machine
from bench.speed.roofline.work import count
from bench.speed.timing import timed


def measure_steps(
    context: Context, section: Section, steps: Mapping[str, Callable[[], object]]
) -> list[Row]:
    """Seconds of each step, by variant, and the machine's rates."""
    samples, rates = alternate_with_machine(timed(steps, context.device), context)
    work = {(name, "step"): count(step) for name, step in steps.items()}
    return with_bounds(section.rows(samples), samples, work, rates) + machine_rows(section, rates)
