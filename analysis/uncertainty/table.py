"""Measures of predictions, by trial and as means over seeds with their intervals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.common.intervals import Bounds, Summary, summarise, summarise_accuracies
from analysis.common.trials import TRIAL_COLUMNS, identify, sort_key
from bench.records.evaluation_parts import Prediction, Scores, Uncertainty
from bench.records.schema import FinishedRecord

WAYS = ("deterministic", "draws", "ensemble")
"""Of predicting, in the order of tables."""
TEST, CORRUPTED = "test", "corrupted"
"""What images are called that are not corrupted, and the mean over all corruptions."""
FRACTION: Bounds = (0.0, 1.0)
PERCENT: Bounds = (0.0, 100.0)
POSITIVE: Bounds = (0.0, float("inf"))


@dataclass(frozen=True)
class Measure:
    """A column of the tables.

    heading: in Markdown; field: of `Scores`, or detector and field of `Detection`; scale: what the
    record's value is multiplied by; within: where its mean can be.
    """

    heading: str
    field: str
    scale: float = 1.0
    within: Bounds = POSITIVE

    def read(self, prediction: Prediction, scores: Scores) -> float | None:
        """The value, in the column's unit; None where the record does not say."""
        detector, _, name = self.field.rpartition(".")
        place: Any = getattr(prediction.detection, detector, None) if detector else scores
        value = getattr(place, name, None)
        return None if value is None else self.scale * float(value)


MEASURES = {
    "accuracy_percent": Measure("accuracy, %", "accuracy", 100, PERCENT),
    "nll": Measure("NLL, nats", "nll"),
    "brier": Measure("Brier score", "brier", 1, (0.0, 2.0)),
    "ece_percent": Measure("ECE, %", "ece", 100, PERCENT),
    "ece_debiased_percent": Measure("debiased ECE (L2), %", "ece_debiased", 100, PERCENT),
    "selective_80_percent": Measure("accuracy at 80 %", "selective_80", 100, PERCENT),
    "selective_90_percent": Measure("accuracy at 90 %", "selective_90", 100, PERCENT),
    "selective_95_percent": Measure("accuracy at 95 %", "selective_95", 100, PERCENT),
    "aurc_percent": Measure("AURC, %", "aurc", 100, PERCENT),
    "probability_auroc": Measure("AUROC, probability", "max_probability.auroc", 1, FRACTION),
    "probability_fpr95_percent": Measure(
        "FPR95, probability, %", "max_probability.fpr95", 100, PERCENT
    ),
    "entropy_auroc": Measure("AUROC, entropy", "entropy.auroc", 1, FRACTION),
    "entropy_fpr95_percent": Measure("FPR95, entropy, %", "entropy.fpr95", 100, PERCENT),
}
"""By column. Those of outside images are there for the test images alone."""
_COST = ("passes", "trainings", "training_seconds", "prediction_seconds")
TRIAL_TABLE = (*TRIAL_COLUMNS, "predicting", "images", "strength", *_COST, *MEASURES)
MEAN_TABLE = (
    *("dataset", "method", "predicting", "images", "strength", "seeds", *_COST),
    *(f"{name}{end}" for name in MEASURES for end in ("", "_low", "_high")),
)
_KEY = ["dataset", "method", "predicting", "images", "strength"]


def tabulate(records: Iterable[FinishedRecord]) -> pd.DataFrame:
    """One row per (trial, way of predicting, images, strength); the columns are `TRIAL_TABLE`.

    images: `TEST` with strength 0, or a corruption. An architecture that was evaluated several
    times has the mean of its evaluations.
    """
    rows = [row for record in records for row in _iter_rows(record)]
    return pd.DataFrame(rows, columns=list(TRIAL_TABLE))


def _iter_rows(record: FinishedRecord) -> Iterator[dict[str, Any]]:
    measured = [one.uncertainty for one in record.evaluation.all if one.uncertainty is not None]
    rows = [row for uncertainty in measured for row in _iter_measured(uncertainty)]
    if not rows:
        return
    keys = ["predicting", "images", "strength"]
    frame = pd.DataFrame(rows).astype(dict.fromkeys((*_COST, *MEASURES), float))
    means = frame.groupby(keys, sort=False).mean()
    for row in means.reset_index().to_dict("records"):
        yield identify(record) | {str(name): value for name, value in row.items()}


def _iter_measured(uncertainty: Uncertainty) -> Iterator[dict[str, Any]]:
    for way in sorted(uncertainty.predictions, key=lambda way: sort_key(way, WAYS)):
        prediction = uncertainty.predictions[way]
        cost = {name: getattr(prediction, name) for name in _COST}
        for images, strength, scores in _iter_scores(prediction):
            values = {
                name: measure.read(prediction, scores)
                for name, measure in MEASURES.items()
                if images == TEST or "." not in measure.field
            }
            yield {"predicting": way, "images": images, "strength": strength, **cost, **values}


def _iter_scores(prediction: Prediction) -> Iterator[tuple[str, int, Scores]]:
    yield TEST, 0, prediction.test
    for corruption, by_strength in prediction.corrupted.items():
        for strength, scores in sorted(by_strength.items(), key=lambda one: int(one[0])):
            yield corruption, int(strength), scores


def add_mean_corruption(trials: pd.DataFrame) -> pd.DataFrame:
    """The table with rows of images `CORRUPTED`: for each strength the mean over corruptions."""
    corrupted = trials[trials["strength"] > 0]
    keys = [*TRIAL_COLUMNS, "predicting", "strength"]
    numbers = [*_COST, *MEASURES]
    means = corrupted.groupby(keys, sort=False)[numbers].mean().reset_index()
    means["images"] = CORRUPTED
    return pd.concat([part for part in (trials, means) if len(part)], ignore_index=True)


def average(trials: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds; one row per (data set, method, way, images, strength): `MEAN_TABLE`.

    Each measure has its 95 % interval (`analysis.common.intervals`: accuracies that for a long tail
    below), empty with fewer than 3 seeds; of costs there are means alone.
    """
    rows = []
    for key, own in add_mean_corruption(trials).groupby(_KEY, sort=False):
        row: dict[str, Any] = dict(zip(_KEY, key, strict=True))
        row |= {"seeds": len(own)} | {name: float(own[name].mean()) for name in _COST}
        for name, measure in MEASURES.items():
            row |= _name_ends(name, _summarise(own[name], measure))
        rows.append(row)
    return pd.DataFrame(rows, columns=list(MEAN_TABLE))


def _summarise(values: pd.Series, measure: Measure) -> Summary | None:
    known = values.dropna().astype(float)
    if not len(known):
        return None
    summary = summarise_accuracies if measure.field == "accuracy" else summarise
    return summary(list(known), measure.within)


def _name_ends(name: str, summary: Summary | None) -> Mapping[str, float | None]:
    if summary is None:
        return {}
    return {name: summary.mean, f"{name}_low": summary.low, f"{name}_high": summary.high}
