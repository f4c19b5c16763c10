"""The rules that compare values over seeds; the tests are those of `analysis.common.comparisons`.

Each claim is one comparison on its own, at 5 %, or at a look's share of it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from analysis.claims.evidence import Evidence, Records
from analysis.claims.outcome import ClaimVerdict, Outcome, Scale, conclude, undecided
from analysis.common.comparisons import SAME, Judgement, Sample, Verdict, judge_pairs
from analysis.common.intervals import FEWEST_SEEDS
from analysis.common.rank_statistics import ceiling, reliability, spearman
from analysis.common.trials import CANDIDATE_KINDS, average_accuracy, is_tabular, list_pairs
from bench.claims import model
from bench.records.schema import FinishedRecord

_SCORES = {"nll": "NLL", "brier": "Brier score", "ece": "ECE", "aurc": "AURC"}
_POINTS = Scale("points")


def compare(rule: model.Compare, evidence: Evidence) -> Outcome:
    """Is the method better, not worse, equivalent?"""
    if rule.metric == "accuracy":
        region, scale, read = rule.region, _POINTS, average_accuracy
        what = f"accuracy of {name_both(evidence, 'minus')}"
    else:  # the smaller is the better
        region, scale = math.log1p(rule.region / 100), _scale_ratio(1.0)
        what = f"{rule.metric.replace('_', ' ')} of {name_both(evidence, 'over')}"

        def read(record: FinishedRecord) -> float:
            return -_log_size(record, rule.metric)

    one, other = (_measure(evidence.records[part], read) for part in ("method", "against"))
    judgement = _judge(one, other, evidence, region)
    return conclude_as_said(rule.says, judgement, region, what, scale)


def conclude_as_said(
    says: str, judgement: Judgement, region: float, what: str, scale: Scale
) -> Outcome:
    """The outcome of a claim that the method is better, not worse or equivalent.

    region: differences up to this do not matter; what, scale: as of `conclude`.
    """
    verdict = _decide(says, judgement, region)
    return conclude(judgement, verdict, what, scale, _find_target(says, judgement, region))


def _decide(says: str, judgement: Judgement, region: float) -> ClaimVerdict:
    """What a comparison says of a claim that the method is better, not worse or equivalent.

    Better is decided against 0. Not worse and equivalent are claims about a difference beyond the
    region, and both supported and refuted by one-sided tests of that at 1 - level (5 %): by the
    interval at 2 level - 1 (90 %) and the difference of the means.
    """
    found, own = judgement.verdict, judgement.comparison
    if says == "better":
        return {
            Verdict.BETTER: ClaimVerdict.SUPPORTED,
            Verdict.WORSE: ClaimVerdict.REFUTED,
            Verdict.EQUIVALENT: ClaimVerdict.EQUIVALENT,
        }.get(found, ClaimVerdict.UNDECIDED)
    lowest, highest = min(own.inner_low, own.mean), max(own.inner_high, own.mean)
    is_equivalent = says == "equivalent"
    if min(own.seeds) < FEWEST_SEEDS:
        return ClaimVerdict.UNDECIDED
    if highest < -region or (is_equivalent and lowest > region):
        return ClaimVerdict.REFUTED
    if lowest >= -region - SAME and (highest <= region + SAME or not is_equivalent):
        return ClaimVerdict.SUPPORTED
    return ClaimVerdict.UNDECIDED


def _find_target(says: str, judgement: Judgement, region: float) -> float:
    """The difference that has to be seen for `_decide` to decide: from 0, or from the region's end.

    Of better: at least the region, within which seeds can show that the two are equivalent.
    """
    mean = judgement.comparison.mean
    if says == "better":
        return max(region, abs(mean))
    return abs(region - abs(mean)) if says == "equivalent" else abs(mean + region)


def ratio(rule: model.Ratio, evidence: Evidence) -> Outcome:
    """Has the method at most so many times the other's non-zero parameters, at its accuracy?"""
    if any(map(is_tabular, (*evidence.records["method"], *evidence.records["against"]))):
        return undecided(
            "accuracies were looked up in a table, so that no weight was trained and zeroed",
            "a study that trains what it finds",
        )
    at = model.Compare(rule.method, rule.against, "not worse", region=rule.region)
    accuracy = compare(at, evidence)
    limit = math.log(rule.at_most)
    judgement = _judge(
        _measure(evidence.records["method"], lambda one: limit - _log_size(one)),
        _measure(evidence.records["against"], lambda one: -_log_size(one)),
        evidence,
    )
    what = f"non-zero parameters of {name_both(evidence, 'over')}"
    size = conclude(judgement, _above_or_below(judgement), what, _scale_ratio(rule.at_most))
    basis = f"{size.basis}; {accuracy.basis}"
    if accuracy.verdict is ClaimVerdict.SUPPORTED or size.verdict is ClaimVerdict.REFUTED:
        return dataclasses.replace(size, basis=basis)
    # fewer parameters, or not known; the accuracies decide
    is_open = accuracy.verdict is ClaimVerdict.UNDECIDED
    needs = accuracy.needs or size.needs if is_open else ()
    return dataclasses.replace(size, verdict=accuracy.verdict, basis=basis, needs=needs)


