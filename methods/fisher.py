"""The Fisher information of mixing weights, from one backward pass an example's own copy each."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.data.splits import Batch
from bench.noise import Noise
from bench.space.cpu.memory_format import channels_last
from bench.space.mixture import CellMixture, Mixture
from bench.space.supernet import Supernet


def mixture_fisher(
    supernet: Supernet, mixture: Mixture, images: Batch, batch_size: int, noise: Noise
) -> dict[str, tuple[Tensor, Tensor]]:
    """Cell key -> (weights [edges, operations], gradients [images, edges, operations]).

    The gradients are those of -log p(y | image) in the example's own copy of the weights, for a
    label y drawn from the prediction: their squares average to the diagonal of the Fisher
    information, which for a softmax is the Gauss-Newton matrix (Martens 2014, section 9). Batch
    normalisation couples the examples of a batch; that part of a gradient is counted with the
    example whose weights it is a derivative in. Leaves no gradient and no parameter changed.
    """
    for parameter in supernet.parameters():
        parameter.requires_grad_(False)
    weights = {key: cell.weights.detach() for key, cell in mixture.cells.items()}
    parts: dict[str, list[Tensor]] = {key: [] for key in weights}
    for x in images.images.split(batch_size):
        if x.device.type == "cpu":
            x = channels_last(x)
        copies = {
            key: z.expand(len(x), *z.shape).clone().requires_grad_() for key, z in weights.items()
        }
        logits = supernet(x, Mixture({key: CellMixture(z) for key, z in copies.items()}))
        with torch.no_grad():
            drawn = (logits + noise.gumbel(logits)).argmax(-1)
        loss = F.cross_entropy(logits, drawn, reduction="sum")
        for key, gradient in zip(
            copies, torch.autograd.grad(loss, list(copies.values())), strict=True
        ):
            parts[key].append(gradient)
    return {key: (weights[key], torch.cat(parts[key])) for key in weights}
