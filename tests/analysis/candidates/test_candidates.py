"""Candidates' accuracies and rank correlations, from records."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats
from support import axes as read
from support import synthetic

from analysis import candidates
from analysis.candidates import figures
from analysis.candidates.table import bootstrap_spearman, correlate, tabulate
from analysis.common.plots import Looks
from analysis.common.rank_statistics import ceiling, reliability
from bench.records.schema import FinishedRecord

INHERITED = {"guided": [0.7, 0.8, 0.75, 0.9], "uniform": [0.1, 0.3, 0.2, 0.2]}
RETRAINED = {"guided": [0.9, 0.92, 0.91], "uniform": [0.6, 0.5, 0.55]}
LOOKS = Looks(("darts", "pgnas"))


def record(**selection: Any) -> FinishedRecord:
    kinds = {
        kind: {"mean": 0.0, "std": 0.0, "best": 0.0, "accuracies": values}
        for kind, values in INHERITED.items()
    }
    return synthetic.record("pgnas", epochs=3, changes={"selection": kinds | selection})


def test_one_row_per_candidate() -> None:
    rows = tabulate([record(retrained=RETRAINED), synthetic.record("darts", epochs=3)])
    assert list(rows["drawn"]) == ["guided"] * 4 + ["uniform"] * 4
    assert rows["inherited_percent"].to_list() == pytest.approx([70, 80, 75, 90, 10, 30, 20, 20])
    again = rows["retrained_percent"]
    assert again.to_list()[:3] == pytest.approx([90, 92, 91])
    assert again.isna().to_list() == [False, False, False, True] * 2  # the fourth was not trained


def test_rank_correlations_by_kind_and_together() -> None:
    correlations = correlate([record(retrained=RETRAINED)]).set_index("drawn")
    assert correlations["candidates"].to_dict() == {"guided": 3, "uniform": 3, "both": 6}
    assert correlations.loc["guided", "spearman"] == pytest.approx(1)
    assert correlations.loc["uniform", "spearman"] == pytest.approx(-1)
    x = INHERITED["guided"][:3] + INHERITED["uniform"][:3]
    y = RETRAINED["guided"] + RETRAINED["uniform"]
    assert correlations.loc["both", "spearman"] == pytest.approx(stats.spearmanr(x, y).statistic)
    both = correlations.loc["both"]
    assert both["low"] <= both["spearman"] <= both["high"]
    assert correlations["low"].isna().to_dict() == {"guided": True, "uniform": True, "both": False}


def test_several_trainings_are_averaged_and_give_a_ceiling() -> None:
    retrained = {
        "guided": [[0.9, 0.8], [0.92, 0.86], [0.91, 0.81]],
        "uniform": [[0.6, 0.7], [0.5, 0.6], [0.55, 0.65], [0.4, 0.5]],
    }
    made = [record(retrained=retrained)]
    rows = tabulate(made)
    assert rows["trainings"].to_list() == [2, 2, 2, 0, 2, 2, 2, 2]
    assert rows["retrained_percent"][0] == pytest.approx(85)
    assert np.isnan(rows["retrained_percent"][3])
    found = correlate(made).set_index("drawn")
    trainings = [own for values in retrained.values() for own in values if own]
    assert found.loc["both", "ceiling"] == pytest.approx(ceiling(reliability(trainings)))
    assert found["ceiling"].isna().to_dict() == {"guided": True, "uniform": True, "both": False}
    (axes,) = read.shown(figures.draw_inheritance(rows, correlate(made), LOOKS))
    assert ", ceiling 1.00)" in axes.get_title()


def test_a_table_that_lacks_some_candidates_has_none() -> None:
    retrained = {"guided": [[0.9, 0.8], [], [0.91, 0.81], []], "uniform": [[0.6], [0.5], [0.4]]}
    made = [record(retrained=retrained)]
    assert tabulate(made)["trainings"].to_list() == [0] * 8
    assert not len(correlate(made))


def test_spearman_with_ties_and_its_interval() -> None:
    generator = np.random.default_rng(1)
    x = generator.integers(6, size=60).astype(float)
    y = x + generator.integers(6, size=60)
    value, low, high = bootstrap_spearman(x, y)
    assert value == pytest.approx(stats.spearmanr(x, y).statistic)
    error = 1 / np.sqrt(60 - 3)  # Fisher's z, roughly right for ranks
    bounds = np.tanh(np.arctanh(value) + np.array([-1.96, 1.96]) * error)
    assert [low, high] == pytest.approx(bounds, abs=0.1)


@pytest.mark.parametrize("count", [3, 5, 6])
def test_few_candidates_have_no_interval(count: int) -> None:
    """Of three, every third order by chance is the perfect one, and so are its resamples."""
    value, *ends = bootstrap_spearman(np.arange(count), np.arange(count))
    assert value == pytest.approx(1) and np.isnan(ends).all() == (count < 6)


def test_no_correlation_where_nothing_varies() -> None:
    assert np.isnan(bootstrap_spearman(np.ones(5), np.arange(5.0))).all()


def test_the_distribution_shows_shares_in_bins_and_each_trials_mean_and_spread() -> None:
    left, right = figures.draw_distribution(tabulate([record()]), LOOKS).axes
    assert left.get_title(loc="left") == "pgnas on digits"
    assert left.get_legend_handles_labels()[1] == ["guided", "uniform"]
    for kind, patch in zip(INHERITED, left.patches, strict=True):
        heights = patch.get_xy()[:, 1]
        assert heights.max() in (25.0, 50.0), kind  # each candidate is a quarter of its kind
    assert read.rows(right) == ["seed 0"]
    spread, mean = (line.get_xdata() for line in right.get_lines()[:2])
    guided = 100 * np.array(INHERITED["guided"])
    assert list(mean) == pytest.approx([guided.mean()] * 2)
    assert list(spread) == pytest.approx(
        [guided.mean() - guided.std(), guided.mean() + guided.std()]
    )


def test_inheritance_shows_every_retrained_candidate_and_the_correlation() -> None:
    made = [record(retrained=RETRAINED)]
    (axes,) = read.shown(figures.draw_inheritance(tabulate(made), correlate(made), LOOKS))
    points = {one.get_label().split()[0]: one.get_offsets().tolist() for one in axes.collections}
    for kind, values in RETRAINED.items():
        expected = [[100 * x, 100 * y] for x, y in zip(INHERITED[kind], values, strict=False)]
        assert np.array(points[kind]) == pytest.approx(np.array(expected))
    labels = axes.get_legend_handles_labels()[1]
    assert labels[0].startswith("guided (1.00,") and labels[1].startswith("uniform (-1.00,")
    assert axes.get_title().startswith("pgnas on digits, seed 0\nall together (")


def test_files_are_made_where_there_is_something_to_say() -> None:
    with_retrained = candidates.make([record(retrained=RETRAINED)], LOOKS)
    assert list(with_retrained) == [
        "candidates.csv", "candidates.png", "inheritance.csv", "inheritance.png",
    ]  # fmt: skip
    assert list(candidates.make([record()], LOOKS)) == ["candidates.csv", "candidates.png"]
    assert candidates.make([synthetic.record("darts")], LOOKS) == {}
