"""What a claim is judged on: a study's records on one data set, and which gates they passed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from analysis.common.intervals import LEVEL
from analysis.common.operations import CollapseThresholds
from bench.claims.model import Claim
from bench.records.facts import StudyFacts
from bench.records.learning import find_problems
from bench.records.schema import FinishedRecord

Records = Sequence[FinishedRecord]
State = Literal["passed", "failed", "not known", "not needed"]


@dataclass(frozen=True)
class Setting:
    """The finished trials of a study on one data set, with the study's own evaluation settings."""

    facts: StudyFacts
    dataset: str
    records: Records
    thresholds: CollapseThresholds

    @property
    def name(self) -> str:
        """What the setting is called in texts."""
        alone = len(self.facts.datasets) == 1
        return self.facts.name if alone else f"{self.facts.name} on {self.dataset}"

    def find_label(self, name: str, by_method: bool) -> str | None:
        """The label that a rule's name stands for; None where it has no records.

        by_method: the name is a method's: the label of that name, else one of that method with
        default options.
        """
        labels = {record.trial.label: record.trial.method for record in self.records}
        if not by_method:
            return name if name in labels else None
        if labels.get(name) == name:
            return name
        plain = (label for label in self.facts.plain_labels if labels.get(label) == name)
        return next(plain, None)


@dataclass(frozen=True)
class Evidence:
    """The records that a claim's rule names, by part of the rule (`method`, `against`, ...)."""

    labels: Mapping[str, str]
    records: Mapping[str, Records]
    thresholds: CollapseThresholds
    missing: tuple[str, ...]
    """Names in the rule of which there is no record."""
    setting_gate: State
    searches: Mapping[str, State]
    """By label: whether its searches learned on most seeds; empty where that is not needed."""
    level: float = LEVEL
    """One minus the error at which it is judged."""

    @property
    def search_gate(self) -> State:
        """The worst of the states of `searches`."""
        order: tuple[State, ...] = ("failed", "not known", "passed")
        return next((state for state in order if state in self.searches.values()), "not needed")

    def cut(self, seeds: Sequence[int]) -> Evidence | None:
        """The evidence of these seeds alone; None where one of the labels lacks one of them."""
        records = {
            part: [record for record in own if record.trial.seed in seeds]
            for part, own in self.records.items()
        }
        is_whole = all(len(own) == len(seeds) for own in records.values())
        return replace(self, records=records) if is_whole else None

    def list_searches(self, state: State) -> list[str]:
        """The labels whose searches are in a state."""
        return [label for label, found in self.searches.items() if found == state]


def collect(claim: Claim, setting: Setting) -> Evidence:
    """The evidence that a setting has on a claim."""
    found = {
        part: setting.find_label(name, claim.is_of_paper) for part, name in claim.names.items()
    }
    labels = {part: label for part, label in found.items() if label is not None}
    records = {
        part: [record for record in setting.records if record.trial.label == label]
        for part, label in labels.items()
    }
    states = {label: _judge_searches(records[part], setting) for part, label in labels.items()}
    return Evidence(
        labels=labels,
        records=records,
        thresholds=setting.thresholds,
        missing=tuple(name for part, name in claim.names.items() if part not in labels),
        setting_gate=_read_setting_gate(claim, setting),
        searches=states if "search" in claim.gates else {},
    )


def _read_setting_gate(claim: Claim, setting: Setting) -> State:
    if "setting" not in claim.gates:
        return "not needed"
    passed = setting.facts.gate_passed.get(setting.dataset)
    return "not known" if passed is None else "passed" if passed else "failed"


def _judge_searches(records: Records, setting: Setting) -> State:
    """Whether a label's searches learned on most seeds; not known where the unknown ones decide."""
    trained = [record for record in records if record.search.steps]
    judged = [find_problems(record, setting.facts.worst_references) for record in trained]
    if not judged:
        return "not needed"
    learned = judged.count([])
    if 2 * learned > len(judged):
        return "passed"
    return "not known" if 2 * (learned + judged.count(None)) > len(judged) else "failed"
