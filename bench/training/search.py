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
from bench.space.supernet import Supernet
from bench.training.checkpoint import Checkpoint
from bench.training.config import SearchConfig
from bench.training.signals import signals
from bench.training.trainer import History, Hooks, Trainer, TrainerOptions


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


def uses_channels_last(wanted: bool | None, device: torch.device) -> bool:
    """The memory format: as asked for, else channels_last on a CPU (1.3 to 1.7 times as fast)."""
    return device.type == "cpu" if wanted is None else wanted


def build(
    method: type[Method],
    options: Any,
    space: SpaceConfig,
    config: SearchConfig,
    data: SearchData,
    seed: int,
    augmentation: Augmentation | None = None,
) -> tuple[Method, Supernet]:
    """Method and super-network on the data's device, initialised by the seed alone."""
    noise = Noise()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive("search", seed, "supernet"))
        # the geometry does not depend on the method, so the task is known before it
        skeleton = space.positions()
        task = Task(
            space=space,
            graph=space.graph,
            positions=tuple(skeleton),
            kinds=tuple(dict.fromkeys(position.kind for position in skeleton)),
            classes=data.classes,
            train_images=len(data.train),
            epochs=config.epochs,
            batch_size=config.batch_size,
            seed=derive("method", seed),
            noise=noise,
            data=data,
            search=config,
            augmentation=augmentation or Augmentation(),
        )
        instance = method(options, task)
        torch.manual_seed(derive("search", seed, "weights"))
        supernet = build_supernet(
            space,
            data.shape,
            data.classes,
            instance.layers(),
            instance.normalise_operations,
            noise,
            instance.partial_channels,
            instance.surrogates,
        )
    device = data.train.device
    instance.to(device)
    supernet.to(device)
    instance.attach(supernet)
    return instance, supernet


def prepare(
    method: type[Method],
    options: Any,
    space: SpaceConfig,
    config: SearchConfig,
    data: SearchData,
    augmentation: DataConfig,
    seed: int,
    report: Callable[[int, Mapping[str, float]], None] = lambda epoch, metrics: None,
    checkpoint: Checkpoint | None = None,
) -> Prepared:
    """A search that is ready to run, initialised by the seed alone."""
    moved = Augmentation(augmentation.crop_padding, augmentation.flip, config.cutout)
    instance, supernet = build(method, options, space, config, data, seed, moved)
    if not instance.searches:
        return Prepared(instance, supernet, None)
    if config.compile:
        supernet.compile()

    in_last = uses_channels_last(config.channels_last, data.train.device)

    def after(epoch: int) -> dict[str, Any]:
        extra = instance.end_epoch(epoch, supernet, data.train)
        rows = [{"epoch": epoch, **row} for row in _posterior(instance)]
        result = {
            "genotype": space.resolve(instance.current()).to_json(),
            "posterior": rows,
            "diagnostics": extra,
        }
        measured = signals(instance, supernet, data.validation, config, in_last)
        return {**result, "collapse": measured} if measured else result

    trainer_options = TrainerOptions(
        epochs=config.epochs,
        batch_size=config.batch_size,
        augmentation=moved,
        precision=config.precision,
        channels_last=in_last,
        seed=derive("search", seed),
        graph=config.graph,
    )
    trainer = Trainer(
        instance.phases(supernet),
        data.part,
        {"method": instance, "supernet": supernet},
        trainer_options,
        supernet.noise,
        Hooks(before=instance.begin_epoch, after=after, report=report),
        checkpoint,
    )
    return Prepared(instance, supernet, trainer)


def search(
    method: type[Method],
    options: Any,
    space: SpaceConfig,
    config: SearchConfig,
    data: SearchData,
    augmentation: DataConfig,
    seed: int,
    report: Callable[[int, Mapping[str, float]], None] = lambda epoch, metrics: None,
    checkpoint: Checkpoint | None = None,
) -> SearchOutcome:
    """Search with one method. `data` has no test part, and neither has anything else here.

    report(epoch, metrics) is called after every epoch. Raises NonFiniteLoss.
    """
    prepared = prepare(method, options, space, config, data, augmentation, seed, report, checkpoint)
    instance, supernet = prepared.method, prepared.supernet
    history = History() if prepared.trainer is None else prepared.trainer.run()
    posterior = [row for epoch in history.epochs for row in epoch["posterior"]]
    supernet.noise.reseed(derive("search", seed), "selection")
    instance.eval()
    supernet.eval()
    for parameter in supernet.parameters():
        parameter.requires_grad_(False)
    started = time.perf_counter()
    selection = instance.select(supernet, data.validation)
    seconds = time.perf_counter() - started
    selection = replace(selection, genotype=space.resolve(selection.genotype))
    if not posterior:
        posterior = [{"epoch": config.epochs, **row} for row in _posterior(instance)]
    return SearchOutcome(selection, history, posterior, instance, supernet, seconds)


def _posterior(method: Method) -> list[dict[str, Any]]:
    """The posterior's rows with operations in place of columns that stand for them."""
    space, rows = method.task.space, method.posterior()
    kinds = {str(position.index): position.kind for position in method.task.positions}
    for row in rows:
        choices = space.choices(kinds.get(row["cell"], row["cell"]))
        if choices is not None:
            row["operation"] = choices[row["edge"]][space.operations.index(row["operation"])]
    return rows
