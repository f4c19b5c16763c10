"""What is said of intervals, tests, verdicts and power below a leaderboard."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from analysis.common import comparisons, sequential
from analysis.common.comparisons import Judgement, Sample
from analysis.common.intervals import ACCURACY_SENTENCE, FEWEST_SEEDS, LEVEL
from analysis.common.rank_statistics import EXACTNESS
from analysis.common.sequential import Schedule
from analysis.common.text import Note, join_names
from analysis.leaderboard.ranks import find_better_pairs
from analysis.leaderboard.table import (
    Entry,
    group_by_entry,
    judge_against_baseline,
    list_comparable,
    measure_chances,
)
from bench.records.facts import StudyFacts
from bench.records.schema import FinishedRecord


def explain(records: Sequence[FinishedRecord], facts: StudyFacts, accuracy: str) -> list[Note]:
    """The notes on the comparisons; accuracy: what the accuracies are, in a few words."""
    groups = {
        dataset: list_comparable(entries, facts)
        for dataset, entries in group_by_entry(records).items()
    }
    schedule = Schedule.read(records, facts)
    judged = {
        dataset: judge_against_baseline(group, facts, schedule) for dataset, group in groups.items()
    }
    notes = [_explain_means(accuracy), _explain_ranks(groups, facts.region, schedule)]
    if stopping := sequential.explain(facts):
        notes.append(_explain_stopping(stopping, judged, facts))
    if any(judged.values()):
        notes += [_explain_verdicts(facts, schedule), _explain_power(judged, groups, schedule)]
    if chances := _list_chances(records, facts):
        notes.append(_explain_chances(chances))
    return notes


def _list_chances(
    records: Sequence[FinishedRecord], facts: StudyFacts
) -> dict[str, dict[str, float]]:
    """Data set -> row -> P(as many random cells are as good), where that is known."""
    chances: dict[str, dict[str, float]] = {}
    for dataset, entries in group_by_entry(records).items():
        for entry, own in entries.items():
            if known := measure_chances(own, facts.populations):
                chances.setdefault(dataset, {})[entry.name] = known["chance_share"]
    return chances


def _explain_chances(chances: Mapping[str, Mapping[str, float]]) -> Note:
    details = []
    for dataset, by_name in chances.items():
        corrected = comparisons.correct_by_holm(list(by_name.values()))
        found = [name for name, p in zip(by_name, corrected, strict=True) if p < 1 - LEVEL]
        details.append(f"{dataset}: {join_names(found) or 'none'}.")
    return Note(
        "P(random cells are as good) is the probability that the mean of as many random cells"
        " without the operation none is at least the method's mean; it is exact, as the accuracies"
        " of all cells are known (leaderboard.csv has that of all cells too). Significantly better"
        " than random cells by it (5 %, corrected by Holm over the methods of the data set) are:",
        tuple(details),
    )


def _explain_means(accuracy: str) -> Note:
    unseen = ", on images that neither search nor selection saw" if "test" in accuracy else ""
    return Note(
        f"{accuracy[0].upper()}{accuracy[1:]} is the mean over search seeds{unseen}."
        f" {ACCURACY_SENTENCE} The interquartile mean leaves out the lowest and the highest quarter"
        " of the seeds."
    )


def _explain_ranks(
    groups: Mapping[str, Mapping[Entry, Sample]], region: float, schedule: Schedule
) -> Note:
    return Note(
        "Methods are ranked by their means. The interval of a rank has the places of all methods"
        " that are not found better or worse (verdicts as below, p-values corrected by Holm over"
        " all pairs of methods on the data set). The pairs that differ are:",
        tuple(
            f"{dataset}: {_list_pairs(group, region, schedule)}"
            for dataset, group in groups.items()
        ),
    )


def _list_pairs(group: Mapping[Entry, Sample], region: float, schedule: Schedule) -> str:
    pairs = len(group) * (len(group) - 1) // 2
    if not pairs:
        return "there is one method, so there is nothing to compare."
    of_pairs = f"of {pairs} pair{'s' * (pairs > 1)}"
    if few := [entry.name for entry, sample in group.items() if len(sample) < FEWEST_SEEDS]:
        of_pairs += f"; too few seeds, so without a verdict: {join_names(few)}"
    named = {entry.name: sample for entry, sample in group.items()}
    found = find_better_pairs(named, region, schedule)
    if not found:
        return f"none {of_pairs}."
    worse: dict[str, list[str]] = {}
    for better, other in sorted(found):
        worse.setdefault(better, []).append(other)
    texts = [f"{better} is better than {join_names(others)}" for better, others in worse.items()]
    return f"{'; '.join(texts)} ({len(found)} {of_pairs})."


def _explain_stopping(
    text: str, judged: Mapping[str, Mapping[Entry, Judgement]], facts: StudyFacts
) -> Note:
    """How the seeds were added, and with how many each pair was decided."""
    details = []
    for dataset, judgements in judged.items():
        stops = [
            f"{entry.name} {one.verdict}, {min(one.comparison.seeds)} seeds"
            for entry, one in judgements.items()
        ]
        if stops:
            details.append(f"{dataset}, against {facts.baseline}: {'; '.join(stops)}.")
    return Note(text, tuple(details))


def _explain_verdicts(facts: StudyFacts, schedule: Schedule) -> Note:
    error = f"{100 * (1 - schedule.level):.3g} %"
    inner = sequential.show_level(2 * schedule.level - 1)
    return Note(
        f"Against the baseline, {facts.baseline}, the test is the two-sided rank-sum test"
        f" (Wilcoxon-Mann-Whitney, with ties; {EXACTNESS}). Where two rows evaluate the same"
        " searches it is the signed-rank test, paired by search; other methods draw other"
        " numbers from the same seed and are not paired. p-values are corrected by Holm over the"
        " methods of the data set. The shift is the Hodges-Lehmann estimate; its interval has"
        " the shifts that the test does not reject. P(better than the baseline) is the"
        " probability that a seed of the method is above one of the baseline, with Newcombe's"
        " interval (Wilson's, where paired).",
        (
            f"equivalent: the {inner} % interval of the shift (two one-sided tests at {error}) and"
            f" the difference of the means are within {facts.region:g} points, the region of"
            " practical equivalence.",
            f"better, worse: significant at {error}, and the means differ in the same direction.",
            f"undecided: all else, and wherever there are fewer than {FEWEST_SEEDS} seeds.",
        ),
    )


def _explain_power(
    judged: Mapping[str, Mapping[Entry, Judgement]],
    groups: Mapping[str, Mapping[Entry, Sample]],
    schedule: Schedule,
) -> Note:
    details = []
    for dataset, judgements in judged.items():
        if judgements:
            seeds = sorted({len(sample) for sample in groups[dataset].values()})
            count = str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
            sizes = _format_sizes({e.name: one.detectable for e, one in judgements.items()})
            details.append(
                f"{dataset} ({count} seed{'s' * (seeds[-1] > 1)}, comparisons:"
                f" {len(judgements)}): {sizes}."
            )
    return Note(
        "The smallest difference from the baseline, in points, that this table had a probability of"
        " 80 % to find significant (normal values with the standard deviation of the two samples,"
        f" the test at {100 * (1 - schedule.level):.3g} % over the number of comparisons):",
        tuple(details),
    )


def _format_sizes(points: Mapping[str, float]) -> str:
    if all(map(math.isinf, points.values())):
        return "none of any size, so few seeds never reject at that level"
    return ", ".join(
        f"{name} {size:.2f}" if math.isfinite(size) else f"{name} none of any size"
        for name, size in points.items()
    )
