"""Few channels are normalised in groups of pixels: the same numbers."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bench.space.cpu.normalisation import normalise

SIZES = st.integers(1, 8)


def plain(x: Tensor, scale: Tensor | None) -> Tensor:
    variance, mean = torch.var_mean(x, (0, 2, 3), correction=0, keepdim=True)
    y = (x - mean) / (variance + 1e-5).sqrt()
    return y if scale is None else y * scale[:, None, None]


@given(st.integers(2, 5), SIZES, SIZES, SIZES, st.booleans(), st.booleans())
def test_equal_to_the_formula(
    batch: int, channels: int, height: int, width: int, channels_last: bool, scaled: bool
) -> None:
    x = torch.randn(batch, channels, height, width, dtype=torch.float64) * 3 + 2
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    scale = torch.rand(channels, dtype=torch.float64) if scaled else None
    expected = plain(x, scale)
    torch.testing.assert_close(normalise(x, scale), expected, rtol=1e-10, atol=1e-10)
    with torch.no_grad():
        found = normalise(x, scale)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    for memory_format in (torch.contiguous_format, torch.channels_last):
        # with one channel or one pixel both hold
        assert found.is_contiguous(memory_format=memory_format) or not x.is_contiguous(
            memory_format=memory_format
        )


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_single_precision_is_as_good_as_torchs(offset: float) -> None:
    x = (torch.randn(64, 8, 14, 14) + offset).contiguous(memory_format=torch.channels_last)
    expected = plain(x.double(), None)
    torchs = F.batch_norm(x, None, None, None, None, True, 0.0, 1e-5)
    with torch.no_grad():
        found = normalise(x)
    error, usual = ((y.double() - expected).abs().max() for y in (found, torchs))
    assert error < max(2 * usual, 1e-6)
