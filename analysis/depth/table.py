"""Accuracies of cells at each depth and width, and the rank correlations between these."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.common.intervals import LEVEL, Array
from analysis.common.rank_statistics import FEWEST_POINTS, ceiling, reliability
from analysis.common.trials import is_tabular, list_accuracies
from bench.records.schema import FinishedRecord

AXES = ("cells", "channels")
"""Options of an evaluation: depth and width."""
ALL_DATASETS = "all data sets"
CELL_COLUMNS = (
    "dataset", "method", "genotype", *AXES, "trainings", "test_accuracy_percent", "reliability"
)  # fmt: skip
COLUMNS = (
    "dataset", "varied", "fixed", "small", "large", "genotypes",
    "kendall", "kendall_low", "kendall_high", "spearman", "spearman_low", "spearman_high",
    "ceiling", "loss_points",
)  # fmt: skip
RESAMPLES = 2000
_DECIMALS = 9
"""Accuracies that agree in so many decimals are equal: means of the same numbers."""


class Correlation(NamedTuple):
    """Kendall's tau-b and Spearman's correlation; of each resample in `resampled`, [resamples]."""

    kendall: float
    spearman: float
    kendall_resampled: Array
    spearman_resampled: Array


def tabulate(records: Iterable[FinishedRecord]) -> pd.DataFrame:
    """One row per (data set, method, genotype, depth, width), in the order of the records.

    The accuracy is the mean over all trainings of the genotype there; reliability: of the ranks of
    all genotypes there by it, empty where they were trained once. There are rows where a data set
    has several depths or widths, all other options of the evaluation being the same.
    """
    rows: dict[tuple[Any, ...], list[float]] = {}
    for record in records:
        if is_tabular(record):
            continue
        evaluation = dict(record.configuration["evaluation"])
        scale = tuple(evaluation.pop(axis, None) for axis in AXES)
        rest = json.dumps([record.configuration["data"], evaluation], sort_keys=True)
        name = str(record.configuration["data"]["name"])
        key = (rest, name, record.trial.label, record.genotype_digest, *scale)
        rows.setdefault(key, []).extend(list_accuracies(record))
    scales: dict[str, set[tuple[Any, ...]]] = {}
    for key in rows:
        scales.setdefault(key[0], set()).add(key[4:])
    rows = {key: values for key, values in rows.items() if len(scales[key[0]]) > 1}
    there: dict[tuple[Any, ...], list[list[float]]] = {}
    for key, values in rows.items():
        there.setdefault((*key[:2], *key[4:]), []).append(values)
    found = {scale: reliability(trainings) for scale, trainings in there.items()}
    table = [
        (*key[1:], len(values), float(np.mean(values)), found[*key[:2], *key[4:]])
        for key, values in rows.items()
    ]
    return pd.DataFrame(table, columns=list(CELL_COLUMNS)).astype({"reliability": float})


def correlate(cells: pd.DataFrame) -> pd.DataFrame:
    """One row per (data set, two depths at one width), likewise for widths; over data sets too.

    small, large: the two values of the option `varied`; fixed: the value of the other option.
    Over data sets is the mean of their correlations. low, high: percentile bootstrap at 95 % over
    genotypes, within each data set. ceiling: what the noise of trainings leaves of Spearman's
    correlation, empty where it is not known. loss_points: how much worse at the large scale the
    genotype is that is best at the small one, against the one that is best there. Empty where fewer
    than `FEWEST_POINTS` genotypes have both, or where one side does not vary.
    """
    rows: list[dict[str, Any]] = []
    together: dict[tuple[Any, ...], list[tuple[Correlation, dict[str, Any]]]] = {}
    for dataset, own in cells.groupby("dataset", sort=False):
        for pair, (x, y) in _list_pairs(own):
            row = {"dataset": dataset, **pair, "genotypes": len(x)}
            row["loss_points"] = float(y.max() - y[x == x.max()].mean())
            row["ceiling"] = ceiling(*_list_reliabilities(own, pair))
            both = correlate_ranks(x, y) if len(x) >= FEWEST_POINTS else None
            if both is not None:
                row |= _summarise([both])
                together.setdefault(tuple(pair.values()), []).append((both, row))
            rows.append(row)
    for group in together.values():
        if len(group) > 1:
            first = group[0][1]
            shared = {name: first[name] for name in ("varied", "fixed", "small", "large")}
            counts = {"genotypes": sum(row["genotypes"] for _, row in group)}
            means = {
                name: float(np.mean([row[name] for _, row in group]))
                for name in ("loss_points", "ceiling")
                if all(row[name] is not None for _, row in group)
            }
            summary = _summarise([both for both, _ in group])
            rows.append({"dataset": ALL_DATASETS, **shared, **counts, **means, **summary})
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"ceiling": float})


def _list_reliabilities(cells: pd.DataFrame, pair: Mapping[str, Any]) -> Iterator[float | None]:
    """Of both scales of a pair, from the rows of one data set."""
    (other,) = (axis for axis in AXES if axis != pair["varied"])
    at = cells[cells[other] == pair["fixed"]].groupby(pair["varied"])["reliability"].first()
    for scale in (pair["small"], pair["large"]):
        yield None if pd.isna(at[scale]) else float(at[scale])


def _list_pairs(cells: pd.DataFrame) -> Iterator[tuple[dict[str, Any], tuple[Array, Array]]]:
    """Two scales of a data set and the accuracies, percent, of the genotypes that have both."""
    for axis, other in (AXES, AXES[::-1]):
        for fixed, own in cells.groupby(other, sort=True):
            wide = own.pivot_table(
                "test_accuracy_percent", ["method", "genotype"], axis, sort=False
            )
            for small, large in combinations(sorted(wide.columns), 2):
                both = wide[[small, large]].dropna().to_numpy(float).round(_DECIMALS)
                pair = {"varied": axis, "fixed": fixed, "small": small, "large": large}
                if len(both):
                    yield pair, (both[:, 0], both[:, 1])


def correlate_ranks(x: Array, y: Array) -> Correlation | None:
    """The correlations of two scores of the same things, and of `RESAMPLES` resamples of these.

    x, y: [things]. Ties share their rank; a resample in which one side does not vary is left out.
    None where one side does not vary at all.
    """
    generator = np.random.default_rng(0)
    drawn = generator.multinomial(len(x), np.full(len(x), 1 / len(x)), size=RESAMPLES)
    weights = np.concatenate([np.ones((1, len(x))), drawn])
    kendall, spearman = _weigh_kendall(x, y, weights), _weigh_spearman(x, y, weights)
    if np.isnan(kendall[0]):
        return None
    kept = ~np.isnan(kendall)
    return Correlation(float(kendall[0]), float(spearman[0]), kendall[kept][1:], spearman[kept][1:])


def _weigh_kendall(x: Array, y: Array, weights: Array) -> Array:
    """Kendall's tau-b where each thing is there as often as its weight says: [rows]."""
    one, other = (np.sign(np.subtract.outer(values, values)) for values in (x, y))

    def total(signs: Array) -> Array:
        products: Array = ((weights @ signs) * weights).sum(axis=1)
        return products

    with np.errstate(invalid="ignore"):
        return total(one * other) / np.sqrt(total(np.abs(one)) * total(np.abs(other)))


