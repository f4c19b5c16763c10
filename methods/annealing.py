"""Temperatures that fall during a search."""

from __future__ import annotations


def linear(first: float, last: float, epoch: int, epochs: int) -> float:
    """From `first` in epoch 1 to `last` in the last epoch, by equal steps."""
    return first + (last - first) * _share(epoch, epochs)


def geometric(first: float, last: float, epoch: int, epochs: int) -> float:
    """From `first` in epoch 1 to `last` in the last epoch, by equal factors."""
    return float(first * (last / first) ** _share(epoch, epochs))


def _share(epoch: int, epochs: int) -> float:
    return (epoch - 1) / max(1, epochs - 1)
