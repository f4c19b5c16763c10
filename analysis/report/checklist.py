"""Lindauer and Hutter's checklist for NAS research (2019, arXiv 1909.02453), from the records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.common.intervals import FEWEST_SEEDS
from analysis.common.trials import is_tabular
from bench.records.schema import FinishedRecord

CONTROLS = ("random", "random-search")
"""Methods that are random search."""


@dataclass(frozen=True)
class Item:
    """A practice, whether the records show it, and what in them says so."""

    group: str
    practice: str
    met: bool
    evidence: str


def check(records: Sequence[FinishedRecord]) -> list[Item]:
    """The checklist, in its own order. What records cannot show is not met."""
    return [*_check_release(records), *_check_comparison(records), *_check_reporting(records)]


def _check_release(records: Sequence[FinishedRecord]) -> list[Item]:
    group = "Releasing code"
    origins = [record.provenance for record in records]
    commits = sorted({origin.git_commit[:12] for origin in origins if origin.git_commit})
    unknown = sum(not origin.git_commit for origin in origins)
    changed = sum(bool(origin.git_dirty) for origin in origins)
    met = not unknown and not changed
    code = f"every record names its commit: {', '.join(commits)}"
    if not met:
        code = f"{unknown} records name no commit, {changed} were made with uncommitted changes"
    seeds = _list({record.trial.seed for record in records})
    resolved = f"every option is resolved in each record; seeds {seeds}"
    methods = _list({record.trial.method for record in records})
    return [
        Item(group, "Code of the training pipeline that evaluates architectures", met, code),
        Item(group, "Code of the search space", met, code),
        Item(group, "Hyper-parameters and seeds of the final evaluation", True, resolved),
        Item(group, "Code of the search methods", met, f"{code} ({methods})"),
        Item(group, "Hyper-parameters and seeds of the search methods", True, resolved),
    ]


def _check_comparison(records: Sequence[FinishedRecord]) -> list[Item]:
    group = "Comparing methods"
    digests = _list({record.data.digest[:12] for record in records})
    same = "one space, split, budget and evaluation per data set, checked before any table is made"
    machines = sorted({_name_machine(record) for record in records})
    variants = _list_variants(records)
    controls = _list({r.trial.label for r in records if r.trial.method in CONTROLS})
    seeds = _count_seeds(records)
    fewest, most = min(seeds), max(seeds)
    over_time = any(epoch.truth for record in records for epoch in record.search.epochs)
    tabular = _list({str(r.configuration["space"].get("name")) for r in records if is_tabular(r)})
    return [
        Item(group, "Exactly the same benchmark for all: data, split, space, training code and its "
             "hyper-parameters", True, f"{same}; SHA-256 of the data {digests}"),
        Item(group, "Confounding factors controlled: hardware, versions of libraries",
             len(machines) == 1,
             machines[0] if len(machines) == 1
             else f"{len(machines)} different: {'; '.join(machines)}"),
        Item(group, "Ablation studies", bool(variants),
             f"variants of one method: {'; '.join(variants)}" if variants
             else "no method is there in more than one variant"),
        Item(group, "The same evaluation protocol for all methods", True, same),
        Item(group, "Performance over time compared", over_time,
             "the accuracy of what every epoch would have selected is known" if over_time
             else "records hold every epoch of a search, but the accuracy of what it would have "
             "found then is not measured"),
        Item(group, "Comparison with random search", bool(controls),
             controls or "no random search among the methods"),
        Item(group, "Several runs with different seeds", fewest >= FEWEST_SEEDS,
             f"{fewest} seeds" if fewest == most else f"{fewest} to {most} seeds per method"),
        Item(group, "Tabular or surrogate benchmark for in-depth evaluation", bool(tabular),
             f"known truth: {tabular}" if tabular
             else "architectures were trained; no tabular benchmark"),
    ]  # fmt: skip


def _check_reporting(records: Sequence[FinishedRecord]) -> list[Item]:
    group = "Reporting"
    tunings = [record.tuning for record in records if record.tuning is not None]
    cost = sum(tuning.seconds for tuning in tunings)
    evaluations = [record.evaluation for record in records]
    total = sum(record.search.total_seconds for record in records)
    total += sum(one.total_seconds + one.uncertainty_seconds for one in evaluations)
    peaks = {
        "search": [record.search.peak_memory_bytes for record in records],
        "evaluation": [record.evaluation.peak_memory_bytes for record in records],
    }
    lacking = [stage for stage, values in peaks.items() if None in values]
    return [
        Item(group, "How hyper-parameters were tuned, and at what budget", bool(tunings),
             f"{len(tunings)} tuned trials, {cost:,.0f} s of tuning charged to them" if tunings
             else "nothing was tuned with `bench tune`; how the study's own settings were chosen "
             "is not recorded"),
        Item(group, "Time of the whole method, end to end", True,
             f"search, selection and evaluation of each trial; {total / 3600:,.1f} h together"),
        Item(group, "All details of the set-up: hardware, software, data, memory", not lacking,
             "hardware, versions, data digest and peak memory in every record" if not lacking
             else f"peak memory of {' and '.join(lacking)} is not known for every trial"),
    ]  # fmt: skip


def _name_machine(record: FinishedRecord) -> str:
    environment = record.environment
    return (
        f"{environment.hardware} ({environment.device}), Python {environment.python}, "
        f"torch {environment.packages.get('torch', '?')}"
    )


def _list_variants(records: Iterable[FinishedRecord]) -> list[str]:
    """The labels of each method that has several."""
    labels: defaultdict[str, set[str]] = defaultdict(set)
    for record in records:
        labels[record.trial.method].add(record.trial.label)
    return [_list(names) for _, names in sorted(labels.items()) if len(names) > 1]


def _count_seeds(records: Iterable[FinishedRecord]) -> list[int]:
    """The number of seeds of each method on each data set."""
    seeds: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for record in records:
        seeds[record.trial.label, record.trial.dataset].add(record.trial.seed)
    return [len(values) for values in seeds.values()]


def _list(values: set[Any]) -> str:
    return ", ".join(map(str, sorted(values)))
