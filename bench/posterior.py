"""The posterior table: one row a (cell, edge, operation), the same columns for every method."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from bench.columns import POSTERIOR
from bench.seeds import generator
from bench.space.genotype import Genotype
from bench.space.skeleton import CellGraph

COLUMNS = POSTERIOR[1:]


def table(
    genotype: Genotype,
    graph: CellGraph,
    operations: tuple[str, ...],
    values: Mapping[str, Mapping[str, Tensor]],
) -> list[dict[str, Any]]:
    """Rows of the posterior table.

    values: cell key -> column -> [edges, operations]; columns are of `COLUMNS` (mean, std,
    log_alpha, drop_probability, snr, probability, alive). Missing or NaN is None in the row.
    """
    rows = []
    for key, columns in values.items():
        cell = genotype.cells.get(key, ())
        selected = {(name, source, node) for node, ps in enumerate(cell) for name, source in ps}
        lists = {name: tensor.detach().cpu().tolist() for name, tensor in columns.items()}
        for edge, (source, node) in enumerate(graph.edges):
            for column, operation in enumerate(operations):
                row: dict[str, Any] = {
                    "cell": key,
                    "edge": edge,
                    "source": source,
                    "target": graph.inputs + node,
                    "operation": operation,
                    "selected": (operation, source, node) in selected,
                }
                for name in COLUMNS[5:-1]:
                    value = lists[name][edge][column] if name in lists else None
                    row[name] = value if value is None or math.isfinite(value) else None
                if row["alive"] is not None:
                    row["alive"] = bool(row["alive"])
                rows.append({name: row[name] for name in COLUMNS})
    return rows


def probability_of_best(mean: Tensor, std: Tensor, samples: int = 2000) -> Tensor:
    """P(the operation's |z| is the largest of its edge), z ~ Normal(mean, std^2), by Monte Carlo.

    mean, std: [edges, operations]; a mean of -inf marks what cannot be chosen. A std of 0 gives 0
    or 1. The draws are always the same ones.
    """
    mean, std = mean.detach().double().cpu(), std.detach().double().cpu()
    excluded = mean.isneginf()
    noise = torch.randn(
        (samples, *mean.shape), generator=generator("cpu", "probability"), dtype=torch.float64
    )
    draws = (mean.masked_fill(excluded, 0) + std * noise).abs().masked_fill(excluded, -1.0)
    best = draws.argmax(-1, keepdim=True)
    return torch.zeros_like(draws).scatter_(-1, best, 1.0).mean(0).masked_fill(excluded, 0.0)
