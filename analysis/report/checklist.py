"""Lindauer and Hutter's checklist for NAS research (2019, arXiv 1909.02453), from the records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.common.statistics import FEWEST_SEEDS
from analysis.common.trials import Record, StudyFacts, evaluation_seconds, is_tuned, search_seconds

CONTROLS = ("random", "random-search")
"""Methods that are random search."""


@dataclass(frozen=True)
class Item:
    """A practice, whether the records show it, and what in them says so."""

    group: str
    practice: str
    met: bool
    evidence: str


def items(records: Sequence[Record], study: StudyFacts) -> list[Item]:
    """The checklist, in its own order. What records cannot show is not met."""
    return [*_release(records), *_comparison(records, study), *_reporting(records)]


def _release(records: Sequence[Record]) -> list[Item]:
    group = "Releasing code"
    origins = [record["provenance"] for record in records]
    commits = sorted({str(origin["git_commit"])[:12] for origin in origins if origin["git_commit"]})
    unknown = sum(not origin["git_commit"] for origin in origins)
    dirty = sum(bool(origin.get("git_dirty")) for origin in origins)
    met = not unknown and not dirty
    said = f"every record names its commit: {', '.join(commits)}"
    if not met:
        said = f"{unknown} records name no commit, {dirty} were made with uncommitted changes"
    seeds = sorted({record["trial"]["seed"] for record in records})
    resolved = f"every option resolved in each record; seeds {_listed(seeds)}"
    methods = sorted({str(record["trial"]["method"]) for record in records})
    return [
        Item(group, "Code of the training pipeline that evaluates architectures", met, said),
        Item(group, "Code of the search space", met, said),
        Item(group, "Hyper-parameters and seeds of the final evaluation", True, resolved),
        Item(group, "Code of the search methods", met, f"{said} ({', '.join(methods)})"),
        Item(group, "Hyper-parameters and seeds of the search methods", True, resolved),
    ]


def _comparison(records: Sequence[Record], study: StudyFacts) -> list[Item]:
    group = "Comparing methods"
    digests = sorted({str(record["data"]["digest"])[:12] for record in records})
    same = "one space, split, budget and evaluation a data set, checked before any table is made"
    where = sorted({_machine(record) for record in records})
    variants = _variants(records)
    controls = sorted({record["trial"]["label"] for record in records
                       if record["trial"]["method"] in CONTROLS})  # fmt: skip
    runs = _runs(records)
    fewest = min(runs.values())
    tabular = sorted({str(record["configuration"]["space"].get("name")) for record in records
                      if record["evaluation"].get("tabular")})  # fmt: skip
    return [
        Item(group, "Exactly the same benchmark for all: data, split, space, training code and its "
             "hyper-parameters", True, f"{same}; SHA-256 of the data {_listed(digests)}"),
        Item(group, "Confounding factors controlled: hardware, versions of libraries",
             len(where) == 1,
             where[0] if len(where) == 1 else f"{len(where)} different: {'; '.join(where)}"),
        Item(group, "Ablation studies", bool(variants),
             f"variants of one method: {'; '.join(variants)}" if variants
             else "no method is there in more than one variant"),
        Item(group, "The same evaluation protocol for all methods", True, same),
        Item(group, "Performance over time compared", False,
             "records hold every epoch of a search, but the accuracy of what it would have found "
             "then is not measured"),
        Item(group, "Comparison with random search", bool(controls),
             f"{', '.join(controls)}" if controls else "no random search among the methods"),
        Item(group, "Several runs with different seeds", fewest >= FEWEST_SEEDS,
             f"{fewest} seeds" if fewest == max(runs.values())
             else f"{fewest} to {max(runs.values())} seeds a method"),
        Item(group, "Tabular or surrogate benchmark for in-depth evaluation", bool(tabular),
             f"known truth: {', '.join(tabular)}" if tabular
             else "architectures were trained; no tabular benchmark"),
    ]  # fmt: skip


def _reporting(records: Sequence[Record]) -> list[Item]:
    group = "Reporting"
    tuned = [record for record in records if is_tuned(record)]
    cost = sum(float(record["tuning"].get("seconds") or 0) for record in tuned)
    total = sum(_seconds(record) for record in records)
    lacking = [stage for stage in ("search", "evaluation") if any(
        record[stage]["peak_memory_bytes"] is None for record in records)]  # fmt: skip
    return [
        Item(group, "How hyper-parameters were tuned, and at what budget", bool(tuned),
             f"{len(tuned)} tuned trials, {cost:,.0f} s of tuning charged to them" if tuned
             else "nothing was tuned with `bench tune`; how the study's own settings were chosen "
             "is not recorded"),
        Item(group, "Time of the whole method, end to end", True,
             f"search, selection and evaluation of each trial; {total / 3600:,.1f} h together"),
        Item(group, "All details of the set-up: hardware, software, data, memory", not lacking,
             "hardware, versions, data digest and peak memory in every record" if not lacking
             else f"peak memory of {' and '.join(lacking)} is not known for every trial"),
    ]  # fmt: skip


def _machine(record: Record) -> str:
    environment = record["environment"]
    versions = environment.get("packages", {})
    return (
        f"{environment['hardware']} ({environment['device']}), Python {environment['python']}, "
        f"torch {versions.get('torch', '?')}"
    )


def _variants(records: Sequence[Record]) -> list[str]:
    labels: dict[str, set[str]] = {}
    for record in records:
        labels.setdefault(str(record["trial"]["method"]), set()).add(str(record["trial"]["label"]))
    return [", ".join(sorted(found)) for _, found in sorted(labels.items()) if len(found) > 1]


def _runs(records: Sequence[Record]) -> Mapping[tuple[str, str], int]:
    seeds: dict[tuple[str, str], set[int]] = {}
    for record in records:
        trial = record["trial"]
        seeds.setdefault((trial["label"], trial["dataset"]), set()).add(trial["seed"])
    return {key: len(found) for key, found in seeds.items()}


def _seconds(record: Record) -> float:
    return search_seconds(record) + evaluation_seconds(record)


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values))
