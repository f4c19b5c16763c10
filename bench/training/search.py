"""A search: the super-network and a method, trained together; then the method selects."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from bench.data.augmentation import Augmentation
from bench.data.config import DataConfig
from bench.data.splits import SearchData
from bench.method import Method, Selection, Task
from bench.noise import Noise
from bench.seeds import derive
from bench.space.config import SpaceConfig
from bench.space.skeleton import CellGraph
from bench.space.supernet import Supernet
from bench.training.checkpoint import Checkpoint
from bench.training.config import SearchConfig
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
) -> tuple[Method, Supernet]:
    """Method and super-network on the data's device, initialised by the seed alone."""
    noise = Noise()
    graph = CellGraph(2, space.nodes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive("search", seed, "supernet"))
        # the geometry does not depend on the method, so the task is known before it
        skeleton = Supernet.skeleton(space)
        task = Task(
            space=space,
            graph=graph,
            positions=tuple(skeleton),
            kinds=tuple(dict.fromkeys(position.kind for position in skeleton)),
            classes=data.classes,
            train_images=len(data.train),
            epochs=config.epochs,
            batch_size=config.batch_size,
            seed=derive("method", seed),
            noise=noise,
        )
        instance = method(options, task)
        torch.manual_seed(derive("search", seed, "weights"))
        supernet = Supernet(
            space,
            data.shape,
            data.classes,
            instance.layers(),
            instance.normalise_operations,
            noise,
        )
    device = data.train.device
    instance.to(device)
    supernet.to(device)
    return instance, supernet


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
    instance, supernet = build(method, options, space, config, data, seed)
    if config.compile:
        supernet.compile()
    posterior: list[dict[str, Any]] = []

    def after(epoch: int) -> dict[str, Any]:
        extra = instance.end_epoch(epoch, supernet, data.train)
        rows = [{"epoch": epoch, **row} for row in instance.posterior()]
        return {
            "genotype": instance.current().to_json(),
            "posterior": rows,
            "diagnostics": extra,
        }

    channels_last = uses_channels_last(config.channels_last, data.train.device)
    trainer_options = TrainerOptions(
        epochs=config.epochs,
        batch_size=config.batch_size,
        augmentation=Augmentation(augmentation.crop_padding, augmentation.flip, config.cutout),
        precision=config.precision,
        channels_last=channels_last,
        seed=derive("search", seed),
    )
    history = History()
    if instance.searches:
        trainer = Trainer(
            instance.phases(supernet),
            data.part,
            {"method": instance, "supernet": supernet},
            trainer_options,
            supernet.noise,
            Hooks(before=instance.begin_epoch, after=after, report=report),
            checkpoint,
        )
        history = trainer.run()
        for row in history.epochs:
            posterior.extend(row["posterior"])
    supernet.noise.reseed(derive("search", seed), "selection")
    instance.eval()
    supernet.eval()
    for parameter in supernet.parameters():
        parameter.requires_grad_(False)
    started = time.perf_counter()
    selection = instance.select(supernet, data.validation)
    seconds = time.perf_counter() - started
    if not posterior:
        posterior = [{"epoch": config.epochs, **row} for row in instance.posterior()]
    return SearchOutcome(selection, history, posterior, instance, supernet, seconds)
