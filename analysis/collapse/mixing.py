"""Architecture entropy: how undecided a search's mixing distribution still is, by epoch."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.common.operations import BOTH


def measure_entropies(posterior: pd.DataFrame) -> dict[tuple[int, str], float]:
    """(epoch, cell key or `BOTH`) -> mean over edges of the entropy of the edge's weights.

    posterior: rows of a posterior table. An edge's distribution is its `mean` column, which is
    the softmax of alpha for DARTS and its kin, keep probabilities for PGNAS and weights of either
    sign for VINNAS and BayesNAS, in absolute value over the edge's sum; where a method has no such
    column, `probability`. Each entropy is over its maximum, the logarithm of the number of
    operations that have a value: 0 is decided, 1 is uniform. Edges whose weights are all zero, or
    with one operation alone, have none.
    """
    keys = [posterior[name].to_numpy() for name in ("epoch", "cell", "edge")]
    begins = np.ones(len(posterior), dtype=bool)  # the rows of an edge are beside each other
    begins[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    edge, edges = np.cumsum(begins) - 1, int(begins.sum())
    values = np.abs(posterior["mean"].to_numpy(float))
    has_value = np.bincount(edge, ~np.isnan(values), edges) > 0
    values = np.where(has_value[edge], values, posterior["probability"].to_numpy(float))
    kept = ~np.isnan(values)
    edge, values = edge[kept], values[kept]
    size = np.bincount(edge, minlength=edges)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = values / np.bincount(edge, values, edges)[edge]
        nats = np.bincount(edge, np.where(share == 0, 0.0, -share * np.log(share)), edges)
        by_edge = np.where(size > 1, nats / np.log(size), np.nan)
    found: dict[tuple[int, str], list[float]] = {}
    for epoch, cell, value in zip(*(key[begins] for key in keys[:2]), by_edge, strict=True):
        if not np.isnan(value):
            for key in (str(cell), BOTH):
                found.setdefault((int(epoch), key), []).append(float(value))
    return {key: sum(own) / len(own) for key, own in found.items()}
