"""How well each signal of collapse foretold a bad architecture, where accuracies are known.

Spearman's rho and AUROC are over trials, which are independent; a trial's epochs are not. Each
signal has a direction that was fixed beforehand (`SIGNALS`), so an AUROC below 0.5 says that it
points the other way here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.common.files import write_csv
from analysis.common.operations import BOTH
from analysis.common.statistics import summarise
from analysis.common.trials import Record, StudyFacts
from analysis.truth import tables as truth

SIGNALS = {
    "collapsed": 1,
    "parameter_free_share": 1,
    "most_frequent_share": 1,
    "skip_connects": 1,
    "entropy": -1,
    "depth": -1,
    "width": 1,
    "architecture_entropy": -1,
    "discretisation_gap_points": 1,
    "dominant_eigenvalue": 1,
}
"""Signal -> 1 where a high value warns, -1 where a low one does (wide and shallow cells: Shu et
al., arXiv 1909.09569; eigenvalue: Zela et al., arXiv 1909.09656)."""
BAD_BELOW = 50.0
"""A selection is bad when it is better than fewer of the table's cells than this, percent."""
FALSE_ALARMS = 0.1
"""An alarm's threshold: at most this share of the epochs whose selection is not bad raise it."""
FEWEST = 5
"""Trials below which no rho is stated."""
ALL = "all methods"

COLUMNS = (
    "method", "dataset", "table", "signal", "warns_when", "trials", "bad_trials",
    "spearman", "auroc", "trials_half_way", "spearman_half_way", "auroc_half_way",
    "spearman_within_trials", "alarm_at", "false_alarm_share", "turned_bad", "alarmed",
    "lead_epochs", "lead_low_epochs", "lead_high_epochs",
)  # fmt: skip


def write(
    folder: Path,
    final: pd.DataFrame,
    epochs: pd.DataFrame,
    records: Sequence[Record],
    study: StudyFacts,
) -> list[Path]:
    """Write collapse_prediction.csv where accuracies are known along the search; else nothing."""
    known = [record for record in records if truth.is_tabular(record)]
    along = truth.timeline(known)
    if not len(along):
        return []
    made = table(final, epochs, truth.table(known), along)
    return [write_csv(folder / "collapse_prediction.csv", made)]


def table(
    final: pd.DataFrame, epochs: pd.DataFrame, known: pd.DataFrame, along: pd.DataFrame
) -> pd.DataFrame:
    """One row a (method or all of them, data set, data set of the table, signal).

    final, epochs: of `collapse`; known, along: of `truth`. Columns:

    - bad_trials: whose final selection is better than fewer than `BAD_BELOW` % of the cells.
    - spearman: of the signal with the known accuracy of the trials' ends (negative where the
      signal is high and the accuracy low); auroc: how surely the signal tells bad ends from others
      (0.5 is chance), in the direction of `SIGNALS`. What an end lacks is its last epoch's.
    - _half_way: the signal after half of the trial's epochs with the accuracy of its end.
    - spearman_within_trials: mean over trials of rho along their epochs, where both vary.
    - alarm_at: the mildest value of the signal that is reached in at most `FALSE_ALARMS` of the
      epochs (of these trials, so in sample) whose selection is not bad; false_alarm_share is what
      it was. Empty where no value is so.
    - turned_bad: trials whose selection is bad from some epoch to the last one; alarmed: those of
      them that reach alarm_at; lead_epochs: mean over these of that epoch minus the first alarm's
      (positive: warned before), with its 95 % interval over trials.
    """
    trial = ["method", "dataset", "seed", "trial"]
    ends = final[final["cell"] == BOTH].merge(known, on=trial)
    path = epochs[epochs["cell"] == BOTH].merge(along, on=[*trial, "epoch"])
    last = path.sort_values("epoch").groupby([*trial, "table"], as_index=False).last()
    ends = ends.merge(last, on=[*trial, "table"], how="left", suffixes=("", "_last"))
    rows = []
    for (dataset, name), block in ends.groupby(["dataset", "table"], sort=False):
        on = path[(path["dataset"] == dataset) & (path["table"] == name)]
        for method in (ALL, *dict.fromkeys(block["method"])):
            mine = [f if method == ALL else f[f["method"] == method] for f in (block, on)]
            for signal in SIGNALS:
                if mine[0][signal].notna().any() or mine[1][signal].notna().any():
                    place = {"method": method, "dataset": dataset, "table": name}
                    rows.append(place | _row(signal, mine[0], mine[1], trial))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(signal: str, ends: pd.DataFrame, path: pd.DataFrame, trial: list[str]) -> dict[str, Any]:
    at_end = ends.dropna(subset=[signal])
    bad = at_end["percentile"] < BAD_BELOW
    sign = SIGNALS[signal]
    of = path.dropna(subset=[signal])
    half = _half_way(of, trial).merge(ends[[*trial, "accuracy_percent", "percentile"]], on=trial)
    return {
        "signal": signal,
        "warns_when": "high" if sign > 0 else "low",
        "trials": len(at_end),
        "bad_trials": int(bad.sum()),
        "spearman": spearman(at_end[signal], at_end["accuracy_percent"]),
        "auroc": auroc(sign * at_end[signal].astype(float), bad),
        "trials_half_way": len(half),
        "spearman_half_way": spearman(half[signal], half["accuracy_percent"]),
        "auroc_half_way": auroc(sign * half[signal].astype(float), half["percentile"] < BAD_BELOW),
        "spearman_within_trials": _within(of, signal, trial),
    } | _alarms(of.assign(risk=sign * of[signal].astype(float)), trial, sign)


