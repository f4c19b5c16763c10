"""What known accuracies cost, in trainings of the table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from analysis.common.trials import TRIAL_COLUMNS, identify, is_tabular
from bench.records.schema import FinishedRecord
from bench.tabular.facts import FACTS

COLUMNS = (
    *TRIAL_COLUMNS, "table", "searched", "architectures", "accuracy_percent", "asked_percent",
    "table_seconds", "search_seconds",
)  # fmt: skip
BLACK_BOX, ONE_SHOT, NOTHING = "black box", "one-shot", "nothing"


def tabulate(records: Iterable[FinishedRecord]) -> pd.DataFrame:
    """One row per tabular trial, and one more per improvement of a black-box search; `COLUMNS`.

    architectures: the cost so far, in trainings of the table (`count_trainings`); accuracy_percent:
    what the table knows of the best so far, on the data set that the leaderboard shows;
    asked_percent: what the search saw of it; table_seconds: of the trainings so far, by the table;
    search_seconds: of the trial's own search, measured.
    """
    rows = [row for record in filter(is_tabular, records) for row in _iter_rows(record)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def count_trainings(record: FinishedRecord) -> float | None:
    """The cost of a trial's search, in trainings of the table; None where that is not known.

    A black-box search: the architectures that it trained. A search that trains on the study's own
    images: the images that it saw (epochs times training images) over the images that one training
    of the table sees, whatever it computes for an image. So a super-network is charged for each
    image as one architecture is, although it computes all operations of an edge, and although the
    study's super-network and images may be smaller than the table's.
    """
    if record.selection.architectures is not None:
        return float(record.selection.architectures)
    source = record.evaluation.sources[record.evaluation.dataset]
    if source.dataset not in FACTS:
        return None
    images = _count_epochs(record) * record.data.train
    return images / (source.epochs * FACTS[source.dataset].trained_on[source.split])


def _count_epochs(record: FinishedRecord) -> int:
    """Passes over the training images, of the super-network or of candidates one by one."""
    each = (record.selection.model_extra or {}).get("epochs_each", 0)
    return len(record.search.epochs) or (record.selection.candidates or 0) * int(each)


def _iter_rows(record: FinishedRecord) -> Iterator[dict[str, Any]]:
    selection, name = record.selection, record.evaluation.dataset
    cost = count_trainings(record)
    searched = BLACK_BOX if selection.trajectory else ONE_SHOT if cost else NOTHING
    common = identify(record) | {"table": name, "searched": searched}
    for step in selection.trajectory:
        if step.architectures != cost:
            yield common | {
                "architectures": step.architectures,
                "accuracy_percent": 100 * step.truth[name].accuracy,
                "asked_percent": 100 * step.accuracy,
                "table_seconds": step.seconds,
            }
    yield common | {
        "architectures": cost,
        "accuracy_percent": 100 * record.evaluation.truth[name].accuracy,
        "asked_percent": 100 * selection.trajectory[-1].accuracy if selection.trajectory else None,
        "table_seconds": selection.table_seconds,
        "search_seconds": record.search.total_seconds,
    }
