"""The ledger: which claims, which settings, what they say together, and how that is shown."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path
from typing import Any

import pytest
from matplotlib.patches import Rectangle
from support import axes as read
from support import synthetic
from support.claims import GOOD, shifted, trials

import analysis
from analysis.claims import Study, decide_studies, figure, formats, make, make_sentences
from analysis.claims.ledger import Entry
from analysis.common.operations import CollapseThresholds
from bench.claims import blocks
from bench.claims.model import Claim, Compare, Diversity, Rule, Share
from bench.records.gather import gather

ROOT = Path(__file__).parents[3]
THRESHOLDS = CollapseThresholds()
CLAIM = Claim("it", "a is better", "a test", Compare("a", "b", "better"))


def study(name: str, by: float, spread: float = 1.0, **more: Any) -> Study:
    """A study in which a is better than b by so much, with a claim about it."""
    records = [*trials("a", shifted(by, spread)), *trials("b", shifted(0.0, spread))]
    given = {"name": name, "gate_passed": {"digits": True}, "claims": (CLAIM,)} | more
    return synthetic.facts(["a", "b"], **given), records


def entry(*studies: Study, name: str = "it") -> Entry:
    entries = decide_studies(studies, THRESHOLDS).entries
    return next(one for one in entries if one.claim.name == name)


def test_settings_that_decide_have_to_agree() -> None:
    papers = {"claims": ()}
    good, noise = study("good", 0.03), study("noise", 0.002, 6.0)
    assert entry(good).verdict == "supported"
    # a paper's claim over two studies, by the name of the method
    labels = {"plain_labels": ("a", "b")}

    def as_method(label: str, found: Study) -> Study:
        records = [
            synthetic.change(one, {"trial.method": {"a": label, "b": "random"}[one.trial.label]})
            for one in found[1]
        ]
        return found[0], records

    both = [
        as_method("darts", study(name, by, spread, **papers, **labels))
        for name, by, spread in (("good", 0.03, 1.0), ("noise", 0.002, 6.0))
    ]
    found = entry(*both, name="darts-above-random")
    assert [str(one.outcome.verdict) for one in found.findings] == ["supported", "undecided"]
    assert found.verdict == "supported"
    contrary = as_method("darts", study("bad", -0.03, **papers, **labels))
    found = entry(*both, contrary, name="darts-above-random")
    assert found.verdict == "undecided" and len(found.decided_verdicts) == 2
    texts = make_sentences([*both, contrary], THRESHOLDS)
    text, short = texts["claims"], texts["claims in short"]
    assert "**Undecided**: DARTS finds better" in text and "The settings disagree. good: " in text
    assert "random choice (good, bad, which disagree)" in short
    assert short.count("\n") == len({line.split("**")[1] for line in text.splitlines()})
    assert entry(noise).verdict == "undecided"


def test_a_claim_about_searches_counts_them_once_where_their_networks_are_several() -> None:
    """Here in networks of two depths."""

    def at_depths(rule: Rule) -> list[str]:
        facts, records = study("deep", 0.03)
        names = {"digits, 3 cells": "a" * 64, "digits, 8 cells": "b" * 64}
        several = [
            synthetic.change(
                one, {"trial.dataset": name, "trial.id": one.trial.id[:32] + more[:32]}
            )
            for name, more in names.items()
            for one in records
        ]
        claim = Claim("it", "It is so", "a test", rule, gates=())
        given = dataclasses.replace(facts, datasets=tuple(names), claims=(claim,))
        (found,) = decide_studies([(given, several)], THRESHOLDS).entries
        return [one.dataset for one in found.findings]

    assert at_depths(CLAIM.rule) == ["digits, 3 cells", "digits, 8 cells"]
    assert at_depths(Share("a", at_most=0.5)) == ["digits, 3 cells"]
    assert at_depths(Diversity("a", "b")) == ["digits, 3 cells"]


def test_a_papers_method_is_the_label_of_its_name_or_one_with_default_options() -> None:
    records = [*trials("vinnas-mine", GOOD), *trials("random", GOOD), *trials("darts", GOOD)]
    assert {one.trial.method for one in records} == {"vinnas", "random", "darts"}
    facts = synthetic.facts(["vinnas-mine", "random", "darts"])
    ledger = decide_studies([(facts, records)], THRESHOLDS)
    assert set(ledger.absent) == {"vinnas", "pgnas"}
    facts = synthetic.facts(["vinnas-mine", "random", "darts"], plain_labels=("vinnas-mine",))
    ledger = decide_studies([(facts, records)], THRESHOLDS)
    assert set(ledger.absent) == {"pgnas"}
    page = formats.format_page(ledger, "synthetic")
    assert "vinnas-mine minus random" in page
    assert "Claims about pgnas are not listed" in page


def test_tuned_records_are_no_evidence() -> None:
    facts, records = study("good", 0.03)
    tuned = [synthetic.change(one, {"tuning": {"seconds": 1.0}}) for one in records]
    assert entry((facts, tuned)).findings[0].outcome.basis == "no finished trial"


def test_the_files_follow_from_the_records_in_any_order(tmp_path: Path) -> None:
    facts, records = study("good", 0.03)
    analysis.write_all(tmp_path / "one", records, facts)
    random.Random(0).shuffle(records)
    analysis.write_all(tmp_path / "two", records, facts)
    for name in ("claims.md", "claims.csv", "claims.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    table = (tmp_path / "one" / "claims.csv").read_text().splitlines()
    assert table[0].split(",") == list(formats.COLUMNS) and ",supported,6,3.0" in table[1]


def test_no_claim_no_files() -> None:
    assert make([study("good", 0.03, claims=())], THRESHOLDS) == {}


def test_the_figure_has_a_field_for_each_finding_in_the_colour_of_its_verdict() -> None:
    good, bad = study("good", 0.03), study("bad", 0.03, gate_passed={"digits": False})
    drawn = figure.draw(decide_studies([good, bad], THRESHOLDS))
    (panel,) = read.shown(drawn)
    fields = [patch for patch in panel.patches if isinstance(patch, Rectangle)]
    corners = [(round(one.get_x() + 0.48), round(one.get_y() + 0.45)) for one in fields]
    assert corners == [(0, 0), (1, 1)]
    words = [text.get_text() for text in panel.texts]
    assert words[0].startswith("supported\n+3.00 (") and words[0].endswith("points; 6 seeds")
    assert words[1].startswith("undecided\n") and words[1].endswith("gates: setting failed")
    colours = [one.get_facecolor() for one in fields]
    assert colours[0] != colours[1]


@pytest.mark.slow
@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "results" / "README.md"], ids=str)
def test_the_pages_say_what_the_ledger_says(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for block in blocks.find(page):
        studies = [gather((name,), Path("results")) for name in block.studies]
        found = analysis.format_claims(studies)[block.kind]
        assert block.body == found, f"bench claims --into {page}"
