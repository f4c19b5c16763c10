"""The lines of `bench run --dry-run` on time, memory, disk and downloads."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from bench import capacity
from bench.data.loading import data_root as find_data_root
from bench.data.storage.placement import choose
from bench.durations import format_duration
from bench.errors import BenchError, one_line
from bench.forecast import datasets, measuring, timing
from bench.forecast.timing import Timing, find_key
from bench.records.store import Store
from bench.run import beforehand
from bench.run.session import Settings
from bench.study.model import Study, Trial
from bench.study.uncertainty import outside_of

MEASURE_FOR = 10.0  # seconds after which no further method is measured
LONG = 2 * 86400.0  # seconds of a run on the CPU that is better done elsewhere
GIB = 2**30


@dataclass
class Estimate:
    """What the trials to run take.

    timings: by `timing.find_key`; problems: why some are not known.
    """

    timings: dict[str, Timing] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def find(self, trial: Trial) -> Timing | None:
        """The timing of a trial."""
        return self.timings.get(find_key(trial))


def describe(study: Study, store: Store, settings: Settings, how: str) -> Iterator[str]:
    """What running the trials that have not finished would take, line by line.

    how: where times come from: auto is records of trials like these and, for methods without any,
    a measured step. Nothing is written or downloaded. Raises ResultsError at a damaged record.
    """
    todo = store.standing(study.trials).list_unfinished(study.trials)
    if not todo:
        return
    threads = todo[0].search.threads
    devices = settings.engine.plan(threads, len(todo))
    if settings.cluster is not None:
        yield (
            f"cluster   at most {len(devices)} trials at a time, where it has room; times are those"
            " of machines like this one"
        )
    estimate = _estimate(todo, store.folder, devices[0], settings.data_root, how)
    total = _add_up(todo, estimate, len(devices))
    yield from _describe_time(todo, estimate, devices, total)
    yield from _describe_memory(estimate, devices, settings.cluster is None)
    yield from _describe_storage(todo, devices[0], settings.data_root)
    yield _describe_disk(store, len(todo))
    yield _describe_downloads(todo, settings.data_root)
    if settings.cluster is None and devices[0] == "cpu" and total is not None and total > LONG:
        yield (
            f"warning   on this machine's CPU it takes {format_duration(total)}: a GPU is needed"
            " (--device cuda), or a smaller study (bench list studies)"
        )


def _estimate(
    trials: Sequence[Trial], folder: Path, device: str, data_root: Path | None, how: str
) -> Estimate:
    estimate = Estimate()
    kind = device.partition(":")[0]
    if how in ("auto", "records"):
        estimate.timings |= timing.from_records(trials, folder, kind)
    if how not in ("auto", "measure"):
        return estimate
    begun = time.monotonic()
    if kind == "cuda" and not torch.cuda.is_available():  # it is somewhere else
        return estimate
    for trial in {find_key(one): one for one in trials if estimate.find(one) is None}.values():
        if time.monotonic() - begun > MEASURE_FOR:
            break
        try:
            images = datasets.count(trial.data, data_root)
            found = measuring.measure(trial, images, torch.device(device))
            estimate.timings[find_key(trial)] = found
        except BenchError as error:
            estimate.problems.append(str(error))
        except Exception as error:  # of a plug-in: the estimate is a courtesy
            why = one_line(f"{type(error).__name__} {error}")
            estimate.problems.append(f"{trial.label}: cannot be measured ({why})")
    return estimate


def _add_up(trials: Sequence[Trial], estimate: Estimate, workers: int) -> float | None:
    """Seconds of the whole run; trials that are not known take what the others do on average."""
    seconds, searched = [], set[str]()
    for trial in trials:
        known = estimate.find(trial)
        if known is None:
            continue
        searching = known.of_search(trial) + known.of_retraining(trial)
        first = trial.search_id not in searched
        searched.add(trial.search_id)
        seconds.append((searching if first else 0.0) + known.of_evaluation(trial))
    if not seconds:
        return None
    mean = sum(seconds) / len(seconds)
    return max(max(seconds), mean * len(trials) / workers)


def _describe_time(
    trials: Sequence[Trial], estimate: Estimate, devices: Sequence[str], total: float | None
) -> Iterator[str]:
    count = f"{len(trials)} trial{'' if len(trials) == 1 else 's'}"
    where = f"{len(devices)} x {devices[0].partition(':')[0]}"
    about = "not known" if total is None else f"about {format_duration(total)}"
    yield f"time      {about} for {count} on {where}"
    for label in dict.fromkeys(trial.label for trial in trials):
        trial = next(one for one in trials if one.label == label)
        known = estimate.find(trial)
        if known is not None:
            stages = {"search": known.of_search(trial)}
            if trainings := timing.count_retrainings(trial):
                stages[f"{trainings} trainings of candidates"] = known.of_retraining(trial)
            stages["evaluation"] = known.of_evaluation(trial)
            parts = [f"{stage} {format_duration(seconds)}" for stage, seconds in stages.items()]
            yield f"          {label}: {', '.join(parts)} a trial ({_describe_source(known)})"
        elif total is not None:
            yield f"          {label}: not known, counted as the others are on average"
    for problem in dict.fromkeys(estimate.problems):
        yield f"          {problem}"


def _describe_source(known: Timing) -> str:
    if known.source == "measured":
        return "from a measured step"
    return f"from records, {known.hardware}"


def _describe_memory(estimate: Estimate, devices: Sequence[str], here: bool) -> Iterator[str]:
    """here: whether the workers are on this machine."""
    known = [one.memory for one in estimate.timings.values() if one.memory]
    if not known:
        return
    each = max(known) / GIB
    there = capacity.main_memory()
    if devices[0] != "cpu" or there is None or not here:
        yield f"memory    about {each:.1f} GiB a worker"
        return
    available = there[1] / GIB
    line = f"memory    about {each:.1f} GiB a worker, {available:.1f} GiB available"
    if each * len(devices) > available:
        line += f": too little for {len(devices)} workers, choose fewer --workers"
    yield line


def _describe_storage(
    trials: Sequence[Trial], device: str, data_root: Path | None
) -> Iterator[str]:
    """Where the images of each data set would be held."""
    threads = trials[0].search.threads
    lines = []
    for config in dict.fromkeys(trial.data for trial in trials):
        if config.dataset is not None:  # nobody's code is run for it
            lines.append(f"storage   {config.name}: {config.storage or 'chosen when it is read'}")
            continue
        try:
            needed = datasets.count(config, data_root).bytes
        except BenchError as error:
            lines.append(f"storage   {error}")
            continue
        place = choose(config.storage, needed, torch.device(device), threads)
        lines.append(f"{'storage':10}{config.name}: {place.describe().removeprefix('storage ')}")
    yield from dict.fromkeys(lines)


def _describe_disk(store: Store, trials: int) -> str:
    needed = beforehand.estimate_disk(store, trials)
    nearest = next(
        path
        for path in (store.folder.absolute(), *store.folder.absolute().parents)
        if path.exists()
    )
    free = shutil.disk_usage(nearest).free
    there = f"{free / 1e9:.1f} GB" if free > 1e9 else f"{free / 1e6:.0f} MB"
    line = f"disk      about {needed / 1e6:.0f} MB in {store.folder}, {there} free"
    return line + (": too little, make room first" if free < needed else "")


def _describe_downloads(trials: Sequence[Trial], data_root: Path | None) -> str:
    names = dict.fromkeys(name for trial in trials for name in (trial.data.name, outside_of(trial)))
    found = {name: datasets.find_missing(name, data_root) for name in names if name is not None}
    missing: Mapping[str, int] = {
        name: download.megabytes for name, download in found.items() if download is not None
    }
    if not missing:
        return "download  nothing"
    parts = ", ".join(f"{name} ({megabytes} MB)" for name, megabytes in missing.items())
    return f"download  {parts} to {find_data_root(data_root)}"
