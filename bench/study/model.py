"""A study, what is compared, and the trials that it expands into. `bench.study.file` reads one."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from bench.claims.model import Claim
from bench.data.config import DataConfig
from bench.options import Mark, fields, has, resolved
from bench.space.config import SpaceConfig
from bench.tabular.config import TabularConfig
from bench.training.config import EvaluationConfig, SearchConfig


@dataclass(frozen=True)
class Trial:
    """One (method, data set, seed) of a study with every option resolved."""

    study: str
    label: str
    method: str
    dataset: str
    seed: int
    options: dict[str, Any] = field(hash=False)
    data: DataConfig
    space: SpaceConfig
    search: SearchConfig
    evaluation: EvaluationConfig | TabularConfig
    evaluation_options: dict[str, Any] = field(default_factory=dict, hash=False)
    """Options of the method that are others in the evaluation than in the search."""
    tuning: dict[str, Any] | None = field(default=None, hash=False)
    """Of a trial with tuned evaluation settings: what they were tuned on and what that cost."""
    source: dict[str, Any] | None = field(default=None, hash=False)
    """Of a cell that another study has found: which (`bench.records.parts.Source`)."""

    def configuration(self) -> dict[str, Any]:
        """Every option, as plain data that JSON carries unchanged."""
        parts = {
            "method": self.options,
            "data": resolved(self.data),
            "space": resolved(self.space),
            "search": resolved(self.search),
            "evaluation": resolved(self.evaluation),
        }
        if self.evaluation_options:
            parts["method_in_evaluation"] = self.evaluation_options
        plain: dict[str, Any] = json.loads(json.dumps(parts))
        return plain

    def identity(self) -> dict[str, Any]:
        """What a record says of which trial it is: ids, study, label, method, data set, seed."""
        names = ("id", "search_id", "study", "label", "method", "dataset", "seed")
        return {name: getattr(self, name) for name in names}

    @cached_property
    def id(self) -> str:
        """SHA-256 (hex) of the resolved configuration, the method's name and the seed.

        Tuned settings that come out as the default ones are another trial all the same.
        """
        return _digest(self._hashed() | ({"tuned": True} if self.tuning else {}))

    @cached_property
    def search_id(self) -> str:
        """SHA-256 (hex) of the part that a search depends on: not test images, and not the
        evaluation, unless the search asks its table.
        """
        parts = self._hashed()
        if not self.asks_table:
            del parts["configuration"]["evaluation"]
        parts["configuration"].pop("method_in_evaluation", None)
        del parts["configuration"]["data"]["test_limit"]
        return _digest(parts)

    @property
    def asks_table(self) -> bool:
        """Whether its search asks for known accuracies."""
        return isinstance(self.evaluation, TabularConfig) and needs_table(self.method)

    @property
    def key(self) -> tuple[str, str]:
        """(label, id): of trials of one configuration under two labels each has a record."""
        return self.label, self.id

    @property
    def stem(self) -> str:
        """The name of this trial's files, without suffix."""
        return stem(self.identity())

    def __str__(self) -> str:
        tuned = ", tuned" if self.tuning else ""
        return f"{self.label} on {self.dataset}, seed {self.seed}{tuned}"

    def _hashed(self) -> dict[str, Any]:
        configuration = self.configuration()
        sections = (("data", self.data), ("search", self.search), ("evaluation", self.evaluation))
        for name, part in sections:
            for option, of in fields(type(part)).items():
                if has(of, Mark.HOW):
                    configuration[name].pop(option, None)
        return {"name": self.method, "seed": self.seed, "configuration": configuration}


LONGEST_STEM = 180
"""Characters; with what is put before and behind it a file's name has at most 255 bytes."""


def stem(identity: Mapping[str, Any]) -> str:
    """The name of a trial's files, without suffix, from `Trial.identity` or a record's `trial`.

    A long one is cut, and a digest of label and data set takes the place of what is missing.
    """
    label, dataset = str(identity["label"]), str(identity["dataset"])
    short = re.sub(r"[^A-Za-z0-9._]+", "-", dataset).strip("-.")
    head, tail = f"{label}-{short}", f"-s{identity['seed']}-{identity['id'][:8]}"
    if len(head) + len(tail) > LONGEST_STEM:
        digest = hashlib.sha256(json.dumps([label, dataset]).encode()).hexdigest()[:12]
        head = f"{head[: LONGEST_STEM - len(tail) - 13]}-{digest}"
    return head + tail


@dataclass(frozen=True)
class Gate:
    """Reference cells that say whether a study's setting is informative (`bench.records.gate`).

    cells: name -> genotype text; levels: their names by quality, best first, those of one level in
    no order; factor: how many standard errors of a difference are more than the noise; trials: the
    trainings of the cells.
    """

    cells: Mapping[str, str]
    levels: tuple[tuple[str, ...], ...]
    factor: float
    trials: tuple[Trial, ...]

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the trials and of what is required of them."""
        parts = [sorted(trial.id for trial in self.trials), self.levels, self.factor]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Origin:
    """Where a study was read: a file, or, without a path, the shipped study `name`.

    digest: SHA-256 (hex) of its text.
    """

    name: str
    path: Path | None
    digest: str


REGION = 0.5
"""Accuracies that differ by at most so many points are equivalent, where nothing else is said."""


@dataclass(frozen=True)
class Study:
    """A checked study and its trials, seed by seed so that an unfinished one is still paired."""

    name: str
    description: str
    notes: str
    labels: tuple[str, ...]
    datasets: tuple[str, ...]
    seeds: tuple[int, ...]
    baseline: str | None
    trials: tuple[Trial, ...]
    base: str | None = None
    """The label that the study's variations differ from."""
    variations: dict[str, dict[str, Any]] = field(default_factory=dict, hash=False)
    """label -> what it changes: dotted key -> value."""
    gate: Gate | None = None
    """None: no reference cells are known."""
    claims: tuple[Claim, ...] = ()
    """The study's own, by label; the papers' claims are `bench.claims.file.load_papers`."""
    origin: Origin | None = None
    """None: it was not read."""
    region: float = REGION
    """Of practical equivalence, points."""
    looks: tuple[int, ...] = ()
    """The numbers of seeds, the first of `seeds`, at which verdicts are sought
    (`bench.records.sequential`); none where the seeds are fixed."""


@lru_cache
def needs_table(method: str) -> bool:
    """Whether a method asks for known accuracies. Raises ConfigurationError for an unknown one."""
    from bench import plugins

    return plugins.load_method(method).needs_table


def _digest(parts: dict[str, Any]) -> str:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
