"""Every rule and every verdict, on made-up records."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from support import known, synthetic
from support.claims import GOOD, LEARNED, shifted, trials

from analysis.claims import decide_studies, diversity
from analysis.claims.counting import bound_share
from analysis.claims.ledger import Finding
from analysis.common.intervals import LEVEL
from analysis.common.operations import CollapseThresholds
from bench.claims import model
from bench.claims.model import Claim, Rule
from bench.records.schema import FinishedRecord

ONE = {"space": "darts", "cells": {key: [[["skip_connect", 0]]] for key in ("normal", "reduce")}}


def find(rule: Rule, records: Sequence[FinishedRecord], **more: Any) -> Finding:
    """What the records say; the gates are passed unless `more`, facts of the study, says so."""
    labels = list(dict.fromkeys(record.trial.label for record in records)) or ["a"]
    claim = Claim("it", "It is so", "a test", rule, more.pop("gates", model.GATES))
    facts = synthetic.facts(labels, **{"gate_passed": {"digits": True}, "claims": (claim,)} | more)
    entries = decide_studies([(facts, records)], CollapseThresholds()).entries
    ((finding,),) = (entry.findings for entry in entries if entry.claim is claim)
    return finding


def verdict(rule: Rule, records: Sequence[FinishedRecord], **more: Any) -> str:
    return str(find(rule, records, **more).outcome.verdict)


@pytest.mark.parametrize(
    ("says", "by", "spread", "expected"),
    [
        ("better", 0.03, 1.0, "supported"),
        ("better", -0.03, 1.0, "refuted"),
        ("better", 0.0, 0.1, "equivalent"),
        ("better", 0.002, 6.0, "undecided"),
        ("not worse", 0.03, 1.0, "supported"),
        ("not worse", 0.0, 0.1, "supported"),
        ("not worse", -0.03, 1.0, "refuted"),
        ("not worse", -0.004, 0.1, "supported"),  # surely lower, by less than matters
        ("not worse", -0.007, 0.1, "refuted"),
        ("not worse", -0.007, 1.0, "undecided"),
        ("not worse", -0.002, 6.0, "undecided"),
        ("equivalent", 0.0, 0.1, "supported"),
        ("equivalent", 0.03, 1.0, "refuted"),
        ("equivalent", -0.004, 0.1, "supported"),
        ("equivalent", 0.007, 0.1, "refuted"),
        ("equivalent", 0.002, 6.0, "undecided"),
    ],
)
def test_comparisons(says: Any, by: float, spread: float, expected: str) -> None:
    records = [*trials("a", shifted(by, spread)), *trials("b", shifted(0.0, spread))]
    found = find(model.Compare("a", "b", says), records).outcome
    assert found.verdict == expected
    assert found.seeds == 6 and found.unit == "points"
    assert found.estimate == pytest.approx(100 * by, abs=1e-6)
    assert found.low is not None and found.high is not None and found.detectable is not None
    assert found.low <= found.estimate <= found.high
    assert bool(found.needs) == (expected == "undecided")


def test_few_seeds_decide_nothing_and_it_says_how_many_would() -> None:
    records = [*trials("a", shifted(0.03)[:3]), *trials("b", shifted(0.0)[:3])]
    found = find(model.Compare("a", "b", "better"), records).outcome
    assert (found.verdict, found.low, found.detectable) == ("undecided", None, None)
    assert found.needs == ("more seeds (at least 5)",)
    noisy = [*trials("a", shifted(0.005, 3)), *trials("b", shifted(0.0, 3))]
    found = find(model.Compare("a", "b", "better"), noisy).outcome
    (need,) = found.needs
    needed = int(need.removeprefix("about ").removesuffix(" seeds"))
    again = [*trials("a", shifted(0.005, 3, 24)), *trials("b", shifted(0.0, 3, 24))]
    sees = find(model.Compare("a", "b", "better"), again).outcome.detectable
    # what is seen falls with the root of the number of seeds, up to the values' own scatter
    assert sees is not None and needed > 24
    assert sees * (24 / needed) ** 0.5 == pytest.approx(0.5, rel=0.15)


def test_sizes_are_compared_as_ratios_and_the_smaller_is_the_better() -> None:
    def sized(label: str, factor: float) -> list[FinishedRecord]:
        return [
            record
            for seed in range(6)
            for record in trials(label, GOOD, {"evaluation.flops": int(factor * (1000 + seed))})
            if record.trial.seed == seed
        ]

    found = find(
        model.Compare("a", "b", "better", "flops", region=5.0), [*sized("a", 50), *sized("b", 100)]
    ).outcome
    assert found.verdict == "supported" and found.estimate == pytest.approx(0.5, rel=0.01)
    larger = [*sized("a", 200), *sized("b", 100)]
    assert verdict(model.Compare("a", "b", "better", "flops"), larger) == "refuted"


@pytest.mark.parametrize(
    ("size", "by", "expected"),
    [
        (50_000, 0.0, "supported"),
        (90_000, 0.0, "refuted"),
        (50_000, -0.03, "refuted"),
        (50_000, 0.03, "supported"),
    ],
)
def test_ratio_at_equal_accuracy(size: int, by: float, expected: str) -> None:
    def sized(label: str, at: float, nonzero: int) -> list[FinishedRecord]:
        changes = {"evaluation.parameters": 200_000, "evaluation.nonzero_parameters": nonzero}
        return trials(label, shifted(at, 0.1), changes)

    records = [*sized("a", by, size), *sized("b", 0.0, 100_000)]
    found = find(model.Ratio("a", "b", at_most=0.6), records).outcome
    assert found.verdict == expected
    assert found.estimate == pytest.approx(size / 100_000)
    assert "accuracy of a minus b" in found.basis


def test_ratio_needs_accuracies_that_are_known_to_be_equal_and_a_training() -> None:
    changes = {"evaluation.parameters": 200_000, "evaluation.nonzero_parameters": 50_000}
    larger = changes | {"evaluation.nonzero_parameters": 100_000}
    noisy = [*trials("a", shifted(-0.002, 6), changes), *trials("b", shifted(0, 6), larger)]
    assert verdict(model.Ratio("a", "b"), noisy) == "undecided"
    looked_up = [synthetic.change(known.record(label), LEARNED) for label in ("a", "b")]
    found = find(model.Ratio("a", "b"), looked_up).outcome
    assert found.verdict == "undecided" and found.needs == ("a study that trains what it finds",)


def collapsing(label: str, collapsed: int, seeds: int) -> list[FinishedRecord]:
    """Records of which so many have one operation alone."""
    varied = [
        synthetic.record(label, seed=seed, changes=LEARNED, nodes=4) for seed in range(4 * seeds)
    ]
    fine = [one for one in varied if not CollapseThresholds().have_collapsed(one.architecture)]
    records = []
    for seed in range(seeds):
        found = ONE if seed < collapsed else fine[seed].genotype
        records.append(synthetic.record(label, seed=seed, found=found, changes=LEARNED, nodes=4))
    return records


@pytest.mark.parametrize(
    ("collapsed", "of_control", "expected"),
    [
        (0, 13, "supported"),
        (1, 13, "undecided"),  # 0.2 to 36 %
        (9, 13, "refuted"),
        (0, 6, "undecided"),  # the control collapses on 6 of 13, which is not most
        (9, 0, "refuted"),  # collapse needs no control
    ],
)
def test_a_low_share_means_something_where_the_control_collapses(
    collapsed: int, of_control: int, expected: str
) -> None:
    records = [*collapsing("a", collapsed, 13), *collapsing("darts", of_control, 13)]
    found = find(model.Share("a", at_most=0.25, control="darts"), records).outcome
    assert (found.verdict, found.estimate) == (expected, pytest.approx(collapsed / 13))
    if (collapsed, of_control) == (1, 13):
        assert found.basis.startswith("1 of 13 seeds of a collapsed to skip_connect (95 % interval")
        assert found.basis.endswith("; of darts, 13 of 13 to skip_connect")
    if of_control == 6:
        assert found.needs == ("a setting in which darts collapses on most of 5 or more seeds",)
    if collapsed == 1:
        (need,) = found.needs
        number = int(need.split()[0])
        assert bound_share(round(number / 13), number)[1] <= 0.25


def of_two_operations(label: str, collapsed: int, seeds: int) -> list[FinishedRecord]:
    """In S2: of a collapsed seed 8 of 8 edges are convolutions, of any other 4."""
    node = [["sep_conv_3x3", 0], ["sep_conv_3x3", 1]]
    other = [["sep_conv_3x3", 0], ["skip_connect", 1]]
    space = {"name": "s2", "nodes": 2, "operations": ["skip_connect", "sep_conv_3x3"]}
    made = []
    for seed in range(seeds):
        chosen = [node if seed < collapsed else other] * 2
        found = {"space": "s2", "cells": {"normal": chosen, "reduce": chosen}}
        changes = LEARNED | {"configuration.space": space, "search.epochs": []}
        made.append(synthetic.record(label, seed=seed, found=found, changes=changes))
    return made


@pytest.mark.parametrize(
    ("collapsed", "expected"),
    [
        (10, "undecided"),  # 26 to 74 % of 20 seeds; of two operations 29 % are collapsed by chance
        (11, "refuted"),  # 32 to 77 %
        (20, "refuted"),
        (2, "undecided"),
    ],
)
def test_collapse_has_to_be_more_than_that_of_random_operations(
    collapsed: int, expected: str
) -> None:
    """By hand: of 8 edges 6 or more, or 2 or fewer, are convolutions in 74 of 256 cells."""
    given = [*of_two_operations("a", collapsed, 20), *of_two_operations("darts", 0, 6)]
    found = find(model.Share("a", at_most=0.25), given).outcome
    assert found.verdict == expected
    (chance,) = re.findall(r"; of cells of random operations (\d+) % do", found.basis)
    assert float(chance) == pytest.approx(100 * 74 / 256, abs=2.5)
    assert (verdict(model.Share("a", at_least=0.2), given) == "supported") == (collapsed > 10)


def test_a_high_share_of_long_searches() -> None:
    rule = model.Share("a", at_least=0.5, epochs=8)
    assert verdict(rule, collapsing("a", 12, 13)) == "supported"
    assert verdict(rule, collapsing("a", 1, 13)) == "refuted"
    assert verdict(rule, collapsing("a", 6, 13)) == "undecided"
    found = find(dataclasses.replace(rule, epochs=9), collapsing("a", 12, 13)).outcome
    assert found.verdict == "undecided" and found.needs == ("searches of a of at least 9 epochs",)


@pytest.mark.parametrize("collapsed", [0, 5, 13])
def test_a_share_at_its_limit_is_as_claimed(collapsed: int) -> None:
    """That none or all collapse is refuted by one that does or does not, and by nothing else."""
    records = [*collapsing("a", collapsed, 13), *collapsing("darts", 13, 13)]
    assert verdict(model.Share("a", at_most=0.0), records) == (
        "refuted" if collapsed else "undecided"
    )
    assert verdict(model.Share("a", at_least=1.0), records) == (
        "undecided" if collapsed == 13 else "refuted"
    )


def test_the_exact_interval_of_a_share() -> None:
    assert bound_share(0, 10) == pytest.approx((0, 1 - 0.025**0.1))
    assert bound_share(10, 10) == pytest.approx((0.025**0.1, 1))
    stats = pytest.importorskip("scipy.stats")
    interval = stats.binomtest(3, 10).proportion_ci(method="exact")
    assert bound_share(3, 10) == pytest.approx((interval.low, interval.high))


def test_diversity() -> None:
    many = [synthetic.record("random", seed=seed, changes=LEARNED, nodes=4) for seed in range(8)]
    other = [synthetic.record("a", seed=seed, changes=LEARNED, nodes=4) for seed in range(8)]
    alike = [
        synthetic.record("a", seed=seed, found=many[0].genotype, changes=LEARNED, nodes=4)
        for seed in range(8)
    ]
    rule = model.Diversity("a", region=0.2)
    assert verdict(rule, [*other, *many]) == "supported"
    found = find(rule, [*alike, *many]).outcome
    assert found.verdict == "refuted" and found.estimate is not None and found.estimate < -0.5
    assert verdict(rule, [*alike[:4], *many[:4]]) == "undecided"
    assert verdict(rule, [*alike[:2], *many[:2]]) == "undecided"


def test_the_pseudo_values_have_the_mean_distance_as_their_mean() -> None:
    from analysis.collapse import agreement

    records = [synthetic.record("a", seed=seed, nodes=3) for seed in range(7)]
    table = agreement.tabulate(records, CollapseThresholds())
    values = diversity.measure_distances(records)
    assert np.mean(values) == pytest.approx(table["mean_distance"][0])


def test_equally_diverse_cells_are_rarely_called_different() -> None:
    """Half of the seeds of both methods collapse: pseudo-values that are ranked err in 31 %."""
    generator, errors = np.random.default_rng(0), 0
    for _ in range(400):
        values = []
        for _ in range(2):
            cells = generator.integers(5, size=(20, 6))
            cells[generator.random(20) < 0.5] = 0
            values.append(diversity.jackknife((cells[:, None] != cells[None]).mean(2)))
        errors += diversity.compare_means(*values, LEVEL).comparison.p_value < 1 - LEVEL
    assert errors <= 0.08 * 400


def test_means_are_compared_by_welch_s_t() -> None:
    generator = np.random.default_rng(0)
    one, other = generator.normal(0, 1, 6), generator.normal(0.5, 3, 9)
    found = diversity.compare_means(one, other, 0.95).comparison
    stats = pytest.importorskip("scipy.stats")
    expected = stats.ttest_ind(one, other, equal_var=False)
    assert found.p_value == pytest.approx(expected.pvalue)
    for level, ends in (
        (0.95, (found.low, found.high)),
        (0.9, (found.inner_low, found.inner_high)),
    ):
        assert ends == pytest.approx(tuple(expected.confidence_interval(level)))
    alike = diversity.compare_means(np.full(5, 0.2), np.full(6, 0.7), 0.95).comparison
    assert (alike.low, alike.mean, alike.high, alike.p_value) == pytest.approx(
        (-0.5, -0.5, -0.5, 0)
    )


def drawing(gaps: Sequence[float], retrained: bool = False) -> list[FinishedRecord]:
    """Trials whose guided candidates are better by so much; retrained ones rank alike."""
    records = []
    for seed, gap in enumerate(gaps):
        uniform = [0.3 + 0.01 * number + 0.001 * seed for number in range(4)]
        kinds = {"uniform": uniform, "guided": [one + gap for one in uniform]}
        selection: dict[str, Any] = {
            kind: {"mean": float(np.mean(own)), "std": 0.01, "best": max(own), "accuracies": own}
            for kind, own in kinds.items()
        }
        if retrained:
            selection["retrained"] = {
                kind: [[one / 2, one / 2 + 0.01] for one in own] for kind, own in kinds.items()
            }
        records.append(
            synthetic.record("pgnas", seed=seed, changes=LEARNED | {"selection": selection})
        )
    return records


def test_guided_against_uniform() -> None:
    gaps = [0.02, 0.03, 0.025, 0.04, 0.01, 0.022]
    found = find(model.Guided("pgnas"), drawing(gaps)).outcome
    assert found.verdict == "supported" and found.estimate == pytest.approx(2.3, abs=0.3)
    assert verdict(model.Guided("pgnas"), drawing([-gap for gap in gaps])) == "refuted"
    assert verdict(model.Guided("pgnas"), drawing([*gaps[:3], *[-gap for gap in gaps[:3]]])) == (
        "undecided"
    )
    assert find(model.Guided("darts"), trials("darts", GOOD)).outcome.needs == (
        "searches that draw both",
    )


def test_inheritance() -> None:
    gaps = [0.02, 0.03, 0.025, 0.04, 0.01, 0.022]
    rule = model.Inheritance("pgnas", at_least=0.5)
    found = find(rule, drawing(gaps, retrained=True)).outcome
    assert (found.verdict, found.estimate) == ("supported", pytest.approx(1.0))
    contrary = []
    for record in drawing(gaps, retrained=True):
        again = {
            kind: [[1 - one for one in trainings] for trainings in own]
            for kind, own in record.selection.retrained.items()
        }
        contrary.append(synthetic.change(record, {"selection.retrained": again}))
    found = find(rule, contrary).outcome
    assert (found.verdict, found.estimate) == ("refuted", pytest.approx(-1.0, abs=0.01))
    assert verdict(rule, drawing(gaps[:3], retrained=True)) == "undecided"
    noisy = []
    for record in drawing(gaps, retrained=True):
        again = {
            kind: [[trainings[0], 0.9 - trainings[0] / 2] for trainings in own]
            for kind, own in record.selection.retrained.items()
        }
        noisy.append(synthetic.change(record, {"selection.retrained": again}))
    found = find(rule, noisy).outcome
    assert found.verdict == "undecided" and "search.retrained_seeds" in found.needs[0]
    assert "search.retrained" in find(rule, drawing(gaps)).outcome.needs[0]
    once = []
    for record in drawing(gaps, retrained=True):
        again = {
            kind: [trainings[:1] for trainings in own]
            for kind, own in record.selection.retrained.items()
        }
        once.append(synthetic.change(record, {"selection.retrained": again}))
    found = find(rule, once).outcome
    assert found.verdict == "undecided" and "search.retrained_seeds" in found.needs[0]


def test_options_are_counted_in_the_configuration() -> None:
    def with_options(label: str, options: dict[str, Any]) -> list[FinishedRecord]:
        return trials(label, [0.9], {"configuration.method": options})

    few = with_options("a", {"rate": 0.1, "on": True, "name": "x", "scale": None})
    many = with_options("b", {"rate": 0.1, "order": 1})
    assert verdict(model.OptionCount("a", "b"), [*few, *many]) == "supported"
    assert verdict(model.OptionCount("b", "a"), [*few, *many]) == "refuted"
    same = [*few, *with_options("b", {"decay": 3})]
    assert verdict(model.OptionCount("a", "b"), same) == "equivalent"


BETTER = model.Compare("a", "b", "better")


def test_nothing_is_decided_where_our_setting_failed() -> None:
    records = [*trials("a", shifted(0.03)), *trials("b", shifted(0.0))]
    assert verdict(BETTER, records) == "supported"
    for passed, words in (({"digits": False}, "is what failed"), ({}, "its gate was not run")):
        finding = find(BETTER, records, gate_passed=passed)
        assert finding.outcome.verdict == "undecided" and words in finding.outcome.basis
        assert finding.outcome.estimate == pytest.approx(3.0)  # said all the same
        assert verdict(BETTER, records, gate_passed=passed, gates=("search",)) == "supported"


def test_nothing_is_decided_where_searches_did_not_learn() -> None:
    failing = {"search.learned": LEARNED["search.learned"] | {"supernet_accuracy": 0.05}}
    fine = trials("b", shifted(0.0))
    records = [*trials("a", shifted(0.03), failing), *fine]
    finding = find(BETTER, records)
    assert (finding.search_gate, finding.outcome.verdict) == ("failed", "undecided")
    assert "our own searches of a are what failed" in finding.outcome.basis
    assert finding.outcome.needs == ("searches that learn",)
    most = [*trials("a", shifted(0.03))[:4], *records[4:]]
    assert verdict(BETTER, most) == "supported"
    older = [*trials("a", shifted(0.03), {"search.learned": None}), *fine]
    finding = find(BETTER, older)
    assert (finding.search_gate, finding.outcome.verdict) == ("not known", "undecided")
    half = [*trials("a", shifted(0.03))[:3], *trials("a", shifted(0.03), failing)[3:5]]
    half.append(older[5])  # three learned, two did not, and one decides whether most did
    assert find(BETTER, [*half, *fine]).search_gate == "not known"
    untrained = {"search.learned": None, "search.steps": 0}
    assert verdict(BETTER, [*trials("a", shifted(0.03)), *trials("b", GOOD, untrained)]) == (
        "supported"
    )


def test_what_is_missing_is_named() -> None:
    found = find(BETTER, trials("a", GOOD)).outcome
    assert (found.verdict, found.basis) == ("undecided", "no finished trial of b")
    assert find(BETTER, []).outcome.basis == "no finished trial"
