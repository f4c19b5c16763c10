"""The gate: does a study's setting tell good cells from bad ones at all?

Reference cells of known or obviously different quality are trained from scratch under the study's
setting; their order has to come out by more than the noise between seeds. Each training is a trial
of its own (method `fixed`), with a record in results/<study>/gate/records; the verdict is a record
too, results/<study>/gate.json, a pure function of those.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from bench import files
from bench.data.config import DataConfig
from bench.errors import ResultsError
from bench.records.parts import Part
from bench.records.schema import FinishedRecord, explain
from bench.study.model import Gate

SCHEMA: Literal[1] = 1
FILE = "gate.json"
FOLDER = "gate"


class Comparison(Part):
    """Two cells of neighbouring levels. Accuracies are fractions; `noise` null: not known."""

    better: str
    worse: str
    difference: float
    noise: float | None
    passed: bool

    def __str__(self) -> str:
        return f"{self.better} ahead of {self.worse} by {100 * self.difference:.1f} points"


class DatasetVerdict(Part):
    """What came out on one data set.

    accuracies: cell -> validation accuracy by seed; means: over the seeds; deviation: between
    seeds, pooled over all cells.
    """

    accuracies: dict[str, list[float]]
    means: dict[str, float]
    deviation: float | None
    pairs: list[Comparison]
    passed: bool


class Verdict(Part):
    """The verdict on a setting; `digest` is of the gate that it is of."""

    schema_: Literal[1] = Field(SCHEMA, alias="schema")
    kind: Literal["gate"] = "gate"
    study: str
    digest: str
    factor: float
    levels: list[list[str]]
    genotypes: dict[str, str]
    datasets: dict[str, DatasetVerdict]
    passed: bool

    @property
    def sentence(self) -> str:
        """The verdict in words, with the narrowest difference of each data set that decides it."""
        parts, right = [], []
        for name, part in self.datasets.items():
            if part.passed and not self.passed:
                right.append(name)
                continue
            narrow = min(part.pairs, key=lambda pair: pair.difference - (pair.noise or 0.0))
            noise = "unknown" if narrow.noise is None else f"{100 * narrow.noise:.1f}"
            parts.append(f"{name}: {narrow}, noise {noise}")
        narrowest = "; ".join(parts)
        if self.passed:
            return (
                "Gate: passed. Reference cells trained under this setting come out in their known"
                f" order by more than the noise (narrowest, {narrowest})."
            )
        passed = f" Passed on {' and '.join(right)}." if right else ""
        return (
            "Gate: FAILED. Reference cells trained under this setting do not come out in their"
            f" known order by more than the noise (worst, {narrowest}): differences between methods"
            f" may say nothing about them.{passed}"
        )

    def describe(self) -> Iterator[str]:
        """The verdict with every cell and pair, line by line, for a terminal."""
        for name, part in self.datasets.items():
            yield f"{name}: validation accuracy, %, by seed"
            for level, cells in enumerate(self.levels, start=1):
                for cell in cells:
                    values = "  ".join(f"{100 * value:6.2f}" for value in part.accuracies[cell])
                    yield f"  level {level}  {cell:20} {100 * part.means[cell]:6.2f}   {values}"
            for pair in part.pairs:
                noise = "unknown" if pair.noise is None else f"{100 * pair.noise:.2f}"
                yield (
                    f"  {pair.better} - {pair.worse}: {100 * pair.difference:+.2f} points,"
                    f" noise {noise}: {'ok' if pair.passed else 'NOT APART'}"
                )
        yield self.sentence


def decide(gate: Gate, study: str, records: Sequence[FinishedRecord]) -> Verdict:
    """What the gate's finished records say; accuracies (fractions) are of validation images.

    A pair of cells of neighbouring levels comes out where the difference of their means exceeds
    `factor` standard errors, s sqrt(1/n + 1/m), with s the deviation between seeds pooled over all
    cells of the data set. Raises ResultsError where a cell has no record.
    """
    datasets = {}
    for name in dict.fromkeys(trial.dataset for trial in gate.trials):
        accuracies: dict[str, list[float]] = {cell: [] for cell in gate.cells}
        for record in sorted(records, key=lambda record: record.trial.seed):
            if record.trial.dataset == name and record.evaluation.validation is not None:
                accuracies[record.trial.label].append(record.evaluation.validation.accuracy)
        missing = [cell for cell, values in accuracies.items() if not values]
        if missing:
            raise ResultsError(f"gate of {study}: no finished training of {', '.join(missing)}")
        datasets[name] = _decide_dataset(gate, accuracies)
    return Verdict(
        schema=SCHEMA,
        kind="gate",
        study=study,
        digest=gate.digest,
        factor=gate.factor,
        levels=[list(level) for level in gate.levels],
        genotypes=dict(gate.cells),
        datasets=datasets,
        passed=all(part.passed for part in datasets.values()),
    )


def _decide_dataset(gate: Gate, accuracies: dict[str, list[float]]) -> DatasetVerdict:
    means = {cell: sum(values) / len(values) for cell, values in accuracies.items()}
    squares = sum((v - means[cell]) ** 2 for cell, values in accuracies.items() for v in values)
    freedom = sum(len(values) - 1 for values in accuracies.values())
    deviation = math.sqrt(squares / freedom) if freedom else None
    pairs = []
    for above, below in zip(gate.levels, gate.levels[1:], strict=False):
        for better in above:
            for worse in below:
                difference = means[better] - means[worse]
                counts = 1 / len(accuracies[better]) + 1 / len(accuracies[worse])
                noise = None if deviation is None else gate.factor * deviation * math.sqrt(counts)
                passed = noise is not None and difference > noise
                pairs.append(
                    Comparison(
                        better=better,
                        worse=worse,
                        difference=difference,
                        noise=noise,
                        passed=passed,
                    )
                )
    return DatasetVerdict(
        accuracies=accuracies,
        means=means,
        deviation=deviation,
        pairs=pairs,
        passed=all(pair.passed for pair in pairs),
    )


def write(folder: Path, verdict: Verdict) -> Path:
    """Write results/<study>/gate.json. Raises ResultsError."""
    values = verdict.model_dump(by_alias=True)
    text = json.dumps(values, sort_keys=True, indent=1, ensure_ascii=False)
    return files.write(folder / FILE, text + "\n")


NONE = "Gate: none. "
"""Begins what is said of a study without reference cells."""
_UNKNOWN = (
    "Whether this setting can tell good cells from bad ones is not known ({}), so differences"
    " between methods may say nothing about them."
)


def worst_references(gate: Gate | None, folder: Path) -> dict[str, float]:
    """Data set -> mean accuracy of its worst reference cell, if the gate was run as it is.

    Where networks of several depths or widths are trained on the same images it is that of all of
    them: what is held against it is the search, and all of them have the same.
    """
    if gate is None:
        return {}
    verdicts = _read_datasets(gate, folder)
    images = {trial.dataset: trial.data for trial in gate.trials}
    worst: dict[DataConfig, float] = {}
    for name, part in verdicts.items():
        worst[images[name]] = min(worst.get(images[name], 1.0), *part.means.values())
    return {name: worst[images[name]] for name in verdicts}


def passed_datasets(gate: Gate | None, folder: Path) -> dict[str, bool]:
    """Data set -> whether the gate passed on it, if it was run as it is."""
    return {name: part.passed for name, part in _read_datasets(gate, folder).items()}


def _read_datasets(gate: Gate | None, folder: Path) -> dict[str, DatasetVerdict]:
    """The verdict on each data set; none where the gate was not run under this setting."""
    verdict = None if gate is None else read(folder)
    if gate is None or verdict is None or verdict.digest != gate.digest:
        return {}
    return verdict.datasets


def describe_state(gate: Gate | None, folder: Path) -> str:
    """What is known of the study's setting as it is. Raises ResultsError at a damaged record."""
    if gate is None:
        return NONE + _UNKNOWN.format("no reference cells")
    verdict = read(folder)
    if verdict is not None and verdict.digest == gate.digest:
        return verdict.sentence
    why = "it was never run" if verdict is None else "its verdict is of another setting"
    return "Gate: NOT RUN. " + _UNKNOWN.format(why)


def read(folder: Path) -> Verdict | None:
    """The verdict in a results folder, if there is one. Raises ResultsError at a damaged one."""
    path = folder / FILE
    try:
        return Verdict.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise ResultsError(
            f"record {path} is damaged ({explain(error)}); run bench gate again"
        ) from error
