"""Index tensors that are made once: a step that makes them from Python's numbers copies them to
the device every time, for which a GPU waits and which a CUDA graph cannot hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import torch
from torch import Tensor


def index(values: Iterable[int], device: torch.device) -> Tensor:
    """int64 [len(values)] on the device; one tensor for the same values: do not write to it."""
    return _index(tuple(values), device)


@lru_cache(4096)
def _index(values: tuple[int, ...], device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=torch.int64, device=device)
