"""A search: the super-network and a method, trained together; then the method selects."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import torch

from bench.data.augmentation import Augmentation
from bench.data.config import DataConfig
from bench.data.splits import SearchData
from bench.method import Method, Selection, Task
from bench.noise import Noise
from bench.seeds import derive
from bench.space.building import build_supernet
from bench.space.config import SpaceConfig
from bench.space.options import SupernetOptions
from bench.space.supernet import Supernet
from bench.tabular.oracle import Ask
from bench.training.checkpoint import Checkpoint
from bench.training.config import SearchConfig
from bench.training.signals import signals
from bench.training.trainer import History, Hooks, Report, Trainer, TrainerOptions, no_report


@dataclass(frozen=True)
class SearchArguments:
    """What the result of a search is a function of.

    method, options: the class and its `Config`; budget: epochs, batch size and how it computes;
    augmentation: what of a data set's options moves the training images; oracle: known accuracies,
    for a method that needs a table.
    """

    method: type[Method]
    options: Any
    space: SpaceConfig
    budget: SearchConfig
    data: SearchData
    augmentation: DataConfig
    seed: int
    oracle: Ask | None = None


@dataclass
class SearchOutcome:
    """posterior: rows of every epoch, each with its `epoch`."""

    selection: Selection
    history: History
    posterior: list[dict[str, Any]]
    method: Method
    supernet: Supernet
    selection_seconds: float


@dataclass
class Prepared:
    """A search before its first step. trainer: None for a method that trains nothing."""

    method: Method
    supernet: Supernet
    trainer: Trainer | None


def build(arguments: SearchArguments) -> tuple[Method, Supernet]:
    """Method and super-network on the data's device, initialised by the seed alone."""
    space, budget, data = arguments.space, arguments.budget, arguments.data
    noise = Noise()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive("search", arguments.seed, "supernet"))
        # the geometry does not depend on the method, so the task is known before it
        skeleton = space.positions()
        task = Task(
            space=space,
            graph=space.graph,
            positions=tuple(skeleton),
            kinds=tuple(dict.fromkeys(position.kind for position in skeleton)),
            classes=data.classes,
            train_images=len(data.train),
            epochs=budget.epochs,
            batch_size=budget.batch_size,
            seed=derive("method", arguments.seed),
            noise=noise,
            data=data,
            search=budget,
            augmentation=Augmentation.of(arguments.augmentation, budget.cutout),
            oracle=arguments.oracle,
        )
        method = arguments.method(arguments.options, task)
        torch.manual_seed(derive("search", arguments.seed, "weights"))
        options = SupernetOptions(
            layers=method.layers(),
            normalise_operations=method.normalise_operations,
            partial=method.partial_channels,
            surrogates=method.surrogates,
            noise=noise,
        )
        supernet = build_supernet(space, data.shape, data.classes, options)
    device = data.train.device
    method.to(device)
    supernet.to(device)
    method.attach(supernet)
    return method, supernet


def prepare(
    arguments: SearchArguments, report: Report = no_report, checkpoint: Checkpoint | None = None
) -> Prepared:
    """A search that is ready to run, initialised by the seed alone."""
    budget, data = arguments.budget, arguments.data
    method, supernet = build(arguments)
    if not method.searches:
        return Prepared(method, supernet, None)
    if budget.compile:
        supernet.compile()

    def after(epoch: int) -> dict[str, Any]:
        diagnostics = method.end_epoch(epoch, supernet, data.train)
        result = {
            "genotype": arguments.space.resolve(method.current()).to_json(),
            "posterior": [{"epoch": epoch, **row} for row in _posterior(method)],
            "diagnostics": diagnostics,
        }
        measured = signals(method, supernet, data.validation, budget)
        return {**result, "collapse": measured} if measured else result

    trainer = Trainer(
        method.phases(supernet),
        data.part,
        {"method": method, "supernet": supernet},
        TrainerOptions.of(budget, method.task.augmentation, derive("search", arguments.seed)),
        supernet.noise,
        hooks=Hooks(before=method.begin_epoch, after=after, report=report),
        checkpoint=checkpoint,
    )
    return Prepared(method, supernet, trainer)


def search(
    arguments: SearchArguments, report: Report = no_report, checkpoint: Checkpoint | None = None
) -> SearchOutcome:
    """Search with one method. The data has no test part, and neither has anything else here.

    Raises NonFiniteLoss.
    """
    prepared = prepare(arguments, report, checkpoint)
    method, supernet = prepared.method, prepared.supernet
    history = History() if prepared.trainer is None else prepared.trainer.run()
    posterior = [row for epoch in history.epochs for row in epoch["posterior"]]
    supernet.noise.reseed(derive("search", arguments.seed), "selection")
    method.eval()
    supernet.eval()
    for parameter in supernet.parameters():
        parameter.requires_grad_(False)
    started = time.perf_counter()
    selection = method.select(supernet, arguments.data.validation)
    seconds = time.perf_counter() - started
    selection = replace(selection, genotype=arguments.space.resolve(selection.genotype))
    if not posterior:
        posterior = [{"epoch": arguments.budget.epochs, **row} for row in _posterior(method)]
    return SearchOutcome(selection, history, posterior, method, supernet, seconds)


def _posterior(method: Method) -> list[dict[str, Any]]:
    """The posterior's rows with operations in place of columns that stand for them."""
    space, rows = method.task.space, method.posterior()
    kinds = {str(position.index): position.kind for position in method.task.positions}
    for row in rows:
        choices = space.choices(kinds.get(row["cell"], row["cell"]))
        if choices is not None:
            row["operation"] = choices[row["edge"]][space.operations.index(row["operation"])]
    return rows
