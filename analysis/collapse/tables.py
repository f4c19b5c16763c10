"""What was selected, at the end of a search and along it, and how uneven that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.collapse import mixing, shape
from analysis.common import operations, posterior_tables
from analysis.common.operations import BOTH, CollapseThresholds
from analysis.common.trials import TRIAL_COLUMNS, identify
from bench.records.parts import Epoch
from bench.records.schema import FinishedRecord
from bench.space.genotype import Genotype

MEASURES = (
    "selected", "skip_connects", "entropy", "parameter_free_share", "most_frequent",
    "most_frequent_share", "depth", "width", "collapsed",
)  # fmt: skip
"""The columns that describe a cell of a genotype."""
SIGNALS = ("architecture_entropy", "discretisation_gap_points", "dominant_eigenvalue")
"""What the search itself had to leave behind; the last two are of the whole network."""


def tabulate(records: Sequence[FinishedRecord], thresholds: CollapseThresholds) -> pd.DataFrame:
    """One row per (trial, cell key) and one with all cells together (cell = "both").

    Columns: the trial; cell; genotype; selected (edges in the cell); skip_connects; entropy of
    operation types over its maximum; shares as fractions; depth in connections and width in cell
    channels (`shape.measure`; with all cells, their means); collapsed, the verdict by `thresholds`;
    and count_<operation>, share_<operation>. Shares and entropy of a cell with nothing selected
    are empty.
    """
    names = operations.order_operations(records)
    rows: list[dict[str, Any]] = []
    for record in records:
        genotype, describe = record.architecture, _Describer(record, thresholds).describe
        for key, count in operations.count_operations(genotype).items():
            total = sum(count.values())
            rows.append(
                identify(record)
                | {"cell": key, "genotype": genotype.digest}
                | describe(genotype, key, count)
                | {f"count_{name}": count[name] for name in names}
                | {f"share_{name}": count[name] / total if total else None for name in names}
            )
    columns = [*TRIAL_COLUMNS, "cell", "genotype", *MEASURES]
    columns += [f"{kind}_{name}" for kind in ("count", "share") for name in names]
    return pd.DataFrame(rows, columns=columns)


def tabulate_epochs(
    records: Sequence[FinishedRecord], thresholds: CollapseThresholds, posteriors: Path
) -> pd.DataFrame:
    """One row per (trial, epoch, cell key): what would have been selected after that epoch.

    The columns of `tabulate` and then architecture_entropy (of the mixing distribution, from the
    posterior tables in the folder `posteriors`; `mixing.measure_entropies`),
    discretisation_gap_points (the super-net's validation accuracy minus that of its selection with
    inherited weights) and dominant_eigenvalue (of the validation loss in the architecture
    parameters); empty where the search did not leave them. Trials whose search recorded no
    genotype by epoch have no rows.
    """
    rows: list[dict[str, Any]] = []
    for record in records:
        describe = _Describer(record, thresholds).describe
        posterior = posterior_tables.read(record, posteriors)
        entropies = {} if posterior is None else mixing.measure_entropies(posterior)
        signals = {epoch.epoch: _list_signals(epoch) for epoch in record.search.epochs}
        for epoch, genotype in operations.list_selections(record):
            for key, count in operations.count_operations(genotype).items():
                rows.append(
                    identify(record)
                    | {"epoch": epoch, "cell": key}
                    | describe(genotype, key, count)
                    | {"architecture_entropy": entropies.get((epoch, key))}
                    | (signals[epoch] if key == BOTH else {})
                )
    columns = [*TRIAL_COLUMNS, "epoch", "cell", *MEASURES, *SIGNALS]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(SIGNALS, float))


class _Describer:
    """Describes cells of genotypes of one record in the columns `MEASURES`."""

    def __init__(self, record: FinishedRecord, thresholds: CollapseThresholds) -> None:
        self.thresholds = thresholds
        self.choices = len(operations.list_selectable(record))
        self.space = record.configuration["space"]["name"]

    def describe(self, genotype: Genotype, key: str, count: Counter[str]) -> dict[str, Any]:
        keys = list(genotype.cells) if key == BOTH else [key]
        shapes = [shape.measure_in_space(genotype, one, self.space) for one in keys]
        depth, width = (sum(values) / len(keys) for values in zip(*shapes, strict=True))
        name, share = operations.most_frequent(count)
        return {
            "selected": sum(count.values()),
            "skip_connects": count[operations.SKIP],
            "entropy": operations.normalised_entropy(count, self.choices),
            "parameter_free_share": operations.parameter_free_share(count),
            "most_frequent": name,
            "most_frequent_share": share,
            "depth": depth,
            "width": width,
            "collapsed": self.thresholds.are_met_by(count),
        }


def _list_signals(epoch: Epoch) -> dict[str, float]:
    """What a search measured after an epoch, whether the method did or the search's own option."""
    measured = epoch.diagnostics | epoch.collapse
    values = {}
    eigenvalue = measured.get("dominant_eigenvalue")
    if eigenvalue is not None:
        values["dominant_eigenvalue"] = eigenvalue
    supernet = measured.get("supernet_validation_accuracy")
    discretised = measured.get("discretised_validation_accuracy")
    if supernet is not None and discretised is not None:
        values["discretisation_gap_points"] = 100 * (supernet - discretised)
    return values
