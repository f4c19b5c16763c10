"""Records of trials whose method zeroes weights, as evaluations leave them."""

from __future__ import annotations

from typing import Any

from bench.records.schema import FinishedRecord
from support import synthetic


def measured(
    label: str, seed: int, thresholds: tuple[float, ...] = (0.0, 3.0, 6.0)
) -> FinishedRecord:
    """A record with a path of thresholds; without thresholds, of a method that zeroes nothing."""
    plain = synthetic.record(label, seed=seed, zeroed=0.5 if thresholds else 0.0)
    total = plain.evaluation.parameters
    path = [
        {
            "threshold": threshold,
            "nonzero_parameters": int(total * (0.2 + 0.1 * threshold)),
            "test": {"accuracy": 0.9 + 0.005 * threshold + 0.001 * seed, "nll": 0.1, "images": 9},
            "validation": {"accuracy": 0.8, "nll": 0.1, "images": 9},
        }
        for threshold in thresholds
    ]
    changes: dict[str, Any] = {
        "evaluation.threshold": 3.0 if thresholds else None,
        "evaluation.zeroing_path": path,
        "evaluation.compact": None,
        "evaluation.inference": {"images": 256, "before_seconds": 0.02},
    }
    if thresholds:
        test = plain.evaluation.test.model_dump(exclude_unset=True)
        compact = {"test": test, "parameters": total // 2, "flops": 7 * total}
        changes["evaluation.compact"] = compact
        changes["evaluation.inference.after_seconds"] = 0.015
    return synthetic.change(plain, changes)
