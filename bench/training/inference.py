"""How long a trained network takes to predict."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from bench.data.splits import Split

REPEATS = 5


@torch.no_grad()
def batch_seconds(
    predict: Callable[[Tensor], Tensor], split: Split, batch_size: int, channels_last: bool = False
) -> float:
    """Median wall-clock seconds of `REPEATS` predictions of the split's first batch.

    One prediction before them is not counted; the device is waited for.
    """
    images = next(iter(split.sequential(batch_size))).images
    if channels_last:
        images = images.contiguous(memory_format=torch.channels_last)

    def once() -> float:
        started = time.perf_counter()
        predict(images)
        if images.device.type == "cuda":
            torch.cuda.synchronize(images.device)
        return time.perf_counter() - started

    once()
    return statistics.median(once() for _ in range(REPEATS))
