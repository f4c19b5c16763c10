"""Known accuracies: what a table of all architectures says of those that searches found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from analysis.common.trials import TRIAL_COLUMNS, identify, is_tabular
from bench.records.parts import TableSource, Truth
from bench.records.schema import FinishedRecord

COLUMNS = (
    *TRIAL_COLUMNS, "table", "split", "epochs_of_training",
    "accuracy_percent", "deviation_points", "seeds_of_table", "rank", "cells", "cells_of_space",
    "regret_points", "percentile", "percentile_without_none",
)  # fmt: skip
EPOCH_COLUMNS = (
    *TRIAL_COLUMNS, "epoch", "table", "accuracy_percent", "rank", "cells", "cells_of_space",
    "regret_points", "percentile", "percentile_without_none",
)  # fmt: skip


def tabulate(records: Iterable[FinishedRecord]) -> pd.DataFrame:
    """One row per (trial, data set of the table) whose accuracy was looked up; `COLUMNS`.

    Accuracies and percentiles are percent, deviation (over the table's seeds) and regret (best of
    all cells minus this one) points. Ranks and percentiles are of the table's `cells`.
    """
    rows: list[dict[str, Any]] = []
    for record in filter(is_tabular, records):
        for name, truth in record.evaluation.truth.items():
            source = record.evaluation.sources[name]
            rows.append(
                identify(record)
                | {"table": name, "split": source.split, "epochs_of_training": source.epochs}
                | _values(truth, source)
                | {"deviation_points": 100 * truth.deviation, "seeds_of_table": truth.seeds}
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def tabulate_epochs(records: Iterable[FinishedRecord]) -> pd.DataFrame:
    """One row per (trial, epoch, data set of the table), of what would be selected after it."""
    rows = [
        identify(record)
        | {"epoch": epoch.epoch, "table": name}
        | _values(truth, record.evaluation.sources[name])
        for record in filter(is_tabular, records)
        for epoch in record.search.epochs
        for name, truth in epoch.truth.items()
    ]
    return pd.DataFrame(rows, columns=list(EPOCH_COLUMNS))


def name_cells(rows: pd.DataFrame) -> str:
    """What the percentiles of a table's rows are of: "all cells", or how many where some lack."""
    counts = rows[["cells", "cells_of_space"]].drop_duplicates().sort_values("cells")
    if (counts["cells"] == counts["cells_of_space"]).all():
        return "all cells"
    known = " or ".join(f"{count:,}" for count in counts["cells"])
    return f"the {known} known cells of {counts['cells_of_space'].max():,}"


def _values(truth: Truth, source: TableSource) -> dict[str, float | int]:
    return {
        "accuracy_percent": 100 * truth.accuracy,
        "rank": truth.rank,
        "cells": source.cells,
        "cells_of_space": source.cells_of_space,
        "regret_points": 100 * truth.regret,
        "percentile": truth.percentile,
        "percentile_without_none": truth.percentile_without_none,
    }
