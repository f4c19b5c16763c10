"""The ledger: every claim on every setting that has records of it, and what comes out of all."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.claims import comparing, counting, diversity
from analysis.claims.evidence import Evidence, Setting, collect
from analysis.claims.outcome import ClaimVerdict, Outcome, undecided
from analysis.common.sequential import find_level
from bench.claims import model
from bench.claims.file import load_papers
from bench.claims.model import Claim
from bench.records.facts import StudyFacts

_DECIDE: dict[type[Any], Callable[[Any, Evidence], Outcome]] = {
    model.Compare: comparing.compare,
    model.Ratio: comparing.ratio,
    model.Share: counting.share,
    model.Diversity: diversity.diversity,
    model.Guided: comparing.guided,
    model.Inheritance: comparing.inheritance,
    model.Predict: comparing.predict,
    model.OptionCount: counting.options,
}
_OF_SEARCHES = (
    model.Share,
    model.Diversity,
    model.Guided,
    model.Inheritance,
    model.OptionCount,
)
"""Rules that look at searches alone, and not at the networks that were trained afterwards."""
_SETTING = {
    "failed": (
        "our own setting is what failed: its reference cells do not come out in their known order",
        "a study whose gate passes",
    ),
    "not known": (
        "our own setting is not known to tell good cells from bad ones: its gate was not run",
        "a run of the study's gate (bench gate)",
    ),
}
_SEARCH = {
    "failed": ("our own searches of {} are what failed: they did not learn", "searches that learn"),
    "not known": (
        "whether the searches of {} learned is not in their records",
        "new searches, whose records say whether they learned",
    ),
}
"""What is said where a gate is not passed, and what would decide."""


@dataclass(frozen=True)
class Finding:
    """What one setting says of a claim; study and dataset are empty where none has records.

    looks: `StudyFacts.looks` of the setting's study.
    """

    study: str
    dataset: str
    setting: str
    outcome: Outcome
    setting_gate: str = ""
    search_gate: str = ""
    looks: tuple[int, ...] = ()


@dataclass(frozen=True)
class Entry:
    """A claim with what every setting says of it."""

    claim: Claim
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> ClaimVerdict:
        """That of the settings that decide it, where they agree; undecided where they do not."""
        decided = self.decided_verdicts
        return decided[0] if len(decided) == 1 else ClaimVerdict.UNDECIDED

    @property
    def decided_verdicts(self) -> list[ClaimVerdict]:
        """The different verdicts of the settings that decide the claim."""
        verdicts = dict.fromkeys(finding.outcome.verdict for finding in self.findings)
        return [verdict for verdict in verdicts if verdict is not ClaimVerdict.UNDECIDED]


@dataclass(frozen=True)
class Ledger:
    """All claims of some studies; absent: methods whose papers' claims are not listed."""

    entries: tuple[Entry, ...]
    absent: tuple[str, ...]


def decide_all(settings: Sequence[Setting], own: Iterable[tuple[str, Claim]]) -> Ledger:
    """The ledger of settings. own: the studies' own claims, each with its study's name.

    The papers' claims are listed where one of the settings has records of their method.
    """
    entries = []
    absent: dict[str, None] = {}
    for claim in load_papers():
        if fitting := _select(claim, settings):
            entries.append(Entry(claim, tuple(decide(claim, setting) for setting in fitting)))
        else:
            absent[claim.names["method"]] = None
    for study, claim in own:
        fitting = _select_searches(claim, [one for one in settings if one.facts.name == study])
        findings = tuple(decide(claim, setting) for setting in fitting)
        entries.append(Entry(claim, findings or (_find_nothing(study),)))
    return Ledger(tuple(entries), tuple(absent))


def _select(claim: Claim, settings: Sequence[Setting]) -> list[Setting]:
    """The settings with every method that the claim names, else those with the one it is about."""

    def has(setting: Setting, name: str) -> bool:
        return setting.find_label(name, claim.is_of_paper) is not None

    about = [setting for setting in settings if has(setting, claim.names["method"])]
    whole = [one for one in about if all(has(one, name) for name in claim.names.values())]
    return _select_searches(claim, whole or about)


def _select_searches(claim: Claim, settings: Sequence[Setting]) -> list[Setting]:
    """The settings without those that only train the networks of the same searches otherwise.

    A claim about searches has the same evidence in these: a study counts them once.
    """
    if not isinstance(claim.rule, _OF_SEARCHES):
        return list(settings)
    found: dict[object, Setting] = {}
    for setting in settings:
        searches = frozenset(record.trial.search_id for record in setting.records)
        needed = "setting" in claim.gates
        gate = setting.facts.gate_passed.get(setting.dataset) if needed else None
        found.setdefault((setting.facts.name, searches, gate), setting)
    return list(found.values())


def decide(claim: Claim, setting: Setting) -> Finding:
    """What a setting says of a claim; nothing can be decided where a gate is not passed."""
    evidence = collect(claim, setting)
    if evidence.missing:
        names = " and ".join(evidence.missing)
        outcome = undecided(f"no finished trial of {names}", f"trials of {names} in this study")
    else:
        outcome = _pass_gates(apply_rule(claim, evidence, setting.facts)[0], evidence)
    return Finding(
        study=setting.facts.name,
        dataset=setting.dataset,
        setting=setting.name,
        outcome=outcome,
        setting_gate=evidence.setting_gate,
        search_gate=evidence.search_gate,
        looks=setting.facts.looks,
    )


def apply_rule(claim: Claim, evidence: Evidence, facts: StudyFacts) -> tuple[Outcome, int]:
    """What a claim's rule makes of its evidence, whatever the gates, and with how many seeds.

    Where seeds were added until verdicts, at the look that decides it, else at the last one, each
    at its share of the error; 0 seeds, and undecided, before the first look.
    """
    rule = _DECIDE[type(claim.rule)]
    if not facts.looks:
        return rule(claim.rule, evidence), len(facts.seeds)
    evidence = dataclasses.replace(evidence, level=find_level(facts.looks))
    outcome, reached = rule(claim.rule, evidence), 0
    if outcome.verdict is not ClaimVerdict.UNDECIDED:
        need = f"the first look, at {facts.looks[0]} seeds"
        outcome = dataclasses.replace(outcome, verdict=ClaimVerdict.UNDECIDED, needs=(need,))
    for seeds in (look for look in facts.looks if look <= len(facts.seeds)):
        part = evidence.cut(facts.seeds[:seeds])
        if part is None:
            break
        outcome, reached = rule(claim.rule, part), seeds
        if outcome.verdict is not ClaimVerdict.UNDECIDED:
            break
    return outcome, reached


def _pass_gates(outcome: Outcome, evidence: Evidence) -> Outcome:
    reasons, needs = [], []
    if evidence.setting_gate in _SETTING:
        reason, need = _SETTING[evidence.setting_gate]
        reasons.append(reason)
        needs.append(need)
    if evidence.search_gate in _SEARCH:
        reason, need = _SEARCH[evidence.search_gate]
        reasons.append(reason.format(" and ".join(evidence.list_searches(evidence.search_gate))))
        needs.append(need)
    if not reasons:
        return outcome
    return dataclasses.replace(
        outcome,
        verdict=ClaimVerdict.UNDECIDED,
        basis="; ".join([*reasons, outcome.basis]),
        needs=(*needs, *outcome.needs),
    )


def _find_nothing(study: str) -> Finding:
    outcome = undecided("no finished trial", f"bench run {study}")
    return Finding(study, "", study, outcome)
