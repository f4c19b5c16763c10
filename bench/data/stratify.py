"""Drawing a seeded subset that keeps the proportions of the classes."""

from __future__ import annotations

import torch
from torch import Tensor

from bench import seeds


def allocate(counts: Tensor, total: int) -> Tensor:
    """How many of each class to take: int64 [classes], summing to `total`.

    Proportional to `counts` (int64 [classes], summing to at least `total`) by largest remainder,
    ties to the lower class; and no class that has an image goes without one while `total` is
    enough for that.
    """
    size = int(counts.sum())
    if not 0 <= total <= size:
        raise ValueError(f"cannot take {total} of {size}")
    if total == 0:
        return torch.zeros_like(counts)
    quota = counts * total // size
    remainder = counts * total % size
    order = torch.argsort(remainder, descending=True, stable=True)
    quota[order[: total - int(quota.sum())]] += 1
    present = counts > 0
    if total >= int(present.sum()):
        for starved in torch.nonzero(present & (quota == 0)).flatten():
            quota[torch.argmax(quota)] -= 1
            quota[starved] += 1
    return quota


def stratified(labels: Tensor, total: int, *seed: object) -> Tensor:
    """Sorted positions, int64 [total], of a subset of `labels` (int64 [n]) drawn by `seed`.

    A class's images are taken from the front of one seeded order, so a smaller subset of the
    same seed lies inside a larger one (up to the rounding of `allocate`).
    """
    taken = []
    for label, quota in enumerate(allocate(torch.bincount(labels), total).tolist()):
        members = torch.nonzero(labels == label).flatten()
        order = torch.randperm(len(members), generator=seeds.generator("cpu", *seed, label))
        taken.append(members[order[:quota]])
    return torch.cat(taken).sort().values


def complement(positions: Tensor, size: int) -> Tensor:
    """Sorted positions in range(size) that are not in `positions`."""
    rest = torch.ones(size, dtype=torch.bool)
    rest[positions] = False
    return torch.nonzero(rest).flatten()
