"""Every method's step, and VINNAS's by estimator of the weights' noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.speed.context import Context
from bench.speed.rows import Row, rows
from bench.speed.scales import Scale
from bench.speed.steps import Step, make
from bench.speed.timing import alternate, timed

ESTIMATORS = ("lrt", "lrt_fused", "weight", "flipout", "mixed")

DETERMINISTIC = "vinnas, deterministic weights"
SINGLE_LEVEL = "darts, single level"


def estimators(context: Context, scale: Scale) -> list[Row]:
    """VINNAS with variational weights against VINNAS with deterministic ones."""
    steps = {DETERMINISTIC: _step(context, scale, "vinnas", {"variational_weights": False})}
    for name in ESTIMATORS:
        steps[f"vinnas, {name}"] = _step(context, scale, "vinnas", {"estimator": name})
    return _measured(context, "estimators", scale, steps, DETERMINISTIC)


def methods(context: Context, scale: Scale) -> list[Row]:
    """All methods against DARTS with everything from one backward pass on one batch."""
    steps = {
        SINGLE_LEVEL: make("darts", scale, context.device, single_level=True),
        "darts, order 1": _step(context, scale, "darts", {"order": 1}),
        "darts, order 2": _step(context, scale, "darts", {"order": 2}),
        "vinnas": _step(context, scale, "vinnas", {}),
        DETERMINISTIC: _step(context, scale, "vinnas", {"variational_weights": False}),
        f"{DETERMINISTIC}, z a batch": _step(
            context, scale, "vinnas", {"variational_weights": False, "draw": "batch"}
        ),
    }
    for granularity in ("operation", "slice"):
        for draw in ("batch", "example"):
            options = {"granularity": granularity, "draw": draw}
            steps[f"pgnas, {granularity}, {draw}"] = _step(context, scale, "pgnas", options)
    return _measured(context, "methods", scale, steps, SINGLE_LEVEL)


def _step(context: Context, scale: Scale, name: str, options: dict[str, Any]) -> Step:
    return make(name, scale, context.device, options)


def _measured(
    context: Context, section: str, scale: Scale, steps: Mapping[str, Step], reference: str
) -> list[Row]:
    works = timed({name: step.step for name, step in steps.items()}, context.device)
    found = alternate(works, context.repeats, context.tick)
    return rows(section, scale.name, found, reference)
