"""The page about uncertainty: tables by data set, what they say, and how they were made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from analysis.common import text
from analysis.common.intervals import FEWEST_SEEDS, FEWEST_VALUES
from analysis.common.text import Note
from analysis.uncertainty.table import CORRUPTED, MEASURES, TEST
from bench.records.schema import FinishedRecord

_NAMES = ("method", "predicting", "passes", "trainings")
_ON_TEST = (
    "accuracy_percent", "nll", "brier", "ece_percent", "ece_debiased_percent",
    "selective_80_percent", "selective_90_percent", "selective_95_percent", "aurc_percent",
)  # fmt: skip
_OUTSIDE = (
    "probability_auroc", "probability_fpr95_percent", "entropy_auroc", "entropy_fpr95_percent",
)  # fmt: skip
_ON_CORRUPTED = ("accuracy_percent", "nll", "brier", "ece_percent", "ece_debiased_percent")
_COMPARED = {"nll": "NLL", "ece_percent": "ECE in percent", "probability_auroc": "AUROC"}


def format_page(means: pd.DataFrame, records: Sequence[FinishedRecord]) -> str:
    """uncertainty.md, from the rows of `analysis.uncertainty.table.average` and the records."""
    lines = text.format_heading("Uncertainty of predictions")
    for dataset, rows in means.groupby("dataset", sort=False):
        test = rows[rows["images"] == TEST]
        corrupted = rows[rows["images"] == CORRUPTED]
        lines += [f"## {text.escape(dataset)}", "", _compare(test), ""]
        lines += [f"Test images (mean, {_INTERVAL}):", "", *_format(test, _ON_TEST), ""]
        outside = _name_outside(records, str(dataset))
        if outside and test[list(_OUTSIDE)].notna().any().any():
            lines += [f"Images of {outside}, told from the test images:", ""]
            lines += [*_format(test, _OUTSIDE), ""]
        if len(corrupted):
            lines += ["Corrupted test images, the mean over corruptions at a strength:", ""]
            lines += [*_format(corrupted, _ON_CORRUPTED, strength=True), ""]
    return "\n".join([*lines, *text.format_notes(_explain(means, records)), ""])


_INTERVAL = "95 % interval over seeds"


def _format(rows: pd.DataFrame, columns: Sequence[str], strength: bool = False) -> list[str]:
    """A Markdown table with a row per method and way, and per strength where there are several."""
    names = [*_NAMES, *(["strength"] if strength else [])]
    headings = [*names, *(MEASURES[name].heading for name in columns), "seeds"]
    cells = []
    for row in rows.to_dict("records"):
        first = [row["method"], row["predicting"], f"{row['passes']:g}", f"{row['trainings']:g}"]
        first += [str(row["strength"])] if strength else []
        cells.append([*first, *(_show(row, name) for name in columns), str(row["seeds"])])
    numeric = [False, False, *[True] * (len(headings) - 2)]
    return text.format_table(headings, numeric, cells)


def _show(row: dict[Any, Any], name: str) -> str:
    """mean (low to high); nothing where it was not measured, no interval where there is none."""
    digits = 2 if name.endswith("_percent") else 4
    if pd.isna(row[name]):
        return ""
    mean = f"{row[name]:.{digits}f}"
    if pd.isna(row[f"{name}_low"]):
        return mean
    return f"{mean} ({row[f'{name}_low']:.{digits}f} to {row[f'{name}_high']:.{digits}f})"


def _compare(test: pd.DataFrame) -> str:
    """A paragraph: of each method, what averaging does to its NLL, calibration and detection."""
    sentences = []
    for method, rows in test.groupby("method", sort=False):
        ways = {row["predicting"]: row for row in rows.to_dict("records")}
        parts = []
        for name, words in _COMPARED.items():
            values = [
                f"{way} {row[name]:.{2 if name.endswith('_percent') else 4}f}"
                for way, row in ways.items()
                if not pd.isna(row[name])
            ]
            if values:
                parts.append(f"{words} {', '.join(values)}")
        seeds = ways[next(iter(ways))]["seeds"]
        count = f"{seeds} seed{'s' * (seeds != 1)}"
        sentences.append(f"{text.escape(method)} ({count}): {'; '.join(parts)}.")
    return " ".join(sentences)


def _explain(means: pd.DataFrame, records: Sequence[FinishedRecord]) -> Iterator[Note]:
    yield Note(
        "Deterministic: the trained network as the leaderboard has it, of Gaussian weights by their"
        " means. Draws: probabilities averaged over draws of all Gaussian weights, dead ones zero,"
        " with batch statistics of draws. Ensemble: probabilities averaged over networks of the"
        " same cell that differ in their seed alone. Draws and ensemble take the same number of"
        " forward passes for an image; an ensemble also takes as many trainings."
    )
    without = [
        method
        for method, rows in means.groupby("method", sort=False)
        if "draws" not in set(rows["predicting"])
    ]
    if without:
        names = text.join_names([text.escape(name) for name in without])
        yield Note(f"No draws: the networks of {names} have no Gaussian weights.")
    yield Note(
        "NLL is the mean negative log-likelihood of a label, the Brier score the squared distance"
        " of the probabilities to the label (0 to 2). ECE has 15 bins of equal width. The"
        " debiased ECE is the root of the squared calibration error over 15 bins of equally many"
        " images, less what chance alone adds to it (Kumar, Liang and Ma 2019); 0 where nothing is"
        " left: compare it between rows, not with the ECE beside it. Accuracy at 90 % is that on"
        " the 90 % of the images of which the network is most confident; AURC is the mean error"
        " over all such shares."
    )
    yield Note(
        "AUROC is the probability that a test image has a larger top probability (or a smaller"
        " entropy) than an outside one, 0.5 is chance; FPR95 is the share of outside images that"
        " pass where 95 % of the test images do."
    )
    for dataset in dict.fromkeys(means["dataset"]):
        for change in _list_changes(records, str(dataset)):
            yield Note(f"Outside images of {text.escape(dataset)}: {text.escape(change)}.")
    yield Note(
        f"Intervals are those of the leaderboard ({_INTERVAL}; with fewer than {FEWEST_SEEDS} seeds"
        f" too few for a verdict, with fewer than {FEWEST_VALUES} none is given). Verdicts on ways"
        " of predicting are in claims.md, where a study claims something of them."
    )


def _list_outside(records: Sequence[FinishedRecord], dataset: str) -> list[Any]:
    own = [one.evaluation.uncertainty for one in records if one.trial.dataset == dataset]
    return [one.outside for one in own if one is not None and one.outside is not None]


def _name_outside(records: Sequence[FinishedRecord], dataset: str) -> str:
    names = dict.fromkeys(outside.name for outside in _list_outside(records, dataset))
    return text.join_names([text.escape(name) for name in names])


def _list_changes(records: Sequence[FinishedRecord], dataset: str) -> list[str]:
    return list(
        dict.fromkeys(
            f"{outside.images:,} of {'; '.join([outside.name, *outside.changes])}"
            for outside in _list_outside(records, dataset)
        )
    )
