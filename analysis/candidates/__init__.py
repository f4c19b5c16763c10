"""Candidates with inherited weights: do guided ones beat uniform ones, and what does it foretell?

For methods that draw architectures from a posterior and evaluate them with the super-network's
weights, beside as many drawn uniformly at the same expected size (PGNAS).
"""

from __future__ import annotations

from collections.abc import Iterable

from analysis.candidates.figures import draw_distribution, draw_inheritance
from analysis.candidates.table import correlate, tabulate
from analysis.common.outputs import Outputs
from analysis.common.plots import Looks
from bench.records.schema import FinishedRecord


def make(records: Iterable[FinishedRecord], looks: Looks) -> Outputs:
    """candidates.csv and .png where there are candidates, inheritance.* where retrained."""
    records = list(records)
    rows = tabulate(records)
    if not len(rows):
        return {}
    outputs: Outputs = {"candidates.csv": rows, "candidates.png": draw_distribution(rows, looks)}
    correlations = correlate(records)
    if not len(correlations):
        return outputs
    return {
        **outputs,
        "inheritance.csv": correlations,
        "inheritance.png": draw_inheritance(rows, correlations, looks),
    }
