"""How many workers are fastest on this machine's CPU: measured once, and kept.

Workers share memory bandwidth, caches and, with hyper-threading, the cores themselves, so one for
every core need not be the fastest. The threads of each worker are the study's (`search.threads`),
since results depend on them to the last bit; how many workers there are changes nothing but time.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection

import torch

from bench import capacity, files
from bench.forecast import datasets, measuring
from bench.forecast.datasets import Images
from bench.records.store import Store
from bench.run import machine, processes
from bench.run.session import Settings
from bench.study.model import Study, Trial

SECONDS = 2.0  # of measuring, for each number of workers
WITHIN = 120.0  # seconds that a worker may take to import, or to end a step
MARGIN = 1.03  # more workers have to be faster by this factor: each costs memory


def measure_once(
    study: Study, store: Store, settings: Settings, say: Callable[[str], None]
) -> None:
    """Measure on a search of a study that is about to be run, and keep the number of workers.

    Nothing is done where a number is given or kept, where other devices compute, or where there are
    too few cores or trials for it to matter. What cannot be measured is left at one for each core.
    """
    threads = study.trials[0].search.threads
    most = capacity.cores() // threads
    here = settings.workers is None and settings.cluster is None
    if not here or most <= 2 or machine.read_fastest(threads):
        return
    trials = store.standing(study.trials).list_unfinished(study.trials)
    if len(trials) <= 2 or settings.first_device(trials) != "cpu":
        return
    with contextlib.suppress(Exception):  # of a plug-in too: the run itself will say what it is
        images = datasets.count(trials[0].data, settings.data_root)
        trial = _find_trained(trials, images)
        if trial is None:
            return
        say(f"measuring once how many workers are fastest on {capacity.cores()} cores")
        rates = measure(trial, images, list_candidates(most))
        fastest = choose(rates)
        keep(threads, fastest, rates)
        shown = ", ".join(f"{workers}: {rate:.1f}" for workers, rate in sorted(rates.items()))
        say(f"{fastest} workers are fastest (steps a second by workers: {shown})")


def _find_trained(trials: Sequence[Trial], images: Images) -> Trial | None:
    """A trial whose search trains a super-network, of the first method that does."""
    for trial in {trial.method: trial for trial in trials}.values():
        if measuring.prepare_search(trial, images, 2, torch.device("cpu")) is not None:
            return trial
    return None


def list_candidates(most: int) -> list[int]:
    """Numbers of workers to try: all that there are cores for, three quarters, half, a quarter."""
    return sorted({max(1, most * share // 4) for share in (1, 2, 3, 4)})


def choose(rates: Mapping[int, float]) -> int:
    """The fastest number of workers, or a smaller one that is as fast within `MARGIN`."""
    best = max(rates.values())
    return min(workers for workers, rate in rates.items() if rate * MARGIN >= best)


def keep(threads: int, fastest: int, rates: Mapping[int, float]) -> None:
    """Note it for later runs of this machine. Raises ResultsError."""
    path = machine.fastest_file()
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        kept = {}
    steps = {str(workers): round(rate, 3) for workers, rate in rates.items()}
    entry = {"workers": fastest, "steps a second": steps}
    kept = {**(kept if isinstance(kept, dict) else {}), machine.fastest_key(threads): entry}
    files.write(path, json.dumps(kept, indent=1) + "\n")


def measure(trial: Trial, images: Images, candidates: Sequence[int]) -> dict[int, float]:
    """Steps a second of the trial's search, of so many workers at a time together.

    Raises OSError, EOFError or TimeoutError where a worker ends or takes too long.
    """
    links, running = [], []
    try:
        for _ in range(max(candidates)):
            ours, theirs = processes.SPAWN.Pipe()
            links.append(ours)
            running.append(processes.start(_work, (theirs, trial, images)))
            theirs.close()
        for link in links:
            _receive(link)  # it has taken its first step
        return {workers: _run(links[:workers]) for workers in candidates}
    finally:
        for process in running:
            process.kill()
        for process in running:
            process.join()


def _run(links: Sequence[Connection]) -> float:
    """Let workers compute at the same time; the sum of their steps a second."""
    for link in links:
        link.send(SECONDS)
    return sum(_receive(link) for link in links)


def _receive(link: Connection) -> float:
    if not link.poll(WITHIN):
        raise TimeoutError
    rate: float = link.recv()
    return rate


def _work(link: Connection, trial: Trial, images: Images) -> None:
    """A worker: take steps for as many seconds as it is told to, and say how many a second."""
    processes.end_with_parent()
    torch.set_num_threads(trial.search.threads)
    batch = trial.search.batch_size
    trainer = measuring.prepare_search(trial, images, batch, torch.device("cpu"))
    assert trainer is not None
    trainer.run_step(measuring.draw_batches(trainer))
    link.send(0.0)
    while True:
        seconds, steps = link.recv(), 0
        begun = time.perf_counter()
        while (spent := time.perf_counter() - begun) < seconds:
            trainer.run_step(measuring.draw_batches(trainer))
            steps += 1
        link.send(steps / spent)
