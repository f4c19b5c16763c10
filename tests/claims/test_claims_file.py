"""Claims in files: the papers' own, and a study's section, checked like the rest of it."""

from __future__ import annotations

import pytest
from support import studies

from bench import plugins
from bench.claims.file import load_papers
from bench.claims.model import Compare, Share
from bench.errors import ConfigurationError
from bench.study.file import load

GOOD = """\
claims:
  more-tosses:
    sentence: More tosses
      are better
    rule: {kind: compare, method: b, against: a, says: better, region: 1}
    gates: [search]
  no-collapse:
    sentence: c does not collapse
    source: a paper
    rule: {kind: share, method: c, at_most: 0.2, control: a}
"""


def test_the_papers_claims_name_methods_that_there_are() -> None:
    known = plugins.list_methods()
    claims = {claim.name: claim for claim in load_papers()}
    assert len(claims) == 11 and all(claim.is_of_paper for claim in claims.values())
    for claim in claims.values():
        assert "arXiv" in claim.source and set(claim.names.values()) <= set(known)
    assert claims["vinnas-no-collapse"].names == {"method": "vinnas", "control": "darts"}


def test_a_study_has_claims_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    first, second = _load(tmp_path_factory, GOOD)
    assert (first.name, first.sentence) == ("more-tosses", "More tosses are better")
    assert (first.source, first.gates) == ("this study", ("search",))
    assert first.rule == Compare("b", "a", "better", region=1.0)
    assert (second.source, second.gates) == ("a paper", ("setting", "search"))
    assert second.rule == Share("c", at_most=0.2, control="a")
    assert not second.is_of_paper


@pytest.mark.parametrize("empty", ["{}", "null", ""])
def test_a_study_names_a_paper_s_claim_without_its_fields(
    empty: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    *_, last = _load(tmp_path_factory, GOOD + f"  darts-collapse: {empty}\n")
    assert last in load_papers() and last.name == "darts-collapse"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("sentence: More", "sentense: More", "claims.more-tosses.sentense: unknown key; did you"),
        ("kind: share", "kind: shares", "no-collapse.rule.kind = .*did you mean share"),
        ("against: a", "against: d", "more-tosses.rule.against = .*one of the study's labels"),
        ("against: a", "against: b", "more-tosses.rule.against = .*another one than the rule's"),
        ("control: a", "control: c", "no-collapse.rule.control = .*another one than the rule's"),
        ("control: a", "control: darts", "no-collapse.rule.control = .*one of the study's labels"),
        ("says: better", "says: worse", "rule.says = .*one of better, not worse, equivalent"),
        ("region: 1", "region: -1", "rule.region = -1: must be a number, at least 0"),
        ("region: 1", "reign: 1", "rule.reign: unknown key; did you mean region"),
        ("at_most: 0.2, ", "", "rule: one of at_most and at_least is needed"),
        ("gates: [search]", "gates: [serch]", "gates = .*did you mean search"),
        ("gates: [search]", "gates: search", "gates = .*must be a list of gates"),
        ("no-collapse:\n", "darts-collapse:\n", "darts-collapse = .*: must be empty .* a paper's"),
        ("sentence: c does not collapse", "sentence: 3", "sentence = 3: must be text"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    old: str, new: str, words: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert old in GOOD
    with pytest.raises(ConfigurationError, match=words) as raised:
        _load(tmp_path_factory, GOOD.replace(old, new))
    assert "\n" not in str(raised.value)


def _load(factory: pytest.TempPathFactory, section: str) -> tuple:  # type: ignore[type-arg]
    folder = factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(studies.PLUGIN))
        return load(studies.write(folder, studies.TEXT + section)).claims
