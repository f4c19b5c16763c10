"""A search on the fused super-network is the search on the plain one: the same updates."""

from __future__ import annotations

import pytest
import torch
from support import tiny
from support.plain_weights import copy_weights
from torch import Tensor, nn

from bench import plugins
from bench.data.augmentation import Augmentation
from bench.data.loading import load
from bench.space.mixture import Mixture
from bench.testing import plain_supernet as plain_form
from bench.training.search import SearchArguments, build
from bench.training.trainer import Trainer, TrainerOptions


class InDouble(nn.Module):
    """Takes the loader's float32 images."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, mixture: Mixture) -> Tensor:
        logits: Tensor = self.network(images.double(), mixture)
        return logits


@pytest.mark.parametrize("name", ["darts", "pgnas"])
def test_the_same_search_on_both_networks(name: str) -> None:
    torch.set_num_threads(1)
    data = load(tiny.DATA, None, tiny.CPU).search
    kind = plugins.load_method(name)
    # PGNAS's regulariser reads the fused network's weights: without it both see the same objective
    options = kind.Config(norm_scale=0.0, entropy_scale=0.0) if name == "pgnas" else kind.Config()
    ends = []
    for fused in (True, False):
        instance, supernet = build(
            SearchArguments(kind, options, tiny.SPACE, tiny.SEARCH, data, tiny.DATA, seed=3)
        )
        instance.double(), supernet.double()
        if name == "pgnas":
            instance.penalty = dict
        network: nn.Module = supernet
        if not fused:
            network = plain_form.PlainSupernet(
                tiny.SPACE, data.shape, data.classes, supernet.options
            ).double()
            copy_weights(supernet, network)
        settings = TrainerOptions(
            epochs=2,
            batch_size=32,
            augmentation=Augmentation(1, True, 0),
            precision="float32",
            channels_last=fused,
            seed=11,
        )
        wrapped = InDouble(network)
        trainer = Trainer(
            instance.phases(wrapped),
            data.part,
            {"method": instance, "supernet": wrapped},
            settings,
            supernet.noise,
        )
        history = trainer.run()
        ends.append((history.epochs, [p.detach().clone() for p in instance.parameters()]))
    (first, alphas), (second, others) = ends
    for mine, theirs in zip(alphas, others, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-7, atol=1e-9)
    for mine, theirs in zip(first, second, strict=True):
        assert mine["terms"] == pytest.approx(theirs["terms"], rel=1e-7)
