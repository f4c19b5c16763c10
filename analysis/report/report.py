"""One self-contained HTML page about a study: leaderboard, figures, trials, checklist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.common.trials import Record, StudyFacts, stem
from analysis.leaderboard import files as leaderboard_files
from analysis.leaderboard import table as leaderboard
from analysis.posterior import tables as posterior
from analysis.report import checklist, page
from analysis.report import trials as report_trials
from analysis.report.page import Markup, escape
from bench import files

FIGURES = {
    "ablation.png": "What each variation changes against the base, seed by seed",
    "truth.png": "Known accuracy of what every epoch would have selected",
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


def write(
    folder: Path,
    records: Sequence[Record],
    failed: Sequence[Record],
    facts: StudyFacts,
    study: Mapping[str, Any],
    figures: Sequence[Path],
    tables: Path,
) -> Path:
    """Write report.html.

    `figures`: pictures of the study, drawn cells left out; `tables`: the folder of the posterior
    tables. Cells are looked for in `folder`/cells.
    """
    parts = {
        "Leaderboard": leaderboard_files.body(leaderboard.table(records, facts), records, facts),
        "Figures": _figures(figures),
        "Trials": _trials(folder, records, failed, tables),
        "Checklist": _checklist(records, facts),
    }
    contents = "".join(f'<li><a href="#{_id(title)}">{title}</a></li>' for title in parts)
    body = [_head(study), *(
        f'<section id="{_id(title)}">\n<h2>{title}</h2>\n{text}\n</section>'
        for title, text in parts.items()
    )]  # fmt: skip
    nav = f'<nav aria-label="Contents"><ul>{contents}</ul></nav>\n'
    return files.write(folder / "report.html", page.page(facts.name, "\n".join(body), nav))


def _id(title: str) -> str:
    return title.lower()


def _head(study: Mapping[str, Any]) -> str:
    notes = " ".join(str(study.get("notes") or "").split())
    return f"<p>{escape(notes)}</p>" if notes else ""


def _figures(figures: Sequence[Path]) -> str:
    parts = []
    for path in figures:
        title = FIGURES.get(path.name, path.stem.replace("_", " ").capitalize())
        parts.append(f"<h3>{escape(title)}</h3>\n{report_trials.image(path, title)}")
    return "\n".join(parts) or "<p>There are no figures.</p>"


def _trials(folder: Path, records: Sequence[Record], failed: Sequence[Record], tables: Path) -> str:
    rows = posterior.final(records, tables)
    parts = [report_trials.overview(records)]
    for record in records:
        trial = record["trial"]
        own = rows[(rows["trial"] == trial["id"][:8]) & (rows["method"] == trial["label"])]
        picture = folder / "cells" / f"{stem(record)}.png"
        parts.append(report_trials.section(record, own, picture))
    return "\n".join([*parts, *map(report_trials.failed, failed)])


def _checklist(records: Sequence[Record], facts: StudyFacts) -> str:
    found = checklist.items(records, facts)
    met = sum(item.met for item in found)
    texts = [
        [
            item.group,
            item.practice,
            Markup('<span class="met">met</span>')
            if item.met
            else Markup('<span class="unmet">not met</span>'),
            item.evidence,
        ]
        for item in found
    ]
    headings = [(name, False) for name in ("part", "practice", "verdict", "what the records say")]
    return (
        "<p>Best practices for research on architecture search (Lindauer and Hutter 2019, arXiv "
        f"1909.02453), filled from the records: {met} of {len(found)} met.</p>\n"
        + page.table(headings, texts)
    )
