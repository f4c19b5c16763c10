"""The rule that compares ways of predicting, each network's against its own."""

from __future__ import annotations

from typing import Any

import pytest
from support import doubts, synthetic

from analysis.claims import decide_studies
from analysis.claims.outcome import Outcome
from analysis.common.operations import CollapseThresholds
from bench.claims.model import Claim, Predict
from bench.records.schema import FinishedRecord


def decide(records: list[FinishedRecord], **options: Any) -> Outcome:
    rule = Predict("vinnas", **{"by": "draws", "rather_than": "deterministic", **options})
    claim = Claim("it", "It is so", "a test", rule, gates=())
    facts = synthetic.facts(["vinnas"], claims=(claim,))
    entries = decide_studies([(facts, records)], CollapseThresholds()).entries
    ((finding,),) = (entry.findings for entry in entries if entry.claim is claim)
    return finding.outcome


def records(ratio: float, seeds: int = 6, spread: float = 0.0) -> list[FinishedRecord]:
    """The draws' NLL over that of the means is `ratio`, less or more by up to `spread`."""
    return [
        synthetic.record("vinnas", seed=seed, changes={"evaluation.uncertainty": measured})
        for seed in range(seeds)
        for nll in [0.1 + 0.02 * seed]  # differences between seeds are larger than those of ways
        for factor in [ratio * (1 + spread * (-1) ** seed)]
        for measured in [doubts.uncertainty({"deterministic": nll, "draws": factor * nll})]
    ]


@pytest.mark.parametrize(
    ("ratio", "spread", "expected"),
    [
        (0.9, 0.01, "supported"),
        (1.1, 0.01, "refuted"),
        (1.0, 0.02, "equivalent"),
        (0.98, 0.2, "undecided"),
    ],
)
@pytest.mark.parametrize("metric", ["nll", "ece", "brier"])
def test_each_network_is_compared_with_itself(
    ratio: float, spread: float, expected: str, metric: str
) -> None:
    found = decide(records(ratio, spread=spread), metric=metric)
    assert (found.verdict, found.unit, found.seeds) == (expected, "times", 6)
    assert found.estimate == pytest.approx(ratio, abs=spread * 1.2)
    assert "of vinnas, draws over deterministic" in found.basis


def test_three_seeds_decide_nothing() -> None:
    found = decide(records(0.5, seeds=3))
    assert found.verdict == "undecided" and found.estimate == pytest.approx(0.5)
    assert found.needs == ("more seeds (at least 5)",)


def test_a_study_that_did_not_measure_it_decides_nothing() -> None:
    for unmeasured in ([synthetic.record("vinnas")], records(0.9)):
        found = decide(unmeasured, rather_than="ensemble")
        assert found.verdict == "undecided"
        assert found.needs == ("a study that measures it (evaluation.uncertainty)",)


def test_a_way_is_not_compared_with_itself() -> None:
    with pytest.raises(ValueError, match="two different ways"):
        Predict("vinnas", by="draws", rather_than="draws")