def spearman(one: pd.Series, other: pd.Series) -> float | None:
    """Rank correlation; None below `FEWEST` points and where one of them does not vary."""
    if len(one) < FEWEST or one.nunique() < 2 or other.nunique() < 2:
        return None
    return float(stats.spearmanr(one.astype(float), other.astype(float)).statistic)


def auroc(risk: pd.Series, bad: pd.Series) -> float | None:
    """P(a bad one's risk is above another's), ties half; None where all are of one kind."""
    positives = int(bad.sum())
    negatives = len(bad) - positives
    if not positives or not negatives:
        return None
    ranks = stats.rankdata(risk.to_numpy())[bad.to_numpy()]
    return float((ranks.sum() - positives * (positives + 1) / 2) / (positives * negatives))


def threshold(risk: pd.Series, bad: pd.Series) -> float | None:
    """The lowest risk that at most `FALSE_ALARMS` of the ones that are not bad reach."""
    good = np.sort(risk[~bad].to_numpy(dtype=float))
    for value in np.unique(risk.to_numpy(dtype=float)):
        if (good >= value).sum() <= FALSE_ALARMS * len(good):
            return float(value)
    return None


def turned(bad: Sequence[bool], epochs: Sequence[int]) -> int | None:
    """The epoch from which on everything is bad; None where the last one is not."""
    since = None
    for epoch, is_bad in sorted(zip(epochs, bad, strict=True)):
        since = (since if since is not None else epoch) if is_bad else None
    return since


def _alarms(path: pd.DataFrame, trial: list[str], sign: int) -> dict[str, Any]:
    bad = path["percentile"] < BAD_BELOW
    at = threshold(path["risk"], bad) if len(path) and not bad.all() else None
    leads: list[float] = []
    count = 0
    for _, one in path.groupby(trial, sort=False):
        since = turned(list(one["percentile"] < BAD_BELOW), one["epoch"].tolist())
        if since is None:
            continue
        count += 1
        warned = one.loc[one["risk"] >= (math.inf if at is None else at), "epoch"]
        if len(warned):
            leads.append(float(since - warned.min()))
    found = summarise(leads) if leads else None
    good = path.loc[~bad, "risk"]
    return {
        "alarm_at": None if at is None else sign * at,
        "false_alarm_share": None if at is None else float((good >= at).mean()),
        "turned_bad": count,
        "alarmed": len(leads),
        "lead_epochs": found and found.mean,
        "lead_low_epochs": found and found.low,
        "lead_high_epochs": found and found.high,
    }


def _half_way(path: pd.DataFrame, trial: list[str]) -> pd.DataFrame:
    """Each trial's row after half of its epochs, without what is known of that epoch."""
    at = path.groupby(trial)["epoch"].transform("max") // 2
    return path[path["epoch"] == at].drop(columns=["accuracy_percent", "percentile"])


def _within(path: pd.DataFrame, signal: str, trial: list[str]) -> float | None:
    found = [
        rho
        for _, one in path.groupby(trial, sort=False)
        if (rho := spearman(one[signal], one["accuracy_percent"])) is not None
    ]
    return sum(found) / len(found) if found else None
