"""Made-up measures of uncertainty, as `bench.training.uncertainty.session` puts them in records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

PASSES = {"deterministic": 1, "draws": 5, "ensemble": 5}


def scores(nll: float, **others: float) -> dict[str, float]:
    """Of test images; what is not given follows from the NLL."""
    fixed = {"selective_80": 0.99, "selective_90": 0.98, "selective_95": 0.97, "aurc": 0.01}
    derived = {"ece": nll / 10, "ece_debiased": nll / 20, "brier": nll / 2}
    return {"accuracy": 0.95, "nll": nll, **derived, **fixed, **others}


def uncertainty(
    nlls: Mapping[str, float],
    *,
    corruptions: Sequence[str] = ("contrast", "pixelate"),
    strengths: Sequence[int] = (1, 3),
    outside: str | None = "kmnist",
) -> dict[str, Any]:
    """The part of a record. nlls: by way of predicting, of the test images.

    At strength s the n-th corruption (from 1) multiplies the NLL by 1 + s n.
    """
    detector = {"auroc": 0.9, "fpr95": 0.4}
    images = {"name": outside, "digest": "a" * 64, "images": 60, "changes": ["resized"]}
    return {
        "outside": images if outside else None,
        "predictions": {
            way: {
                "passes": PASSES[way],
                "trainings": 5 if way == "ensemble" else 1,
                "training_seconds": 50.0 if way == "ensemble" else 10.0,
                "prediction_seconds": 0.1 * PASSES[way],
                "test": scores(nll),
                **(
                    {"detection": {"max_probability": detector, "entropy": detector}}
                    if outside
                    else {}
                ),
                "corrupted": {
                    corruption: {str(s): scores(nll * (1 + s * n)) for s in strengths}
                    for n, corruption in enumerate(corruptions, 1)
                },
            }
            for way, nll in nlls.items()
        },
    }
