"""Claims: what papers and studies state, and whether the records bear it out.

`evidence` says which records a claim rests on and which gates they passed, `comparing` and
`counting` have a function for each rule, `ledger` decides all claims, `formats` and `figure` show
them. `questions` says which claims more seeds could decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analysis.claims import figure, formats, questions
from analysis.claims.evidence import Setting
from analysis.claims.ledger import Ledger, decide_all
from analysis.common.operations import CollapseThresholds
from analysis.common.outputs import Outputs
from analysis.common.trials import leave_tuned_out
from bench.claims import blocks
from bench.records.facts import StudyFacts
from bench.records.schema import FinishedRecord
from bench.records.sequential import Question

Study = tuple[StudyFacts, Sequence[FinishedRecord]]
"""A study and its ordered records."""


def make(studies: Sequence[Study], thresholds: CollapseThresholds) -> Outputs:
    """claims.md, .csv and .png; nothing where no claim is about these studies."""
    ledger = decide_studies(studies, thresholds)
    if not ledger.entries:
        return {}
    title = ", ".join(facts.name for facts, _ in studies)
    return {
        "claims.md": formats.format_page(ledger, title),
        "claims.csv": formats.tabulate(ledger),
        "claims.png": figure.draw(ledger),
    }


def make_sentences(studies: Sequence[Study], thresholds: CollapseThresholds) -> dict[str, str]:
    """What other pages take over, by kind of block: a line a claim, and a line a verdict."""
    ledger = decide_studies(studies, thresholds)
    texts = (formats.format_sentences(ledger), formats.format_short(ledger))
    return dict(zip(blocks.KINDS, texts, strict=True))


def decide_studies(studies: Sequence[Study], thresholds: CollapseThresholds) -> Ledger:
    """The ledger of some studies; each data set of each is a setting of its own."""
    settings = [
        setting for facts, records in studies for setting in _split(facts, records, thresholds)
    ]
    own = [
        (facts.name, claim)
        for facts, _ in studies
        for claim in facts.claims
        if not claim.is_of_paper
    ]
    return decide_all(settings, own)


def list_questions(
    facts: StudyFacts, records: Sequence[FinishedRecord], thresholds: CollapseThresholds
) -> list[Question]:
    """The claims that the study names, on each data set, as questions that seeds may decide."""
    settings = _split(facts, records, thresholds)
    return [questions.ask(claim, setting) for setting in settings for claim in facts.claims]


def _split(
    facts: StudyFacts, records: Iterable[FinishedRecord], thresholds: CollapseThresholds
) -> list[Setting]:
    """Records with tuned evaluations are left out: the study's own settings are what is claimed."""
    by_dataset: dict[str, list[FinishedRecord]] = {}
    for record in leave_tuned_out(records):
        by_dataset.setdefault(record.trial.dataset, []).append(record)
    return [Setting(facts, name, own, thresholds) for name, own in by_dataset.items()]
