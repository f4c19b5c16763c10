"""The first page of all results: a card per study, who was measured where, an overall ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.claims.ledger import Ledger
from analysis.claims.outcome import ClaimVerdict
from analysis.common import pages
from analysis.common.outputs import Outputs
from analysis.common.pages import HtmlTable
from analysis.leaderboard.content import Leaderboard

PAGES = {"report": "report.html", "leaderboard": "leaderboard.md", "claims": "claims.md"}
"""What a card links to, in the study's folder."""
RANKING = ("method", "settings", "beats, % of the others", "lowest", "highest")


@dataclass(frozen=True)
class Study:
    """What the first page knows of a study; folder: its name, files: those that are in it.

    leaderboard: without tuned evaluations.
    """

    folder: str
    leaderboard: Leaderboard
    ledger: Ledger
    files: Sequence[str]


def make(studies: Sequence[Study]) -> Outputs:
    """index.html, a function of the records alone; the studies are shown by name."""
    ordered = sorted(studies, key=lambda study: study.folder)
    rows = _join_rows(ordered)
    page = pages.render(
        "report/index.html.j2",
        title="Results",
        cards=[_describe(study) for study in ordered],
        matrix=_tabulate_matrix(rows) if len(rows) else None,
        ranking=_show_ranking(rank_overall(rows)) if len(rows) else None,
    )
    return {"index.html": page}


def _join_rows(studies: Sequence[Study]) -> pd.DataFrame:
    """The rows of all leaderboards, with their setting's name.

    Ablations are left out: names of variations mean something in their own study only.
    """
    boards = [(study.folder, study.leaderboard) for study in studies]
    tables = [(folder, board.rows) for folder, board in boards if not board.facts.variations]
    parts = [rows.assign(setting=f"{folder}, " + rows["dataset"]) for folder, rows in tables]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def rank_overall(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per method: the share of a setting's other methods that it beats, on average.

    rows: of leaderboards, with `setting`. Columns: method, settings, share, low, high (percent),
    the best first. low and high average what the ends of the rank's intervals say. A method whose
    searches failed to train in a setting has no rank there, and that setting does not count for it.
    """
    shares = []
    for _, block in rows[rows["rank"].notna()].groupby("setting", sort=False):
        others = len(block) - 1
        if others:
            scaled = {
                name: 100 * (len(block) - block[column].astype(float)) / others
                for name, column in (("share", "rank"), ("low", "rank_high"), ("high", "rank_low"))
            }
            shares.append(block[["method"]].assign(**scaled))
    if not shares:
        return pd.DataFrame(columns=["method", "settings", "share", "low", "high"])
    whole = pd.concat(shares).groupby("method")
    means = whole[["share", "low", "high"]].mean()
    means.insert(0, "settings", whole.size())
    ordered = means.reset_index().sort_values(["share", "method"], ascending=[False, True])
    return ordered.reset_index(drop=True)


def _show_ranking(ranking: pd.DataFrame) -> HtmlTable:
    keys = ranking.to_numpy().tolist()
    texts = [
        [str(method), f"{settings}", *(f"{value:.0f}" for value in values)]
        for method, settings, *values in keys
    ]
    return HtmlTable([(name, name != "method") for name in RANKING], texts, keys)


def _tabulate_matrix(rows: pd.DataFrame) -> HtmlTable:
    """Mean accuracies with the intervals of their ranks: a row per method, a column per setting."""
    settings = list(dict.fromkeys(rows["setting"]))
    known = {(row["method"], row["setting"]): row for row in rows.to_dict("records")}
    texts, keys = [], []
    for method in sorted(set(rows["method"])):
        cells = [known.get((method, setting)) for setting in settings]
        texts.append([method, *(_show(cell) for cell in cells)])
        keys.append([method, *(cell and cell["test_accuracy_percent"] for cell in cells)])
    return HtmlTable([("method", False), *((name, True) for name in settings)], texts, keys)


def _show(cell: dict[Any, Any] | None) -> str:
    if cell is None:
        return ""
    mean = f"{cell['test_accuracy_percent']:.2f} %"
    if pd.isna(cell["rank"]):
        return f"{mean} (search failed)"
    return f"{mean} (rank {cell['rank_low']} to {cell['rank_high']})"


def _describe(study: Study) -> dict[str, Any]:
    """What a card says."""
    facts, rows = study.leaderboard.facts, study.leaderboard.rows
    counts = {
        str(verdict): sum(entry.verdict is verdict for entry in study.ledger.entries)
        for verdict in ClaimVerdict
    }
    ranked = rows[rows["rank"].eq(1).fillna(False)]
    firsts = [
        f"{row['method']} {row['test_accuracy_percent']:.2f} % on {row['dataset']}"
        for row in ranked.to_dict("records")
    ]
    return {
        "name": facts.name,
        "description": facts.description,
        "gate": facts.gate,
        "size": _describe_size(rows) if len(rows) else "no finished trial",
        "first": "; ".join(firsts),
        "claims": ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count),
        "links": {
            name: f"{study.folder}/{file}" for name, file in PAGES.items() if file in study.files
        },
    }  # fmt: skip


def _describe_size(rows: pd.DataFrame) -> str:
    counts = {
        "method": int(rows["method"].nunique()),
        "data set": int(rows["dataset"].nunique()),
        "seed": int(rows["seeds"].max()),
    }
    methods, datasets, seeds = (f"{n} {name}{'s' * (n != 1)}" for name, n in counts.items())
    return f"{methods}, {datasets}, up to {seeds}"
