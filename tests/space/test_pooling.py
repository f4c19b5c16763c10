"""Pooling direction by direction equals torch's."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from bench.space.cpu.pooling import avg_pool, max_pool

SIZES = st.integers(1, 9)


@given(SIZES, SIZES, st.sampled_from([1, 2]), st.booleans())
def test_equal_to_torch(height: int, width: int, stride: int, channels_last: bool) -> None:
    x = torch.randn(2, 3, height, width, dtype=torch.float64)
    x[0, 0] = -7  # below the zeros of a padding that counts
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    kept = x.clone()
    greatest = F.max_pool2d(x, 3, stride, 1)
    mean = F.avg_pool2d(x, 3, stride, 1, count_include_pad=False)
    for gradients in (False, True):  # without them direction by direction
        with torch.set_grad_enabled(gradients):
            assert torch.equal(max_pool(x, stride), greatest)
            torch.testing.assert_close(avg_pool(x, stride), mean, rtol=1e-12, atol=1e-12)
    assert torch.equal(x, kept)
