"""Ways of predicting with a trained network: by its means, by draws of its weights, by several."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from bench.data.splits import EvaluationData, Split
from bench.noise import Noise
from bench.seeds import derive
from bench.space.cpu.memory_format import arrange
from bench.space.network import DiscreteNetwork
from bench.training.checkpoint import Checkpoint
from bench.training.discrete import MEASURE_BATCH, EvaluationArguments, Training, prepare
from bench.training.trainer import NonFiniteLoss, Report

Arguments = EvaluationArguments[EvaluationData]


@runtime_checkable
class DrawsWeights(Protocol):
    """A method whose networks have a posterior of their weights (`methods.variational`)."""

    def draw(self, network: DiscreteNetwork, noise: Noise) -> bool:
        """Replace the weights, which are the posterior's means, by one draw of the network that is
        reported: what it zeroes is zero. False where the network's weights are points.
        """


@dataclass(frozen=True)
class Way:
    """A way of predicting, the mean of the predictions of `passes` networks for an image.

    passes: each makes its network ready and returns it. trainings: how many trainings it took;
    seconds: of these.
    """

    passes: Sequence[Callable[[], DiscreteNetwork]]
    trainings: int
    seconds: float


@torch.no_grad()
def predict(way: Way, split: Split, channels_last: bool | None = None) -> Tensor:
    """Log probabilities of a split's images, float64 [images, classes], on the CPU.

    The mean is that of probabilities. channels_last: as of `memory_format.arrange`. Raises
    NonFiniteLoss where one is NaN.
    """
    total: Tensor | None = None
    for make_ready in way.passes:
        network = make_ready()
        parts = [
            network(arrange(images, channels_last))[0].cpu().double().log_softmax(-1)
            for images, _ in split.sequential(MEASURE_BATCH)
        ]
        own = torch.cat(parts)
        total = own if total is None else torch.logaddexp(total, own)
    assert total is not None
    if bool(total.isnan().any()):
        raise NonFiniteLoss("a prediction of the trained network became NaN")
    return total - math.log(len(way.passes))


def by_means(network: DiscreteNetwork, seconds: float) -> Way:
    """The trained network as it is reported: of Gaussian weights, their means."""
    return Way([partial(_get, network)], 1, seconds)


def by_draws(
    arguments: Arguments, network: DiscreteNetwork, passes: int, seconds: float
) -> Way | None:
    """Draws of the trained network's weights; None where it has no posterior of them.

    Every draw is of all weights together and serves for all images. Batch normalisation has the
    statistics of draws, estimated on the training images, as those of the network by its means are
    estimated with the means. Draws are a function of the evaluation's seed and their number.
    """
    method = arguments.method
    if not isinstance(method, DrawsWeights):
        return None
    training = prepare(arguments)
    copy = training.network
    copy.load_state_dict(network.state_dict())
    means = [parameter.detach().clone() for parameter in copy.parameters()]

    @torch.no_grad()
    def draw(*purpose: object) -> bool:
        for parameter, mean in zip(copy.parameters(), means, strict=True):
            parameter.copy_(mean)
        noise = Noise()
        noise.reseed("weights", arguments.seed, *purpose)
        return method.draw(copy, noise)

    if not draw("settling", 0):
        return None
    batches = enumerate(training.images.sequential(MEASURE_BATCH))
    method.settle(copy, (batch.images for number, batch in batches if draw("settling", number)))
    copy.eval()

    def make_ready(number: int) -> DiscreteNetwork:
        draw("prediction", number)
        return copy

    return Way([partial(make_ready, number) for number in range(passes)], 1, seconds)


OfMember = Callable[[int], tuple[Report, Checkpoint | None]]
"""Number of a member, from 1 -> whom its training reports to, and where it is saved."""


def by_ensemble(
    arguments: Arguments,
    network: DiscreteNetwork,
    passes: int,
    seconds: float,
    of_member: OfMember,
) -> Way:
    """The trained network and passes - 1 others of the same cell and training, by their means.

    A deep ensemble (Lakshminarayanan, Pritzel and Blundell 2017, arXiv 1612.01474): members differ
    in their seed, which gives the initial weights, the order of the images and the noise. They are
    trained within the trial, not taken from trials of other search seeds: those have other cells,
    and ensembles that share members would not be independent over seeds. Raises NonFiniteLoss.
    """
    networks = [network]
    for number in range(1, passes):
        training = _train_member(arguments, number, *of_member(number))
        networks.append(training.network)
        seconds += training.trainer.history.seconds
    return Way([partial(_get, one) for one in networks], passes, seconds)


def _get(network: DiscreteNetwork) -> DiscreteNetwork:
    return network


def _train_member(
    arguments: Arguments, number: int, report: Report, checkpoint: Checkpoint | None
) -> Training:
    """A further network, trained, settled and zeroed as the first one is."""
    seed = derive("member", arguments.seed, number)
    training = prepare(dataclasses.replace(arguments, seed=seed), report, checkpoint)
    training.trainer.run()
    training.network.noise.reseed(derive("evaluation", seed), "measuring")  # resumed or not
    training.settle()
    training.zero()
    return training
