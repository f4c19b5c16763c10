"""Batch normalisation by a batch's own statistics, without gradients fast for few channels.

torch's kernels for channels_last take all channels of a pixel at once and want 128 of them. With
fewer, some pixels side by side are read as one pixel of more channels: memory stays as it is, and
every group's statistics are merged afterwards. Measured on 1 core, 250 images of 8 x 28 x 28:
1.93 ms -> 0.53 ms.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.space.cpu.depthwise import is_channels_last

_EPSILON = 1e-5
_WIDE = 128
"""Channels that torch's kernels want for one pass at full speed."""


def normalise(x: Tensor, scale: Tensor | None = None) -> Tensor:
    """(x - mean) / sqrt(variance + 1e-5) * scale, with the biased variance of the batch.

    x: [batch, channels, height, width]; scale: [channels] or None for 1. The super-network uses
    nothing else: it keeps no running statistics, so a candidate's statistics are always its own.
    """
    if has_one_value(x):
        return x * 0
    groups = 1 if torch.is_grad_enabled() else _count_groups(x)
    if groups == 1:
        return F.batch_norm(x, None, None, scale, None, True, 0.0, _EPSILON)
    batch, channels, height, width = x.shape
    # The pixels of all images are one long row of [channels]; `groups` neighbours in it become one
    # row of [groups * channels], where column g * channels + c is channel c of the g-th neighbour.
    wide = x.permute(0, 2, 3, 1).reshape(-1, groups * channels, 1, 1)
    wide = wide.contiguous(memory_format=torch.channels_last)
    means, variances = (
        statistic.unflatten(0, (groups, channels))
        for statistic in torch.batch_norm_update_stats(wide, None, None, 0.0)
    )
    # All groups are of the same size, so that the law of total variance has equal weights: the mean
    # of the variances within groups, plus the variance of the groups' means.
    mean = means.mean(0)
    variance = variances.mean(0) + means.var(0, correction=0)
    scale = None if scale is None else scale.repeat(groups)
    statistics = (mean.repeat(groups), variance.repeat(groups))
    y = F.batch_norm(wide, *statistics, scale, None, False, 0.0, _EPSILON)
    return y.reshape(batch, height, width, channels).permute(0, 3, 1, 2)


def has_one_value(x: Tensor) -> bool:
    """Whether every channel of x, [batch, channels, height, width], has one value alone.

    It is its own mean, and what is normalised is 0: torch's training kernels refuse to say so.
    """
    return x.numel() == x.shape[1]


class BatchNormalisation(nn.BatchNorm2d):
    """Affine normalisation by the batch's own statistics: for a batch of one value, too."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, track_running_stats=False)

    def forward(self, input: Tensor) -> Tensor:
        """[batch, channels, height, width] -> the same shape."""
        if has_one_value(input):
            return input * 0 + self.bias[:, None, None]
        return super().forward(input)


def _count_groups(x: Tensor) -> int:
    """How many neighbouring pixels are read as one; 1 where that gains nothing."""
    if x.device.type != "cpu" or x.dtype not in (torch.float32, torch.float64):
        return 1
    if not is_channels_last(x):
        return 1
    most, pixels = _WIDE // x.shape[1], x.numel() // x.shape[1]
    return next((g for g in range(most, 1, -1) if pixels % g == 0), 1)
