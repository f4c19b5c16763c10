"""A short training of an architecture from scratch, at the super-network's scale."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.data.splits import Split
from bench.method import Task, sgd_evaluation
from bench.noise import Noise
from bench.seeds import derive
from bench.space.building import build_network
from bench.space.genotype import Genotype
from bench.space.options import NetworkOptions
from bench.training.config import EvaluationConfig
from bench.training.measure import measure
from bench.training.trainer import History, Trainer, TrainerOptions


def train_briefly(
    genotype: Genotype, task: Task, budget: EvaluationConfig, number: int, validation: Split
) -> tuple[History, float]:
    """The training's history and the accuracy (fraction) on the validation images.

    budget: epochs and optimiser; scale, batch size and augmentation are the search's. number: of
    the candidate, for its seeds.
    """
    device = validation.device
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(task.seed, "candidate", number))
        network = build_network(
            genotype,
            task.space,
            NetworkOptions(
                task.space.cells, task.space.channels, task.data.shape, task.classes, noise=Noise()
            ),
        ).to(device)
    options = TrainerOptions(
        epochs=budget.epochs,
        batch_size=task.batch_size,
        augmentation=task.augmentation,
        precision=task.search.precision,
        channels_last=task.search.channels_last,
        seed=derive(task.seed, "short training", number),
    )
    phases = [sgd_evaluation(network, budget, "train")]
    trainer = Trainer(phases, task.data.part, {"network": network}, options, network.noise)
    history = trainer.run()
    network.eval()

    def predict(images: Tensor) -> Tensor:
        logits: Tensor = network(images)[0]
        return logits

    result = measure(predict, validation, 256, task.search.channels_last)
    return history, float(result["accuracy"])
