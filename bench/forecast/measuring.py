"""What a trial takes: from a step of each of its stages on made-up images.

On the CPU it is computing time by threads, so that what else the machine does at the moment plays
no part. A step that would take long is measured on few images, and the rest is added by the image.
What a method does besides its steps (selection, measurements between epochs) is not measured.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable

import torch

from bench import plugins
from bench.data.splits import Batch, Pool, SearchData, Split
from bench.data.storage.placement import choose
from bench.forecast.datasets import Images
from bench.forecast.timing import Timing, count_retrainings, is_trained
from bench.options import from_resolved
from bench.run.environment import PeakMemory
from bench.space.genotype import Genotype
from bench.study.model import Trial
from bench.training.config import EvaluationConfig
from bench.training.discrete import EvaluationArguments, prepare_briefly
from bench.training.discrete import prepare as prepare_evaluation
from bench.training.search import SearchArguments, build, prepare, retraining_budget
from bench.training.trainer import Trainer

FEW = 4  # images of a step that may be long
LONG = 3.0  # seconds: a whole step that may take longer is not measured itself


@dataclasses.dataclass(frozen=True)
class Step:
    """seconds: of one step of the whole batch; memory: bytes of the process at its peak."""

    seconds: float
    memory: int


def measure(trial: Trial, images: Images, device: torch.device) -> Timing:
    """A trial's timing. Raises what the method raises on made-up images."""
    place = choose(trial.data.storage, images.bytes, device, trial.search.threads)
    held = 0 if place.storage == "disk" else images.bytes
    threads = torch.get_num_threads()
    torch.set_num_threads(trial.search.threads)
    try:
        searching, per_epoch = _measure_search(trial, images, device)
        evaluating, evaluation_steps = Step(0.0, 0), 0
        if isinstance(trial.evaluation, EvaluationConfig):
            evaluating = _measure_evaluation(trial, images, device)
            count = images.count(trial.evaluation.train_on)
            evaluation_steps = max(1, count // trial.evaluation.batch_size)
        retraining, retraining_steps = Step(0.0, 0), 0
        if count_retrainings(trial):
            retraining = _measure_retraining(trial, images, device)
            retraining_steps = max(1, images.count("train") // trial.search.batch_size)
    finally:
        torch.set_num_threads(threads)
    assert is_trained(trial) == bool(evaluation_steps)
    return Timing(
        searching.seconds * per_epoch,
        0.0,
        evaluating.seconds * evaluation_steps,
        max(searching.memory, evaluating.memory, retraining.memory) + held,
        "measured",
        retraining_epoch=retraining.seconds * retraining_steps,
    )


def prepare_search(
    trial: Trial, images: Images, batch: int, device: torch.device
) -> Trainer | None:
    """The trial's search at its first step, on made-up images; None where nothing is trained."""
    trainer = prepare(_arguments(trial, images, batch, device)).trainer
    if trainer is None or not trainer.phases:
        return None
    trainer.hooks.before(1)
    return trainer


def draw_batches(trainer: Trainer) -> dict[str, Batch]:
    """The first batch of an epoch of every part."""
    return {part: next(trainer.stream(part, 1)) for part in trainer.splits}


def _measure_search(trial: Trial, images: Images, device: torch.device) -> tuple[Step, int]:
    """A step of the search, and how many of them an epoch has; no steps where nothing trains."""
    if trial.asks_table:
        return Step(0.0, 0), 0
    steps = 0

    def make(batch: int) -> Trainer | None:
        nonlocal steps
        trainer = prepare_search(trial, images, batch, device)
        if trainer is not None:
            count = images.count(trainer.phases[-1].part)
            steps = max(1, count // trial.search.batch_size)
        return trainer

    return _time_step(make, trial.search.batch_size, device), steps


def _measure_evaluation(trial: Trial, images: Images, device: torch.device) -> Step:
    config = trial.evaluation
    assert isinstance(config, EvaluationConfig)

    def make(batch: int) -> Trainer | None:
        arguments = _arguments(trial, images, batch, device)
        method, _ = build(arguments)
        genotype = _choose_genotype(trial)
        changed = dataclasses.replace(
            config, batch_size=batch, train_on="train", compile=False, graph=False
        )
        evaluation = EvaluationArguments(genotype, method, changed, arguments.data, trial.data, 0)
        trainer = prepare_evaluation(evaluation).trainer
        trainer.hooks.before(1)
        return trainer

    return _time_step(make, config.batch_size, device)


def _measure_retraining(trial: Trial, images: Images, device: torch.device) -> Step:
    """A step of a candidate's training from scratch.

    The candidate has as many operations as a cell of the space: trained posteriors of the committed
    studies draw 0.8 to 1.3 times as many.
    """
    budget = retraining_budget(trial.search)

    def make(batch: int) -> Trainer | None:
        task = build(_arguments(trial, images, batch, device))[0].task
        return prepare_briefly(_choose_genotype(trial), task, budget, 0)[1]

    return _time_step(make, trial.search.batch_size, device)


def _choose_genotype(trial: Trial) -> Genotype:
    """Some architecture of the space: the first operations that have weights, on every edge."""
    space = trial.space
    kinds = dict.fromkeys(position.kind for position in space.positions())
    named = [name for name in space.operations if name not in ("none", "skip_connect", "noise")]
    operations = [name for name in named if "pool" not in name] or named
    nodes = tuple(
        tuple((operations[0], source) for source in range(space.graph.kept(node, 2)))
        for node in range(space.graph.nodes)
    )
    return space.resolve(Genotype(space.name, dict.fromkeys(kinds, nodes)))


def _arguments(trial: Trial, images: Images, batch: int, device: torch.device) -> SearchArguments:
    kind = plugins.load_method(trial.method)
    budget = dataclasses.replace(trial.search, batch_size=batch, compile=False, graph=False)
    return SearchArguments(
        kind,
        from_resolved(kind.Config, trial.options),
        trial.space,
        budget,
        _make_data(images, batch, device),
        trial.data,
        seed=0,
    )


def _make_data(images: Images, batch: int, device: torch.device) -> SearchData:
    """Made-up images, enough for one batch of every part."""
    count = 3 * batch
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, *images.shape), generator=generator, dtype=torch.uint8)
    labels = torch.arange(count) % images.classes
    statistics = torch.full((images.shape[0],), 64.0, device=device)
    pool = Pool(pixels.to(device), labels.to(device), statistics, statistics)
    indices = torch.arange(count, device=device)
    names = tuple(map(str, range(images.classes)))
    train, validation = Split(pool, indices[: 2 * batch]), Split(pool, indices[2 * batch :])
    return SearchData("made up", names, images.shape, "", train, validation)


def _time_step(make: Callable[[int], Trainer | None], batch: int, device: torch.device) -> Step:
    """A step of the whole batch, or what two small ones say of it: both grow by the image."""
    few, more = min(FEW, batch), min(2 * FEW, batch)
    if batch > more and _time(make(few), device)[0] * batch / few <= LONG:
        more = batch
    seconds, memory, base = _time(make(more), device)
    if more == batch:
        return Step(seconds, memory)
    first, _, _ = _time(make(few), device)
    by_image = max(seconds - first, 0.0) / (more - few)
    grown = math.ceil(max(memory - base, 0) * batch / more)
    return Step(seconds + by_image * (batch - more), base + grown)


def _time(trainer: Trainer | None, device: torch.device) -> tuple[float, int, int]:
    """Seconds of the second step, the peak memory of both, and the memory before, bytes."""
    base = PeakMemory(device).read()
    if trainer is None:
        return 0.0, base, base
    peak = PeakMemory(device)
    for _ in range(2):
        batches = draw_batches(trainer)
        begun = _clock(device)
        trainer.run_step(batches)
        seconds = _clock(device) - begun
    return seconds, peak.read(), base


def _clock(device: torch.device) -> float:
    """Seconds: of this process on the CPU, by threads; of the clock on the wall on CUDA."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return time.perf_counter()
    return time.process_time() / torch.get_num_threads()
