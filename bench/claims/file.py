"""Reading claims: the section `claims` of a study, and the papers' claims in papers.yaml.

claims:
  no-noise-is-as-good:                    # name -> claim
    sentence: VINNAS does not need its noise
    source: this study                    # optional
    rule: {kind: compare, method: vinnas-no-noise, against: vinnas, says: not worse}
    gates: [setting, search]              # optional; [] for none
  pgnas-inheritance: {}                   # a paper's: `bench run --until-decided` decides it, too

The kinds of rules and their options are `bench.claims.model.RULES`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from importlib import resources
from typing import Any

from bench.claims.model import GATES, RULES, Claim
from bench.errors import suggest
from bench.study import yaml as yaml_file
from bench.study.validation import Place, build

_KEYS = ("sentence", "source", "rule", "gates")


def read(
    claims: Mapping[str, Any], at: Place, labels: Collection[str] | None = None
) -> tuple[Claim, ...]:
    """The claims of a section. Raises ConfigurationError, in one line.

    labels: those that rules may name; None: the rules name methods, as in papers.yaml.
    """
    papers = {} if labels is None else {claim.name: claim for claim in load_papers()}
    for name in papers.keys() & claims.keys():
        if claims[name] not in (None, {}):
            rule = "must be empty ({}): it is the name of a paper's claim, which has its own rule"
            raise (at / name).wrong(claims[name], rule)
    return tuple(
        papers.get(name) or _read_claim(name, values, at / name, labels)
        for name, values in claims.items()
    )


@lru_cache(maxsize=1)
def load_papers() -> tuple[Claim, ...]:
    """The papers' claims that come with the package."""
    entry = resources.files("bench") / "claims" / "papers.yaml"
    data = yaml_file.read_text(entry.read_text(encoding="utf-8"), entry.name)
    return read(data, Place(entry.name))


def _read_claim(name: str, values: object, at: Place, labels: Collection[str] | None) -> Claim:
    given = at.mapping(values)
    at.only(given, _KEYS)
    rule = dict((at / "rule").mapping(given.get("rule")))
    kind = rule.pop("kind", None)
    if not isinstance(kind, str) or kind not in RULES:
        raise (at / "rule.kind").wrong(kind, f"unknown kind of rule; {suggest(str(kind), RULES)}")
    claim = Claim(
        name=name,
        sentence=_read_text(given, "sentence", at),
        source=_read_text({"source": "this study", **given}, "source", at),
        rule=build(RULES[kind], rule, at / "rule"),
        gates=_read_gates(given.get("gates", list(GATES)), at / "gates"),
        is_of_paper=labels is None,
    )
    for part, label in claim.names.items():
        if labels is not None and label not in labels:
            rule_of_labels = f"must be one of the study's labels; {suggest(label, labels)}"
            raise (at / "rule" / part).wrong(label, rule_of_labels)
        if part != "method" and label == claim.names.get("method"):
            raise (at / "rule" / part).wrong(label, "must be another one than the rule's method")
    return claim


def _read_text(values: Mapping[str, Any], key: str, at: Place) -> str:
    value = values.get(key)
    if not isinstance(value, str) or not value.strip():
        raise (at / key).wrong(value, "must be text")
    return " ".join(value.split())


def _read_gates(value: object, at: Place) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise at.wrong(value, f"must be a list of gates: {', '.join(GATES)}")
    for name in value:
        if name not in GATES:
            raise at.wrong(name, f"unknown gate; {suggest(str(name), GATES)}")
    return tuple(value)
