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
    rows = posterior.assign(value=posterior["mean"].astype(float).abs())
    edges = ["epoch", "cell", "edge"]
    lacking = rows["value"].isna().groupby([rows[name] for name in edges]).transform("all")
    rows.loc[lacking, "value"] = rows.loc[lacking, "probability"]
    rows = rows.dropna(subset=["value"])
    groups = rows.groupby(edges)["value"]
    share = (rows["value"] / groups.transform("sum")).to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(share > 0, -share * np.log(share), np.where(np.isnan(share), np.nan, 0.0))
    sizes = groups.size()
    nats = rows.assign(nats=parts).groupby(edges)["nats"].sum(min_count=1)
    by_edge: pd.Series = (nats / np.log(sizes))[sizes > 1].dropna()
    if not len(by_edge):
        return {}
    cells = by_edge.groupby(["epoch", "cell"]).mean()
    by_cell = {(int(epoch), str(cell)): float(value) for (epoch, cell), value in cells.items()}
    whole = by_edge.groupby("epoch").mean()
    return by_cell | {(int(epoch), BOTH): float(value) for epoch, value in whole.items()}