def _weigh_spearman(x: Array, y: Array, weights: Array) -> Array:
    """Spearman's correlation where each thing is there as often as its weight says: [rows]."""
    centred = []
    for values in (x, y):
        signs = np.sign(np.subtract.outer(values, values))
        ranks = (weights @ (1 + signs).T) / 2  # up to a constant
        centred.append(ranks - (weights * ranks).sum(1, keepdims=True) / weights.sum(1)[:, None])
    one, other = centred
    scale = np.sqrt((weights * one**2).sum(1) * (weights * other**2).sum(1))
    with np.errstate(invalid="ignore"):
        correlations: Array = (weights * one * other).sum(1) / scale
    return correlations


def _summarise(parts: list[Correlation]) -> dict[str, float]:
    """The mean of correlations and its interval, from as many resamples as each has."""
    fewest = min(len(part.kendall_resampled) for part in parts)
    tail = (1 - LEVEL) / 2
    samples = {
        "kendall": [(part.kendall, part.kendall_resampled) for part in parts],
        "spearman": [(part.spearman, part.spearman_resampled) for part in parts],
    }
    summary: dict[str, float] = {}
    for name, own in samples.items():
        resampled = np.mean([values[:fewest] for _, values in own], axis=0)
        low, high = np.quantile(resampled, [tail, 1 - tail])
        mean = float(np.mean([value for value, _ in own]))
        summary |= {name: mean, f"{name}_low": float(low), f"{name}_high": float(high)}
    return {name: round(value, 12) + 0.0 for name, value in summary.items()}
