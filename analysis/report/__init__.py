"""One self-contained web page about a study, and one about all of them (`index`).

The study's page has what its claims came to, accuracies and costs, the leaderboard, figures, trials
and a checklist.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from analysis import cells, depth
from analysis.claims.formats import justify
from analysis.claims.ledger import Entry, Ledger
from analysis.common import pages
from analysis.common.outputs import Outputs
from analysis.common.plots import Looks
from analysis.common.trials import average_accuracy, leave_tuned_out, name_accuracy
from analysis.leaderboard.content import Leaderboard
from analysis.leaderboard.formats import describe
from analysis.posterior.tables import read_final
from analysis.report import charts, checklist, trials
from bench.records.schema import FailedRecord, FinishedRecord

FIGURES = {
    "claims.png": "Claims: what the records say of the papers' and the study's own",
    "ablation.png": "What each variation changes against the base, seed by seed",
    "truth.png": "Known accuracy of what every epoch would have selected",
    "cost.png": "Known accuracy against cost, in trained architectures",
    "uncertainty.png": "How sure networks are of corrupted images, by way of predicting",
    "depth.png": "Does the ranking in small networks hold in deeper or wider ones?",
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

_LEFT_OUT = (
    "Cells and histories are shown of each method's first seeds, those of the folder cells/; the"
    " folder records/ has them all."
)


def make(
    records: Sequence[FinishedRecord],
    failed: Sequence[FailedRecord],
    leaderboard: Leaderboard,
    ledger: Ledger,
    figures: Sequence[Path],
    *,
    posteriors: Path,
) -> Outputs:
    """report.html, with cells and histories of the trials that `cells.choose` chooses.

    figures: files, without the drawn cells; posteriors: the folder of the posterior tables.
    """
    looks = Looks.choose(records, leaderboard.facts)
    posterior = read_final(records, posteriors)
    titles = [FIGURES.get(path.name, path.stem.replace("_", " ").capitalize()) for path in figures]
    values = {
        "title": leaderboard.facts.name,
        "study_notes": " ".join(leaderboard.facts.notes.split()),
        "claims": [_describe_claim(entry) for entry in ledger.entries],
        "depth": depth.describe(leave_tuned_out(records)),
        "plots": _draw_plots(records, leaderboard, looks),
        "height": charts.HEIGHT,
        "cell": _draw_best(records, leaderboard, looks),
        "leaderboard": describe(leaderboard),
        "figures": list(zip(titles, map(trials.embed, figures), strict=True)),
        "overview": trials.tabulate(records),
        "failures": [trials.describe_failure(record) for record in failed],
        "items": checklist.check(records),
    }
    drawn = {record.trial.stem for record in cells.choose(records)}
    sections = [
        trials.describe(record, posterior, looks, is_whole=record.trial.stem in drawn)
        for record in records
    ]
    trials.say_once(sections)
    left_out = _LEFT_OUT if len(drawn) < len(records) else ""
    page = pages.render("report/page.html.j2", **values, sections=sections, left_out=left_out)
    return {"report.html": page}


def _describe_claim(entry: Entry) -> dict[str, str]:
    claim = entry.claim
    return {
        "verdict": str(entry.verdict),
        "sentence": claim.sentence,
        "source": claim.source,
        "basis": justify(entry),
    }


def _draw_plots(
    records: Sequence[FinishedRecord], leaderboard: Leaderboard, looks: Looks
) -> list[tuple[str, charts.Dots, charts.Scatter | None]]:
    """For each data set: accuracies with intervals, and accuracy against cost."""
    accuracy = name_accuracy(records)
    asking = sorted({one.trial.label for one in records if one.selection.asks})
    points = pd.DataFrame(
        {
            "method": record.trial.label,
            "dataset": record.trial.dataset,
            "evaluation": "tuned" if record.is_tuned else "default",
            "seed": record.trial.seed,
            "accuracy_percent": average_accuracy(record),
            "failed": looks.has_failed(record),
        }
        for record in records
    )
    return [
        (
            str(dataset),
            charts.make_dots(rows, points[points["dataset"] == dataset], accuracy, looks),
            charts.make_scatter(rows, accuracy, looks, asking),
        )
        for dataset, rows in leaderboard.rows.groupby("dataset", sort=False)
    ]


def _draw_best(records: Sequence[FinishedRecord], leaderboard: Leaderboard, looks: Looks) -> str:
    """The drawn cell of the best trial of the method that ranks first on the first data set.

    Of those whose search learned, where there are any.
    """
    rows = leaderboard.rows
    if not len(rows):
        return ""
    first = rows.iloc[0]
    own = [
        record
        for record in records
        if (record.trial.label, record.trial.dataset) == (first["method"], first["dataset"])
    ]
    best = max(own, key=lambda one: (not looks.has_failed(one), average_accuracy(one)))
    return trials.embed_figure(cells.picture(best, looks))
