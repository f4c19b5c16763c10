"""How well each signal of collapse foretold a bad architecture, where accuracies are known.

Signals are judged within methods: between methods both the signal and the accuracy differ for
other reasons. Of trials of a method that ended with the same architecture the first alone counts,
as the others are no further evidence.

Spearman's rho and AUROC are over trials, which are independent; a trial's epochs are not. Each
signal has a direction that was fixed beforehand (`SIGNALS`), so an AUROC below 0.5 says that it
points the other way here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.common.intervals import summarise
from analysis.common.operations import BOTH
from analysis.common.rank_statistics import spearman
from analysis.common.trials import TRIAL_COLUMNS

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
WITHIN = "within methods"
"""What a row is called that has the means over methods."""
TRIAL = list(TRIAL_COLUMNS)

COLUMNS = (
    "method", "dataset", "table", "signal", "warns_when", "methods", "trials", "bad_trials",
    "spearman", "auroc", "trials_half_way", "spearman_half_way", "auroc_half_way",
    "spearman_within_trials", "alarm_at", "false_alarm_share", "turned_bad", "alarmed",
    "lead_epochs", "lead_low_epochs", "lead_high_epochs",
)  # fmt: skip


def tabulate(
    final: pd.DataFrame, epochs: pd.DataFrame, known: pd.DataFrame, known_epochs: pd.DataFrame
) -> pd.DataFrame:
    """One row per (method, data set, data set of the table, signal); the columns are `COLUMNS`.

    In the rows of method `WITHIN` are means over methods (of correlations and AUROCs, where they
    can be stated) and sums (of trials). final, epochs: of `analysis.collapse.tables`; known,
    known_epochs: of `analysis.common.known_accuracies`. Columns:

    - methods: those of which an AUROC can be stated, as some of its ends are bad and some are not.
    - trials: with different architectures at their ends.
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
    ends = final[final["cell"] == BOTH].merge(known, on=TRIAL)
    ends = ends.drop_duplicates(["method", "dataset", "table", "genotype"])
    path = epochs[epochs["cell"] == BOTH].merge(known_epochs, on=[*TRIAL, "epoch"])
    path = path.merge(ends[[*TRIAL, "table"]], on=[*TRIAL, "table"])
    last = path.sort_values("epoch").groupby([*TRIAL, "table"], as_index=False).last()
    ends = ends.merge(last, on=[*TRIAL, "table"], how="left", suffixes=("", "_last"))
    rows = []
    for (dataset, name), block in ends.groupby(["dataset", "table"], sort=False):
        along = path[(path["dataset"] == dataset) & (path["table"] == name)]
        for signal in SIGNALS:
            place = {"dataset": dataset, "table": name, "signal": signal}
            judged = []
            for method, own in block.groupby("method", sort=False):
                own_path = along[along["method"] == method]
                if own[signal].notna().any() or own_path[signal].notna().any():
                    judged.append({"method": method} | place | _judge(signal, own, own_path))
            if judged:
                rows += [{"method": WITHIN} | place | _average(judged), *judged]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _average(judged: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Means and sums over methods."""
    sums = ("methods", "trials", "bad_trials", "trials_half_way", "turned_bad", "alarmed")
    means = ("spearman", "auroc", "spearman_half_way", "auroc_half_way", "spearman_within_trials")
    values: dict[str, Any] = {"warns_when": judged[0]["warns_when"]}
    values |= {name: sum(row[name] for row in judged) for name in sums}
    for name in means:
        stated = [row[name] for row in judged if row[name] is not None]
        values[name] = sum(stated) / len(stated) if stated else None
    return values


def _judge(signal: str, ends: pd.DataFrame, path: pd.DataFrame) -> dict[str, Any]:
    """How well one signal foretold, from the trials' ends and from their epochs."""
    at_end = ends.dropna(subset=[signal])
    bad = at_end["percentile"] < BAD_BELOW
    sign = SIGNALS[signal]
    path = path.dropna(subset=[signal])
    half = _half_way(path).merge(ends[[*TRIAL, "accuracy_percent", "percentile"]], on=TRIAL)
    area = auroc(sign * at_end[signal].astype(float), bad)
    return {
        "warns_when": "high" if sign > 0 else "low",
        "methods": int(area is not None),
        "trials": len(at_end),
        "bad_trials": int(bad.sum()),
        "spearman": spearman(at_end[signal], at_end["accuracy_percent"]),
        "auroc": area,
        "trials_half_way": len(half),
        "spearman_half_way": spearman(half[signal], half["accuracy_percent"]),
        "auroc_half_way": auroc(sign * half[signal].astype(float), half["percentile"] < BAD_BELOW),
        "spearman_within_trials": _correlate_within(path, signal),
    } | _raise_alarms(path.assign(risk=sign * path[signal].astype(float)), sign)


def auroc(risk: pd.Series, bad: pd.Series) -> float | None:
    """P(a bad one's risk is above another's), ties half; None where all are of one kind."""
    positives = int(bad.sum())
    negatives = len(bad) - positives
    if not positives or not negatives:
        return None
    ranks = risk.rank()[bad]
    return float((ranks.sum() - positives * (positives + 1) / 2) / (positives * negatives))


def find_threshold(risk: pd.Series, bad: pd.Series) -> float | None:
    """The lowest risk that at most `FALSE_ALARMS` of the ones that are not bad reach."""
    good = np.sort(risk[~bad].to_numpy(dtype=float))
    for value in np.unique(risk.to_numpy(dtype=float)):
        if (good >= value).sum() <= FALSE_ALARMS * len(good):
            return float(value)
    return None


def find_turn(bad: Sequence[bool], epochs: Sequence[int]) -> int | None:
    """The epoch from which on everything is bad; None where the last one is not."""
    since = None
    for epoch, is_bad in sorted(zip(epochs, bad, strict=True)):
        since = (since if since is not None else epoch) if is_bad else None
    return since


def _raise_alarms(path: pd.DataFrame, sign: int) -> dict[str, Any]:
    """Which trials turned bad, and how long before that the signal passed its threshold."""
    bad = path["percentile"] < BAD_BELOW
    alarm_at = find_threshold(path["risk"], bad) if len(path) and not bad.all() else None
    leads: list[float] = []
    turned_bad = 0
    for _, trial in path.groupby(TRIAL, sort=False):
        turn = find_turn(list(trial["percentile"] < BAD_BELOW), trial["epoch"].tolist())
        if turn is None:
            continue
        turned_bad += 1
        threshold = math.inf if alarm_at is None else alarm_at
        warned = trial.loc[trial["risk"] >= threshold, "epoch"]
        if len(warned):
            leads.append(float(turn - warned.min()))
    lead = summarise(leads) if leads else None
    good = path.loc[~bad, "risk"]
    return {
        "alarm_at": None if alarm_at is None else sign * alarm_at,
        "false_alarm_share": None if alarm_at is None else float((good >= alarm_at).mean()),
        "turned_bad": turned_bad,
        "alarmed": len(leads),
        "lead_epochs": lead and lead.mean,
        "lead_low_epochs": lead and lead.low,
        "lead_high_epochs": lead and lead.high,
    }


def _half_way(path: pd.DataFrame) -> pd.DataFrame:
    """Each trial's row after half of its epochs, without what is known of that epoch."""
    half = path.groupby(TRIAL)["epoch"].transform("max") // 2
    return path[path["epoch"] == half].drop(columns=["accuracy_percent", "percentile"])


def _correlate_within(path: pd.DataFrame, signal: str) -> float | None:
    """The mean over trials of rho along their epochs, of those where it can be stated."""
    correlations = [
        rho
        for _, trial in path.groupby(TRIAL, sort=False)
        if (rho := spearman(trial[signal], trial["accuracy_percent"])) is not None
    ]
    return sum(correlations) / len(correlations) if correlations else None
