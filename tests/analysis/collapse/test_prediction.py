"""How well signals foretell bad architectures: AUROC, thresholds and lead times by hand."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from analysis.collapse import prediction


def test_auroc_by_hand() -> None:
    bad = pd.Series([True, False, True, False])
    assert prediction.auroc(pd.Series([4.0, 1.0, 3.0, 2.0]), bad) == 1
    assert prediction.auroc(pd.Series([1.0, 4.0, 2.0, 3.0]), bad) == 0
    assert prediction.auroc(pd.Series([1.0, 1.0, 1.0, 1.0]), bad) == 0.5
    # pairs (bad, good): (2, 1) right, (2, 2) tied, (0, 1) and (0, 2) wrong
    assert prediction.auroc(pd.Series([2.0, 1.0, 0.0, 2.0]), bad) == pytest.approx(1.5 / 4)
    assert prediction.auroc(pd.Series([1.0, 2.0]), pd.Series([True, True])) is None


def test_when_a_search_turned_bad() -> None:
    assert prediction.find_turn([False, True, False, True, True], [1, 2, 3, 4, 5]) == 4
    assert prediction.find_turn([True, True], [2, 1]) == 1
    assert prediction.find_turn([True, False], [1, 2]) is None


def test_the_alarm_is_the_mildest_with_few_false_ones() -> None:
    risk = pd.Series([float(value) for value in range(20)] + [18.5])
    bad = pd.Series([False] * 20 + [True])
    # two of the twenty, 18 and 19, may alarm
    assert prediction.find_threshold(risk, bad) == 18
    # three share the highest value: at most two may, so nothing can be an alarm
    assert (
        prediction.find_threshold(pd.Series([0.0] * 17 + [1.0] * 3), pd.Series([False] * 20))
        is None
    )


def trial(
    seed: int, shares: list[float], percentiles: list[float], method: str = "darts", end: str = ""
) -> list[list[dict[str, Any]]]:
    """Rows of collapse.csv, collapse_epochs.csv, truth.csv and truth_epochs.csv.

    end: the genotype at the end, else one of its own.
    """
    who = {"method": method, "dataset": "d", "seed": seed, "trial": f"{method}{seed}"}

    def signals(share: float) -> dict[str, Any]:
        rest = dict.fromkeys(prediction.SIGNALS, math.nan)
        return {"cell": "both"} | rest | {"parameter_free_share": share}

    def known(percentile: float) -> dict[str, Any]:
        return {"table": "t", "percentile": percentile, "accuracy_percent": 90 + percentile / 100}

    final = {k: v for k, v in signals(shares[-1]).items() if k != "architecture_entropy"}
    return [
        [who | final | {"genotype": end or str(seed)}],
        [who | {"epoch": e} | signals(share) for e, share in enumerate(shares, 1)],
        [who | known(percentiles[-1])],
        [who | {"epoch": e} | known(value) for e, value in enumerate(percentiles, 1)],
    ]


def test_the_table_by_hand() -> None:
    trials = [
        trial(0, [0.1, 0.8, 0.9, 1.0], [90, 80, 80, 10]),  # warned two epochs before
        trial(1, [0.0, 0.3, 0.8, 0.9], [90, 40, 30, 20]),  # warned one after
        trial(2, [0.0, 0.1, 0.2, 0.2], [60, 70, 80, 90]),
        trial(3, [0.1, 0.2, 0.3, 0.3], [60, 70, 80, 80]),
        trial(4, [0.0, 0.1, 0.1, 0.4], [60, 70, 80, 70]),
        trial(5, [0.0, 0.1, 0.1, 0.5], [60, 70, 80, 60]),
    ]
    frames = [pd.DataFrame([row for one in trials for row in one[part]]) for part in range(4)]
    table = prediction.tabulate(*frames).set_index(["method", "signal"])
    row = table.loc[("darts", "parameter_free_share")]
    assert (row["trials"], row["bad_trials"], row["auroc"]) == (6, 2, 1)
    assert row["spearman"] == pytest.approx(-1)
    assert row["auroc_half_way"] == pytest.approx(1)
    # 20 epochs are not bad, so two may alarm: 0.8 and 0.9 of trial 0
    assert row["alarm_at"] == pytest.approx(0.8)
    assert row["false_alarm_share"] == pytest.approx(2 / 20)
    assert (row["turned_bad"], row["alarmed"]) == (2, 2)
    assert row["lead_epochs"] == pytest.approx((2 - 1) / 2)
    assert list(table.index.levels[0]) == ["darts", "within methods"]
    assert set(table.index.get_level_values("signal")) == {"parameter_free_share"}


def tabulate(trials: list[list[list[dict[str, Any]]]]) -> pd.DataFrame:
    frames = [pd.DataFrame([row for one in trials for row in one[part]]) for part in range(4)]
    return prediction.tabulate(*frames).set_index(["method", "signal"])


def test_signals_are_judged_within_methods() -> None:
    """Each method's signal says nothing, but a method with a high one is bad: 0.5, not more."""
    ends = {"good": (0.1, [90, 90, 90, 10]), "bad": (0.9, [10, 10, 10, 90])}
    trials = [
        trial(seed, [share], [percentile], method)
        for method, (share, percentiles) in ends.items()
        for seed, percentile in enumerate(percentiles)
    ]
    row = tabulate(trials).loc[("within methods", "parameter_free_share")]
    assert row["auroc"] == 0.5
    assert (row["methods"], row["trials"], row["bad_trials"]) == (2, 8, 4)


def test_the_mean_over_methods_is_of_those_that_have_an_auroc() -> None:
    trials = [
        *(trial(s, [v], [p], "a") for s, (v, p) in enumerate([(0.9, 10), (0.1, 90)])),
        *(trial(s, [v], [p], "b") for s, (v, p) in enumerate([(0.5, 10), (0.5, 90)])),
        *(trial(s, [v], [p], "c") for s, (v, p) in enumerate([(0.2, 80), (0.5, 90)])),
    ]
    row = tabulate(trials).loc[("within methods", "parameter_free_share")]
    assert row["auroc"] == pytest.approx((1 + 0.5) / 2) and row["methods"] == 2


def test_one_architecture_found_many_times_counts_once() -> None:
    trials = [trial(0, [0.9], [10]), *(trial(n, [0.8], [90], end="same") for n in range(1, 8))]
    row = tabulate(trials).loc[("darts", "parameter_free_share")]
    assert (row["trials"], row["bad_trials"], row["trials_half_way"]) == (2, 1, 0)
