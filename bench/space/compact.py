"""A trained network without what is dead: ordinary layers, and fewer channels where they died.

In a depthwise-pointwise pair nothing stands between the two convolutions, so a channel whose
depthwise kernel is zero, or which no row of the 1x1 convolution reads, can go from both without any
change of the output. Other zeros stay where they are.
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.space.layers import Convolution
from bench.space.network import DiscreteNetwork, Normalised


class CompactPair(nn.Module):
    """Depthwise and 1x1 convolution on the channels that are alive."""

    channels: Tensor

    def __init__(self, depthwise: Convolution, pointwise: Convolution) -> None:
        super().__init__()
        kernels = depthwise.weight.detach()
        rows = pointwise.weight.detach()
        alive = (kernels != 0).flatten(1).any(1) & (rows != 0).flatten(2).any(2).any(0)
        if not alive.any():
            alive[0] = True  # an empty convolution is not one
        self.register_buffer("channels", alive.nonzero().flatten())
        self.depthwise = nn.Parameter(kernels[self.channels].clone())
        self.pointwise = nn.Parameter(rows[:, self.channels].clone())
        self.stride, self.padding = depthwise.stride, depthwise.padding
        self.dilation = depthwise.dilation

    def forward(self, x: Tensor) -> Tensor:
        """[batch, channels, height, width] -> the same as of the two full convolutions."""
        x = x.index_select(1, self.channels)
        groups = len(self.channels)
        y = F.conv2d(x, self.depthwise, None, self.stride, self.padding, self.dilation, groups)
        return F.conv2d(y, self.pointwise)


@torch.no_grad()
def compact(network: DiscreteNetwork) -> DiscreteNetwork:
    """A copy in eval mode whose layers have no variational part and no dead channels.

    It predicts what `network` predicts in eval mode, up to float error; measure it nevertheless.
    """
    smaller = copy.deepcopy(network)
    smaller.auxiliary = None
    for module in smaller.modules():
        for name, child in list(module.named_children()):
            if isinstance(child, Convolution):
                setattr(module, name, _plain_convolution(child))
            elif isinstance(child, nn.Linear):
                setattr(module, name, _plain_linear(child))
    for module in smaller.modules():
        if isinstance(module, Normalised) and len(module.layers) == 2:
            first, second = module.layers
            if isinstance(first, Convolution) and first.depthwise:
                assert isinstance(second, Convolution)
                module.layers = nn.Sequential(CompactPair(first, second))
    return smaller.eval()


def _plain_convolution(layer: Convolution) -> Convolution:
    plain = Convolution(*layer.sizes, **layer.form)
    plain.weight = nn.Parameter(layer.weight.detach().clone())
    return plain


def _plain_linear(layer: nn.Linear) -> nn.Linear:
    plain = nn.Linear(layer.in_features, layer.out_features)
    plain.weight = nn.Parameter(layer.weight.detach().clone())
    plain.bias = nn.Parameter(layer.bias.detach().clone())
    return plain
