"""Which methods more seeds could tell from the baseline, for `bench run --until-decided`."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.common.comparisons import Verdict
from analysis.common.sequential import Schedule
from analysis.leaderboard.table import (
    Entry,
    group_by_entry,
    judge_against_baseline,
    list_comparable,
)
from bench.records.facts import StudyFacts
from bench.records.schema import FinishedRecord
from bench.records.sequential import Question


def list_questions(records: Sequence[FinishedRecord], facts: StudyFacts) -> list[Question]:
    """Every method against the study's baseline on each data set.

    A pair is open while it is undecided. Where most searches of one of the two failed to train it
    has no verdict, and more seeds are not asked for. None without a baseline.
    """
    if facts.baseline is None:
        return []
    schedule, questions = Schedule.read(records, facts), []
    for dataset, entries in group_by_entry(records).items():
        samples = list_comparable(entries, facts)
        judged = judge_against_baseline(samples, facts, schedule)
        for label in facts.labels:
            if label == facts.baseline:
                continue
            judgement = judged.get(Entry(label, is_tuned=False))
            verdict = judgement.verdict if judgement else Verdict.UNDECIDED
            seeds = schedule.find_look(min(judgement.comparison.seeds)) if judgement else 0
            failed = [name for name in (label, facts.baseline) if Entry(name, False) not in samples]
            why = f"most searches of {' and '.join(failed)} failed to train" if failed else ""
            is_open = verdict is Verdict.UNDECIDED and not why
            question = Question(
                kind="pair", dataset=dataset, name=label, labels=[label, facts.baseline],
                verdict=str(verdict), seeds=seeds, is_open=is_open, why=why,
            )  # fmt: skip
            questions.append(question)
    return questions
