"""The gate: does a study's setting tell good cells from bad ones at all?

Reference cells of known or obviously different quality are trained from scratch under the study's
setting; their order has to come out by more than the noise between seeds. Each training is a trial
of its own (method `fixed`), with a record in results/<study>/gate/records; the verdict is a record
too, results/<study>/gate.json, a pure function of those.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import ResultsError
from bench.study.model import Trial

SCHEMA = 1
FILE = "gate.json"
FOLDER = "gate"


@dataclass(frozen=True)
class Gate:
    """What a study's gate consists of.

    cells: name -> genotype text; levels: their names by quality, best first, those of one level in
    no order; factor: how many standard errors of a difference are more than the noise.
    """

    cells: Mapping[str, str]
    levels: tuple[tuple[str, ...], ...]
    factor: float
    trials: tuple[Trial, ...]

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the trials and of what is required of them."""
        parts = [sorted(trial.id for trial in self.trials), self.levels, self.factor]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def verdict(gate: Gate, study: str, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the gate's finished records say; accuracies (fractions) are of validation images.

    A pair of cells of neighbouring levels comes out where the difference of their means exceeds
    `factor` standard errors, s sqrt(1/n + 1/m), with s the deviation between seeds pooled over all
    cells of the data set. Raises ResultsError where a cell has no record.
    """
    datasets = {}
    for name in dict.fromkeys(trial.dataset for trial in gate.trials):
        found: dict[str, list[float]] = {cell: [] for cell in gate.cells}
        for record in sorted(records, key=lambda record: record["trial"]["seed"]):
            if record["trial"]["dataset"] == name:
                accuracy = record["evaluation"]["validation"]["accuracy"]
                found[record["trial"]["label"]].append(accuracy)
        missing = [cell for cell, values in found.items() if not values]
        if missing:
            raise ResultsError(f"gate of {study}: no finished training of {', '.join(missing)}")
        datasets[name] = _of_dataset(gate, found)
    return {
        "schema": SCHEMA,
        "kind": "gate",
        "study": study,
        "digest": gate.digest,
        "factor": gate.factor,
        "levels": [list(level) for level in gate.levels],
        "genotypes": dict(gate.cells),
        "datasets": datasets,
        "passed": all(part["passed"] for part in datasets.values()),
    }


def _of_dataset(gate: Gate, found: Mapping[str, list[float]]) -> dict[str, Any]:
    means = {cell: sum(values) / len(values) for cell, values in found.items()}
    squares = sum((v - means[cell]) ** 2 for cell, values in found.items() for v in values)
    freedom = sum(len(values) - 1 for values in found.values())
    deviation = math.sqrt(squares / freedom) if freedom else None
    pairs = []
    for above, below in zip(gate.levels, gate.levels[1:], strict=False):
        for better in above:
            for worse in below:
                difference = means[better] - means[worse]
                counts = 1 / len(found[better]) + 1 / len(found[worse])
                noise = None if deviation is None else gate.factor * deviation * math.sqrt(counts)
                pairs.append(
                    {
                        "better": better,
                        "worse": worse,
                        "difference": difference,
                        "noise": noise,
                        "passed": noise is not None and difference > noise,
                    }
                )
    return {
        "accuracies": {cell: list(values) for cell, values in found.items()},
        "means": means,
        "deviation": deviation,
        "pairs": pairs,
        "passed": all(pair["passed"] for pair in pairs),
    }


def state(gate: Gate | None, folder: Path) -> dict[str, Any]:
    """The verdict that holds for the study as it is: its record, with a line that says it.

    `state` is passed, failed, missing (never run for this setting) or none (no reference cells).
    Raises ResultsError at a damaged record.
    """
    if gate is None:
        return {"state": "none", "text": "Gate: none. " + _UNKNOWN.format("no reference cells")}
    path = folder / FILE
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        same = record["digest"] == gate.digest
    except FileNotFoundError:
        return {"state": "missing", "text": "Gate: NOT RUN. " + _UNKNOWN.format("it was never run")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResultsError(
            f"record {path} is damaged ({' '.join(str(error).split())}); run bench gate again"
        ) from error
    if not same:
        why = "its verdict is of another setting"
        return {"state": "missing", "text": "Gate: NOT RUN. " + _UNKNOWN.format(why)}
    return {
        "state": "passed" if record["passed"] else "failed",
        "text": sentence(record),
        "record": record,
    }


_UNKNOWN = (
    "Whether this setting can tell good cells from bad ones is not known ({}), so differences"
    " between methods may say nothing about them."
)


def sentence(record: Mapping[str, Any]) -> str:
    """The verdict in words, with the narrowest difference of each data set."""
    parts = []
    for name, part in record["datasets"].items():
        narrow = min(part["pairs"], key=lambda pair: pair["difference"] - (pair["noise"] or 0.0))
        noise = "unknown" if narrow["noise"] is None else f"{100 * narrow['noise']:.1f}"
        parts.append(
            f"{name}: {narrow['better']} ahead of {narrow['worse']} by"
            f" {100 * narrow['difference']:.1f} points, noise {noise}"
        )
    narrowest = "; ".join(parts)
    if record["passed"]:
        return (
            "Gate: passed. Reference cells trained under this setting come out in their known"
            f" order by more than the noise (narrowest, {narrowest})."
        )
    return (
        "Gate: FAILED. Reference cells trained under this setting do not come out in their known"
        f" order by more than the noise (worst, {narrowest}): differences between methods may say"
        " nothing about them."
    )


def lines(record: Mapping[str, Any]) -> list[str]:
    """The verdict with every cell and pair, for a terminal."""
    found = []
    for name, part in record["datasets"].items():
        found.append(f"{name}: validation accuracy, %, by seed")
        for level, cells in enumerate(record["levels"], start=1):
            for cell in cells:
                values = "  ".join(f"{100 * value:6.2f}" for value in part["accuracies"][cell])
                mean = 100 * part["means"][cell]
                found.append(f"  level {level}  {cell:20} {mean:6.2f}   {values}")
        for pair in part["pairs"]:
            noise = "unknown" if pair["noise"] is None else f"{100 * pair['noise']:.2f}"
            mark = "ok" if pair["passed"] else "NOT APART"
            found.append(
                f"  {pair['better']} - {pair['worse']}: {100 * pair['difference']:+.2f} points,"
                f" noise {noise}: {mark}"
            )
    return [*found, sentence(record)]
