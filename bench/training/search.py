"""A search: the super-network and a method, trained together; then the method selects."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
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
from bench.space.genotype import Genotype
from bench.space.options import SupernetOptions
from bench.space.supernet import Supernet
from bench.tabular.oracle import Ask
from bench.training.checkpoint import Checkpoint
from bench.training.config import EvaluationConfig, SearchConfig
from bench.training.discrete import train_briefly
from bench.training.signals import (
    describe_epoch,
    describe_movement,
    inherited_accuracies,
    signals,
    sum_rates,
)
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
    """posterior: rows of every epoch, each with its `epoch`; architecture: how far it moved.

    learned: what the record's `search.learned` says. None where no super-network was trained.
    """

    selection: Selection
    history: History
    posterior: list[dict[str, Any]]
    architecture: dict[str, Any] | None
    method: Method
    supernet: Supernet
    selection_seconds: float
    learned: dict[str, float] | None


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

    phases = method.phases(supernet)
    steps = data.part(phases[-1].part).steps(budget.batch_size) if phases else 0

    def after(epoch: int) -> dict[str, Any]:
        rates = sum_rates(method, phases, (epoch - 1) / budget.epochs, steps)
        diagnostics = method.end_epoch(epoch, supernet, data.train)
        result = {
            "genotype": arguments.space.resolve(method.current()).to_json(),
            "posterior": [{"epoch": epoch, **row} for row in _posterior(method)],
            "diagnostics": diagnostics,
            "movement": describe_epoch(method, rates),
        }
        measured = signals(method, supernet, data.validation, budget)
        return {**result, "collapse": measured} if measured else result

    trainer = Trainer(
        phases,
        data.part,
        {"method": method, "supernet": supernet},
        TrainerOptions.of(budget, method.task.augmentation, derive("search", arguments.seed)),
        supernet.noise,
        hooks=Hooks(before=method.begin_epoch, after=after, report=report),
        checkpoint=checkpoint,
    )
    return Prepared(method, supernet, trainer)


def search(
    arguments: SearchArguments,
    report: Report = no_report,
    checkpoint: Checkpoint | None = None,
    of_retraining: Callable[[int], Report] = lambda epochs: no_report,
) -> SearchOutcome:
    """Search with one method. The data has no test part, and neither has anything else here.

    of_retraining: whom the trainings of candidates report to, where the study asks for them, given
    the epochs of all of them together. Raises NonFiniteLoss.
    """
    prepared = prepare(arguments, report, checkpoint)
    method, supernet = prepared.method, prepared.supernet
    history = History() if prepared.trainer is None else prepared.trainer.run()
    architecture = None if prepared.trainer is None else describe_movement(method, history)
    posterior = [row for epoch in history.epochs for row in epoch["posterior"]]
    supernet.noise.reseed(derive("search", arguments.seed), "selection")
    method.eval()
    supernet.eval()
    for parameter in supernet.parameters():
        parameter.requires_grad_(False)
    started = time.perf_counter()
    selection = method.select(supernet, arguments.data.validation)
    details = {**selection.details, **_retrain(selection, method.task, of_retraining)}
    seconds = time.perf_counter() - started
    learned = None if prepared.trainer is None else _describe_learning(prepared, selection.genotype)
    genotype = arguments.space.resolve(selection.genotype)
    selection = replace(selection, genotype=genotype, details=details)
    if not posterior:
        posterior = [{"epoch": arguments.budget.epochs, **row} for row in _posterior(method)]
    return SearchOutcome(
        selection, history, posterior, architecture, method, supernet, seconds, learned
    )


def _describe_learning(search: Prepared, genotype: Genotype) -> dict[str, float]:
    """How well the super-network and its selection predict the validation images."""
    task = search.method.task
    validation = task.data.validation
    whole, discretised = inherited_accuracies(
        search.method, search.supernet, genotype, validation, task.search
    )
    counts = validation.pool.labels[validation.indices].bincount()
    return {
        "supernet_accuracy": whole,
        "discretised_accuracy": discretised,
        "chance": int(counts.max()) / len(validation),
        "images": len(validation),
    }


def _retrain(
    selection: Selection, task: Task, of_retraining: Callable[[int], Report]
) -> dict[str, Any]:
    """Train the first candidates of each kind from scratch, as many as the study asks for.

    Returns what the record's `selection` says of it: validation accuracies, one for each training,
    and seconds of all of them.
    """
    if not (task.search.retrained and selection.candidates):
        return {}
    budget = retraining_budget(task.search)
    wanted = {kind: own[: task.search.retrained] for kind, own in selection.candidates.items()}
    trainings = sum(map(len, wanted.values())) * task.search.retrained_seeds
    report = of_retraining(trainings * budget.epochs)
    rows: dict[str, list[list[float]]] = {}
    seconds, done = 0.0, 0

    def report_epoch(epoch: int, metrics: Mapping[str, float]) -> None:
        report(done + epoch, metrics)

    for kind, candidates in wanted.items():
        rows[kind] = []
        for number, genotype in enumerate(candidates):
            accuracies = []
            for again in range(task.search.retrained_seeds):
                history, accuracy = train_briefly(
                    genotype, task, budget, number, again, report_epoch
                )
                accuracies.append(round(accuracy, 6))
                seconds += history.seconds
                done += budget.epochs
            rows[kind].append(accuracies)
    return {"retrained": rows, "retrained_seconds": seconds}


def retraining_budget(budget: SearchConfig) -> EvaluationConfig:
    """Epochs and optimiser of the trainings of candidates from scratch."""
    return EvaluationConfig(epochs=budget.retrained_epochs or budget.epochs)


def _posterior(method: Method) -> list[dict[str, Any]]:
    """The posterior's rows with operations in place of columns that stand for them."""
    space, rows = method.task.space, method.posterior()
    kinds = {str(position.index): position.kind for position in method.task.positions}
    for row in rows:
        choices = space.choices(kinds.get(row["cell"], row["cell"]))
        if choices is not None:
            row["operation"] = choices[row["edge"]][space.operations.index(row["operation"])]
    return rows
