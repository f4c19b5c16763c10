"""Batch normalisation by a batch's own statistics: no shift, no running statistics."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.space.cpu.depthwise import is_channels_last

_EPSILON = 1e-5
_WIDE = 128
"""Channels that torch's kernels want for one pass at full speed."""


def normalise(x: Tensor, scale: Tensor | None = None) -> Tensor:
    """(x - mean) / sqrt(variance + 1e-5) * scale, with the biased variance of the batch.

    x: [batch, channels, height, width]; scale: [channels] or None for 1. The super-network uses
    nothing else: it keeps no running statistics, so a candidate's statistics are always its own.
    """
    groups = 1 if torch.is_grad_enabled() else _groups(x)
    if groups == 1:
        return F.batch_norm(x, None, None, scale, None, True, 0.0, _EPSILON)
    return _normalised_in_groups(x, scale, groups)


def _groups(x: Tensor) -> int:
    """Into how many groups of pixels a few channels are divided; 1: not at all."""
    if x.device.type != "cpu" or x.dtype not in (torch.float32, torch.float64):
        return 1
    if not is_channels_last(x):
        return 1
    most, pixels = _WIDE // x.shape[1], x.numel() // x.shape[1]
    return next((g for g in range(most, 1, -1) if pixels % g == 0), 1)


def _normalised_in_groups(x: Tensor, scale: Tensor | None, groups: int) -> Tensor:
    """`normalise` without gradients for few channels, innermost in memory.

    Groups of pixels lie side by side as channels of their own, for torch's kernels are slow on few
    channels. Measured on 1 core for 250 images of 8 x 28 x 28: 1.93 ms -> 0.53 ms.
    """
    batch, channels, height, width = x.shape
    wide = x.permute(0, 2, 3, 1).reshape(-1, groups * channels, 1, 1)
    wide = wide.contiguous(memory_format=torch.channels_last)
    means, variances = (
        of.unflatten(0, (groups, channels))
        for of in torch.batch_norm_update_stats(wide, None, None, 0.0)
    )
    mean = means.mean(0)
    variance = variances.mean(0) + means.var(0, correction=0)
    scale = None if scale is None else scale.repeat(groups)
    y = F.batch_norm(
        wide, mean.repeat(groups), variance.repeat(groups), scale, None, False, 0.0, _EPSILON
    )
    return y.reshape(batch, height, width, channels).permute(0, 3, 1, 2)
