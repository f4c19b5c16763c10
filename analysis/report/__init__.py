"""One self-contained web page about a study: leaderboard, figures, trials, checklist."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analysis.common import pages
from analysis.common.outputs import Outputs
from analysis.leaderboard.content import Leaderboard
from analysis.leaderboard.formats import describe
from analysis.posterior.tables import read_final
from analysis.report import checklist, trials
from bench.records.schema import FailedRecord, FinishedRecord

FIGURES = {
    "claims.png": "Claims: what the records say of the papers' and the study's own",
    "ablation.png": "What each variation changes against the base, seed by seed",
    "truth.png": "Known accuracy of what every epoch would have selected",
    "cost.png": "Known accuracy against cost, in trained architectures",
    "alive.png": "Operations alive by epoch",
    "candidates.png": "Candidates with inherited weights: guided against uniform",
    "inheritance.png": "Inherited accuracy against that of training from scratch",
    "collapse.png": "Collapse: which operations each method selects, and how uniform they are",
    "collapse_epochs.png": "Collapse along the search, epoch by epoch",
    "collapse_signals.png": "Signals of collapse along the search: skips, shape, entropy",
    "sparsity.png": "Sparsity: parameters, what the zeroing costs, and where the zeros are",
    "sparsity_path.png": "Accuracy against non-zero parameters, over thresholds",
    "sparsity_cost.png": "What the zeroing saves: parameters, FLOPs, time",
    "posterior.png": "The posterior at the end of the search",
    "posterior_confidence.png": "Does the posterior's confidence predict accuracy?",
}
"""What a figure of the study's folder shows; one that is not here is shown under its name."""


def make(
    records: Sequence[FinishedRecord],
    failed: Sequence[FailedRecord],
    leaderboard: Leaderboard,
    figures: Sequence[Path],
    *,
    cells: Path,
    posteriors: Path,
) -> Outputs:
    """report.html. figures: files, without the drawn cells; cells, posteriors: folders of files."""
    posterior = read_final(records, posteriors)
    titles = [FIGURES.get(path.name, path.stem.replace("_", " ").capitalize()) for path in figures]
    page = pages.render(
        "report/page.html.j2",
        title=leaderboard.facts.name,
        study_notes=" ".join(leaderboard.facts.notes.split()),
        leaderboard=describe(leaderboard),
        figures=list(zip(titles, map(trials.embed, figures), strict=True)),
        overview=trials.tabulate(records),
        sections=[trials.describe(record, posterior, cells) for record in records],
        failures=[trials.describe_failure(record) for record in failed],
        items=checklist.check(records),
    )
    return {"report.html": page}