def guided(rule: model.Guided, evidence: Evidence) -> Outcome:
    """Are guided candidates better than uniform ones, each trial's mean against the other?"""
    means: dict[str, dict[str, float]] = {kind: {} for kind in CANDIDATE_KINDS}
    for record in evidence.records["method"]:
        drawn = [getattr(record.selection, kind) for kind in CANDIDATE_KINDS]
        for kind, candidates in zip(CANDIDATE_KINDS, drawn, strict=True):
            if all(drawn):
                means[kind][record.trial.search_id] = 100 * candidates.mean
    if not means["guided"]:
        return undecided(
            "the records have no guided and uniform candidates", "searches that draw both"
        )
    judgement = _judge(means["guided"], means["uniform"], evidence)
    what = "mean inherited accuracy of guided minus that of uniform candidates"
    return conclude(judgement, _above_or_below(judgement), what, _POINTS)


def predict(rule: model.Predict, evidence: Evidence) -> Outcome:
    """Is a way of predicting better than another, each network's against its own?

    The measure is compared as a ratio, as sizes are; a search's value is the mean over its
    evaluations. Searches whose network does not have both ways do not count.
    """
    ways = (rule.by, rule.rather_than)
    records = [
        record
        for record in evidence.records["method"]
        if all(record.evaluation.list_scores(way, rule.metric) for way in ways)
    ]
    if not records:
        return undecided(
            f"no network of {evidence.labels['method']} was measured predicting by {rule.by} and"
            f" by {rule.rather_than}",
            "a study that measures it (evaluation.uncertainty)",
        )
    one, other = (
        _measure(records, partial(_negative_log_score, way=way, metric=rule.metric)) for way in ways
    )
    region, scale = math.log1p(rule.region / 100), _scale_ratio(1.0)
    judgement = _judge(one, other, evidence, region)
    label, measure = evidence.labels["method"], _SCORES[rule.metric]
    what = f"{measure} of {label}, {rule.by} over {rule.rather_than}"
    return conclude_as_said(rule.says, judgement, region, what, scale)


def inheritance(rule: model.Inheritance, evidence: Evidence) -> Outcome:
    """Do inherited accuracies rank candidates as retrained ones do?

    Undecided where the noise of trainings is not known, or leaves no correlation as high as the
    claim's.
    """
    correlations: dict[str, float] = {}
    ceilings: list[float] = []
    for record in evidence.records["method"]:
        pairs = [
            pair for kind in CANDIDATE_KINDS for pair in list_pairs(record, kind) if pair.trainings
        ]
        inherited, retrained = (
            [getattr(pair, side) for pair in pairs] for side in ("inherited", "retrained")
        )
        value = spearman(pd.Series(inherited), pd.Series(retrained))
        if value is not None:
            correlations[record.trial.search_id] = value
            highest = ceiling(reliability([pair.trainings for pair in pairs]))
            ceilings += [] if highest is None else [highest]
    if not correlations:
        return undecided(
            "no candidates were trained from scratch",
            "a study that trains candidates from scratch (search.retrained)",
        )
    if not ceilings:
        return undecided(
            "how far trainings of the same candidate agree is not known",
            "several trainings of a candidate (search.retrained_seeds)",
        )
    limit = float(np.mean(ceilings))
    if limit < rule.at_least:
        return undecided(
            f"the noise of trainings leaves no rank correlation above {limit:.2f} on average",
            "more trainings of a candidate (search.retrained_seeds), or longer ones",
        )
    judgement = _judge(correlations, dict.fromkeys(correlations, rule.at_least), evidence)
    scale = Scale("(Spearman)", lambda shift: shift + rule.at_least, sign="")
    what = f"rank correlation of inherited and retrained accuracies (noise ceiling {limit:.2f})"
    return conclude(judgement, _above_or_below(judgement), what, scale)


def _above_or_below(judgement: Judgement) -> ClaimVerdict:
    """Of a difference that is claimed to be above 0."""
    return {
        Verdict.BETTER: ClaimVerdict.SUPPORTED,
        Verdict.WORSE: ClaimVerdict.REFUTED,
    }.get(judgement.verdict, ClaimVerdict.UNDECIDED)


def _judge(sample: Sample, baseline: Sample, evidence: Evidence, region: float = 0.0) -> Judgement:
    return judge_pairs({"": (sample, baseline)}, region, evidence.level)[""]


def _measure(records: Records, read: Callable[[FinishedRecord], float]) -> dict[str, float]:
    """A value of each search, by the search's id."""
    return {record.trial.search_id: read(record) for record in records}


def _log_size(record: FinishedRecord, metric: str = "nonzero_parameters") -> float:
    return math.log(max(1, getattr(record.evaluation, metric)))


def _negative_log_score(record: FinishedRecord, way: str, metric: str) -> float:
    values = record.evaluation.list_scores(way, metric)
    return -math.log(max(1e-12, sum(values) / len(values)))


def name_both(evidence: Evidence, word: str) -> str:
    return f"{evidence.labels['method']} {word} {evidence.labels['against']}"


def _scale_ratio(limit: float) -> Scale:
    """Of shifts of -log(size) + log(limit): shown as a ratio of sizes."""
    return Scale("times", lambda shift: limit * math.exp(-shift), sign="", power=math.exp)
