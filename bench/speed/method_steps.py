"""Every method's step, and VINNAS's by estimator of the weights' noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.speed.context import Context
from bench.speed.report import Row, Section
from bench.speed.roofline.steps import measure_steps
from bench.speed.scales import Scale
from bench.speed.steps import Step, make

ESTIMATORS = ("lrt", "lrt_fused", "weight", "flipout", "mixed")

DETERMINISTIC = "vinnas, deterministic weights"
SINGLE_LEVEL = "darts, single level"


def estimators(context: Context, scale: Scale) -> list[Row]:
    """VINNAS with Gaussian weights, by estimator, against VINNAS with deterministic ones."""
    options: dict[str, dict[str, Any]] = {DETERMINISTIC: {}}
    for name in ESTIMATORS:
        options[f"vinnas, {name}"] = {"variational_weights": True, "estimator": name}
    steps = {
        variant: make("vinnas", scale, context.device, own) for variant, own in options.items()
    }
    return _measure(context, Section("estimators", scale.name, DETERMINISTIC), steps)


def methods(context: Context, scale: Scale) -> list[Row]:
    """All methods against DARTS with everything from one backward pass on one batch."""
    options: dict[str, tuple[str, dict[str, Any]]] = {
        "darts, order 1": ("darts", {"order": 1}),
        "darts, order 2": ("darts", {"order": 2}),
        "vinnas, Gaussian weights": ("vinnas", {"variational_weights": True}),
        DETERMINISTIC: ("vinnas", {}),
        f"{DETERMINISTIC}, z a batch": ("vinnas", {"draw": "batch"}),
    }
    for granularity in ("operation", "slice"):
        for draw in ("batch", "example"):
            own = {"granularity": granularity, "draw": draw}
            options[f"pgnas, {granularity}, {draw}"] = ("pgnas", own)
    steps = {SINGLE_LEVEL: make("darts", scale, context.device, single_level=True)}
    for variant, (name, own) in options.items():
        steps[variant] = make(name, scale, context.device, own)
    return _measure(context, Section("methods", scale.name, SINGLE_LEVEL), steps)


def _measure(context: Context, section: Section, steps: Mapping[str, Step]) -> list[Row]:
    return measure_steps(context, section, {name: step.step for name, step in steps.items()})
