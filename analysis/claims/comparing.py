"""The rules that compare values over seeds; the tests are those of `analysis.common.comparisons`.

Each claim is one comparison on its own, at 5 %, or at a look's share of it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd

from analysis.claims.evidence import Evidence, Records
from analysis.claims.outcome import ClaimVerdict, Outcome, Scale, conclude, undecided
from analysis.common.comparisons import Judgement, Sample, Verdict, judge_pairs
from analysis.common.intervals import FEWEST_SEEDS
from analysis.common.operations import count_inputs, list_choices, measure_distance
from analysis.common.rank_statistics import ceiling, reliability, spearman
from analysis.common.trials import CANDIDATE_KINDS, is_tabular, list_accuracies, list_pairs
from bench.claims import model
from bench.records.schema import FinishedRecord

_SCORES = {"nll": "NLL", "brier": "Brier score", "ece": "ECE", "aurc": "AURC"}
_POINTS = Scale("points")
_EDGES = Scale("of the edges")


def compare(rule: model.Compare, evidence: Evidence) -> Outcome:
    """Is the method better, not worse, equivalent?"""
    if rule.metric == "accuracy":
        region, scale, read = rule.region, _POINTS, _average_accuracy
        what = f"accuracy of {_name_both(evidence, 'minus')}"
    else:  # the smaller is the better
        region, scale = math.log1p(rule.region / 100), _scale_ratio(1.0)
        what = f"{rule.metric.replace('_', ' ')} of {_name_both(evidence, 'over')}"

        def read(record: FinishedRecord) -> float:
            return -_log_size(record, rule.metric)

    one, other = (_measure(evidence.records[part], read) for part in ("method", "against"))
    judgement = _judge(one, other, evidence, region)
    return conclude(judgement, _decide(rule.says, judgement, region), what, scale, region)


def _decide(says: str, judgement: Judgement, region: float) -> ClaimVerdict:
    """What a comparison says of a claim that the method is better, not worse or equivalent."""
    found, own = judgement.verdict, judgement.comparison
    if says == "better":
        return {
            Verdict.BETTER: ClaimVerdict.SUPPORTED,
            Verdict.WORSE: ClaimVerdict.REFUTED,
            Verdict.EQUIVALENT: ClaimVerdict.EQUIVALENT,
        }.get(found, ClaimVerdict.UNDECIDED)
    if says == "equivalent":
        if found is Verdict.UNDECIDED:
            return ClaimVerdict.UNDECIDED
        return ClaimVerdict.SUPPORTED if found is Verdict.EQUIVALENT else ClaimVerdict.REFUTED
    if found is Verdict.WORSE:
        return ClaimVerdict.REFUTED
    # one-sided, at 1 - level (5 %): the lower end of the interval at 2 level - 1 (90 %)
    is_no_worse = min(own.seeds) >= FEWEST_SEEDS and min(own.inner_low, own.mean) >= -region
    return ClaimVerdict.SUPPORTED if is_no_worse else ClaimVerdict.UNDECIDED


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
    what = f"non-zero parameters of {_name_both(evidence, 'over')}"
    size = conclude(judgement, _above_or_below(judgement), what, _scale_ratio(rule.at_most))
    basis = f"{size.basis}; {accuracy.basis}"
    if accuracy.verdict is ClaimVerdict.SUPPORTED or size.verdict is ClaimVerdict.REFUTED:
        return dataclasses.replace(size, basis=basis)
    # fewer parameters, or not known; the accuracies decide
    needs = accuracy.needs or size.needs
    return dataclasses.replace(size, verdict=accuracy.verdict, basis=basis, needs=needs)


def diversity(rule: model.Diversity, evidence: Evidence) -> Outcome:
    """Do the method's cells differ between seeds as much as another's?

    A mean distance over pairs of seeds is a U-statistic; its values by seed are the jackknife's
    pseudo-values (Arvesen 1969, Annals of Mathematical Statistics 40:2076).
    """
    few = [label for part, label in evidence.labels.items() if len(evidence.records[part]) < 3]
    if few:
        return undecided(f"{' and '.join(few)}: fewer than 3 seeds", "more seeds (at least 5)")
    judgement = _judge(
        _measure_distances(evidence.records["method"]),
        _measure_distances(evidence.records["against"]),
        evidence,
        rule.region,
    )
    verdict = _decide("not worse", judgement, rule.region)
    what = f"distance between the cells of two seeds, {_name_both(evidence, 'minus')}"
    return conclude(judgement, verdict, what, _EDGES, rule.region)


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
    return conclude(judgement, _decide(rule.says, judgement, region), what, scale, region)


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


def _average_accuracy(record: FinishedRecord) -> float:
    values = list_accuracies(record)
    return sum(values) / len(values)


def _log_size(record: FinishedRecord, metric: str = "nonzero_parameters") -> float:
    return math.log(max(1, getattr(record.evaluation, metric)))


def _negative_log_score(record: FinishedRecord, way: str, metric: str) -> float:
    values = record.evaluation.list_scores(way, metric)
    return -math.log(max(1e-12, sum(values) / len(values)))


def _measure_distances(records: Records) -> dict[str, float]:
    """Each seed's pseudo-value of the mean distance between the cells of two seeds."""
    choices = {
        record.trial.search_id: list_choices(record.architecture, count_inputs(record))
        for record in records
    }
    totals = dict.fromkeys(choices, 0.0)
    for one, other in combinations(choices, 2):
        distance = measure_distance(choices[one], choices[other])
        totals[one] += distance
        totals[other] += distance
    count = len(choices)
    pairs, whole = count * (count - 1) / 2, sum(totals.values()) / 2
    without = {search: (whole - own) / (pairs - count + 1) for search, own in totals.items()}
    return {search: count * whole / pairs - (count - 1) * mean for search, mean in without.items()}


def _name_both(evidence: Evidence, word: str) -> str:
    return f"{evidence.labels['method']} {word} {evidence.labels['against']}"


def _scale_ratio(limit: float) -> Scale:
    """Of shifts of -log(size) + log(limit): shown as a ratio of sizes."""
    return Scale("times", lambda shift: limit * math.exp(-shift), sign="", power=math.exp)
