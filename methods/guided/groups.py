"""What the spike-and-slab prior costs a group: its norm, and the number of its eps.

A group is (cell type, edge, operation) over all positions of the type; every table here is
[edges, candidates] by cell type.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench.method import Task
from bench.posterior import probability_of_best
from bench.space.constants import index
from bench.space.supernet import Supernet

Table = dict[str, Tensor]


def paper_costs(task: Task, supernet: Supernet) -> tuple[Table, Table]:
    """(squared norm, number of slices K) of every group: arXiv 1906.09557."""
    return sum_squares(task, supernet)[0], count_slices(task, supernet)


def equal_costs(task: Task, supernet: Supernet) -> tuple[Table, Table]:
    """(the mean square of a group's weights averaged over groups, 1): the same cost for all.

    So operations without weights are not favoured. Each group with weights keeps the gradient of
    its own mean square, which is what regularises the weights.
    """
    squares, numbers = sum_squares(task, supernet)
    means = {kind: squares[kind] / numbers[kind].clamp_min(1) for kind in squares}
    groups = torch.stack([(number > 0).sum() for number in numbers.values()]).sum()
    average = torch.stack([mean.sum() for mean in means.values()]).sum() / groups.clamp_min(1)
    shared = average.detach()
    costs = {kind: shared + mean - mean.detach() for kind, mean in means.items()}
    return costs, {kind: torch.ones_like(mean) for kind, mean in means.items()}


def count_slices(task: Task, supernet: Supernet) -> Table:
    """Input channels of a group's kernels, over its positions."""
    names = [task.space.operations[column] for column in task.candidates]
    device = supernet.stem.weight.device
    counts: Table = {}
    for position in task.positions:
        of = supernet.slices(position.index)
        row = index((of[name] for name in names), device).expand(len(task.graph.edges), -1)
        counts[position.kind] = counts.get(position.kind, 0) + row
    return counts


def sum_squares(task: Task, supernet: Supernet) -> tuple[Table, Table]:
    """(sum of squared weights, number of weights) of every group."""
    squares: Table = {}
    numbers: Table = {}
    for position in task.positions:
        square, number = supernet.squares(position.index)
        columns = index(task.candidates, number.device)
        for total, part in ((squares, square), (numbers, number)):
            chosen = part.index_select(1, columns)
            kind = position.kind
            total[kind] = total[kind] + chosen if kind in total else chosen
    return squares, numbers


def bernoulli_columns(task: Task, keep: Tensor) -> Table:
    """Columns of the posterior table (`bench.posterior`) of keep probabilities [edges, candidates].

    NaN for `none`, which has none.
    """
    columns, nan = task.columns, float("nan")
    deviation = (keep * (1 - keep)).sqrt()
    return {
        "mean": columns(keep, nan),
        "std": columns(deviation, nan),
        "drop_probability": columns(1 - keep, nan),
        "snr": columns(keep / deviation, nan),
        "probability": probability_of_best(columns(keep, float("-inf")), columns(deviation)),
        "alive": columns(keep) > 0.5,
    }
