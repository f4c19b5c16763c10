"""Collapse: how much of a found cell is one operation, or operations without parameters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.collapse import agreement, mixing, prediction, shape
from analysis.common import operations
from analysis.common.files import write_csv
from analysis.common.operations import BOTH, Thresholds
from analysis.common.trials import Record, StudyFacts, genotype, identity
from analysis.posterior import tables as posterior
from bench.space.genotype import Genotype

INDICES = ("entropy", "parameter_free_share", "most_frequent_share")
_INDEX_COLUMNS = (
    "selected",
    "skip_connects",
    "entropy",
    "parameter_free_share",
    "most_frequent",
    "most_frequent_share",
    "depth",
    "width",
    "collapsed",
)
MEASURED = ("architecture_entropy", "discretisation_gap_points", "dominant_eigenvalue")
"""What the search itself had to leave behind; the last two are of the whole network."""
_TRIAL_COLUMNS = ("method", "dataset", "seed", "trial")


def write(
    folder: Path, records: Sequence[Record], study: StudyFacts, tables: Path | None = None
) -> list[Path]:
    """Write collapse.csv, _epochs.csv, _seeds.csv, _edges.csv and, with records, their figures.

    Where accuracies are known by epoch also collapse_prediction.csv. `tables`: the folder of the
    records' posterior tables (default: records/ in `folder`).
    """
    at = operations.thresholds_of(study)
    final, epochs = table(records, at), timeline(records, at, tables or folder / "records")
    written = [
        write_csv(folder / "collapse.csv", final),
        write_csv(folder / "collapse_epochs.csv", epochs),
        write_csv(folder / "collapse_seeds.csv", agreement.table(records, study, at)),
        write_csv(folder / "collapse_edges.csv", agreement.by_edge(records, study)),
    ]
    written += prediction.write(folder, final, epochs, records, study)
    if records:
        from analysis.collapse import figures as collapse_figures
        from analysis.collapse import signals as signal_figure

        written.append(collapse_figures.final(folder / "collapse.png", final, records, study))
        if len(epochs):
            path = folder / "collapse_epochs.png"
            written.append(collapse_figures.timelines(path, epochs, final, records, study))
            path = folder / "collapse_signals.png"
            written.append(signal_figure.draw(path, epochs, records, study))
    return written


def table(records: Sequence[Record], thresholds: Thresholds | None = None) -> pd.DataFrame:
    """One row a (trial, cell key) and one with all cells together (cell = "both").

    Columns: the trial; cell; genotype; selected (edges in the cell); skip_connects; entropy of
    operation types over its maximum; shares as fractions; depth in connections and width in cell
    channels (`shape.measure`; with all cells, their means); collapsed, the verdict by `thresholds`;
    and count_<operation>, share_<operation>. Shares and entropy of a cell with nothing selected
    are empty.
    """
    names = operations.in_order(records)
    rows: list[dict[str, Any]] = []
    for record in records:
        found = genotype(record)
        choices = len(operations.selectable(record))
        for key, count in operations.counts(found).items():
            total = sum(count.values())
            rows.append(
                identity(record)
                | {"cell": key, "genotype": found.digest}
                | _indices(found, key, count, record, choices, thresholds or Thresholds())
                | {f"count_{name}": count[name] for name in names}
                | {f"share_{name}": count[name] / total if total else None for name in names}
            )
    columns = [*_TRIAL_COLUMNS, "cell", "genotype", *_INDEX_COLUMNS]
    columns += [f"{what}_{name}" for what in ("count", "share") for name in names]
    return pd.DataFrame(rows, columns=columns)


def timeline(
    records: Sequence[Record], thresholds: Thresholds | None = None, tables: Path | None = None
) -> pd.DataFrame:
    """One row a (trial, epoch, cell key): what would have been selected after that epoch.

    The columns of `table` and then architecture_entropy (of the mixing distribution, from the
    posterior tables in `tables`; `mixing.entropies`), discretisation_gap_points (the super-net's
    validation accuracy minus that of its selection with inherited weights) and dominant_eigenvalue
    (of the validation loss in the architecture parameters); empty where the search did not leave
    them. Trials whose search recorded no genotype by epoch have no rows.
    """
    rows: list[dict[str, Any]] = []
    for record in records:
        trial, choices = identity(record), len(operations.selectable(record))
        kept = None if tables is None else posterior.read(record, tables)
        mixed = {} if kept is None else mixing.entropies(kept)
        left = {int(one["epoch"]): _measured(one) for one in record["search"]["epochs"]}
        for epoch, found in operations.by_epoch(record):
            for key, count in operations.counts(found).items():
                rows.append(
                    trial
                    | {"epoch": epoch, "cell": key}
                    | _indices(found, key, count, record, choices, thresholds or Thresholds())
                    | {"architecture_entropy": mixed.get((epoch, key))}
                    | (left[epoch] if key == BOTH else {})
                )
    columns = [*_TRIAL_COLUMNS, "epoch", "cell", *_INDEX_COLUMNS, *MEASURED]
    made = pd.DataFrame(rows, columns=columns)
    return made.astype(dict.fromkeys(MEASURED, float))


def _indices(
    found: Genotype,
    key: str,
    count: Counter[str],
    record: Record,
    choices: int,
    thresholds: Thresholds,
) -> dict[str, Any]:
    cells = list(found.cells.values()) if key == BOTH else [found.cells[key]]
    shapes = [shape.depth_and_width(cell, record) for cell in cells]
    depth, width = (sum(values) / len(cells) for values in zip(*shapes, strict=True))
    verdict = {"depth": depth, "width": width, "collapsed": thresholds.met(count)}
    return operations.indices(count, choices) | verdict


def _measured(epoch: Mapping[str, Any]) -> dict[str, float]:
    """What a search measured after an epoch, whether the method did or the search's own option."""
    found = {**(epoch.get("diagnostics") or {}), **(epoch.get("collapse") or {})}
    values = {}
    if found.get("dominant_eigenvalue") is not None:
        values["dominant_eigenvalue"] = float(found["dominant_eigenvalue"])
    both = [found.get(f"{name}_validation_accuracy") for name in ("supernet", "discretised")]
    if both[0] is not None and both[1] is not None:
        values["discretisation_gap_points"] = 100 * (float(both[0]) - float(both[1]))
    return values
