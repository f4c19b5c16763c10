"""What is compared of golden records, and the processor that they were made with."""

from __future__ import annotations

from typing import Any

INSTRUCTIONS = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "AVX2"}
"""Of the processor: with wider ones sums are taken in another order, and an architecture that is
nearly as good as another may be selected in its place."""


def lasting(record: dict[str, Any]) -> dict[str, Any]:
    """What depends on the trial alone: no times, no memory, no versions."""
    search, evaluation = record["search"], record["evaluation"]
    kept = ("epoch", "terms", "metrics", "genotype", "diagnostics", "collapse", "truth")
    measured = (
        *("test", "validation", "test_before_zeroing", "parameters", "nonzero_parameters"),
        *("flops", "zeroing_path", "truth"),
    )
    selection = {k: v for k, v in record["selection"].items() if "seconds" not in k}
    return {
        "genotype": record["genotype"],
        "selection": selection,
        "search": [{k: row[k] for k in kept if k in row} for row in search["epochs"]],
        "steps": search["steps"],
        "evaluation": {
            "epochs": [{k: row[k] for k in kept if k in row} for row in evaluation["epochs"]],
            **{k: evaluation[k] for k in measured if k in evaluation},
            "repeats": [repeat["test"] for repeat in evaluation.get("repeats", [])],
        },
    }
