"""Simulated coverage, false alarms and power against what is known of simple populations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from support import axes as read

from analysis import write_calibration
from analysis.calibration import basis, coverage, figure, testing
from analysis.common.intervals import SKEWED
from bench.records.population import Population

NORMAL = np.random.default_rng(0).normal(80, 2, size=4001)
FAILING = np.concatenate([NORMAL[:3900], NORMAL[3900:] - 40])


@pytest.fixture(autouse=True)
def few_simulations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "SIMULATIONS", 600)
    monkeypatch.setattr(coverage, "BOOTSTRAPPED", 20)
    monkeypatch.setattr(testing, "SIMULATIONS", 600)
    monkeypatch.setattr(testing, "JUDGED", 40)


@pytest.mark.parametrize("seeds", [3, 5, 10, 20])
def test_the_interval_uses_the_largest_multiplier_of_the_basis(seeds: int) -> None:
    needed = basis.calibrate(seeds, 40_000)
    assert max(needed.values()) == pytest.approx(SKEWED[seeds], rel=0.04)
    assert needed["normal"] == pytest.approx(stats.t.ppf(0.975, seeds - 1), rel=0.04)


def test_coverage_is_right_where_it_is_known() -> None:
    """Of normal values Student's interval covers 95 %; of rarely failing ones it does not."""
    table = coverage.tabulate({"normal": NORMAL, "failing": FAILING}, 0)
    normal, failing = (table[table["population"] == name] for name in ("normal", "failing"))
    assert list(normal["seeds"]) == [3, 5, 10, 20]
    assert normal["t_coverage"].to_numpy() == pytest.approx(0.95, abs=0.03)
    assert (normal["new_coverage"] >= 0.95).all()
    assert (normal["new_width_points"] > normal["t_width_points"]).all()
    assert (failing.loc[failing["seeds"] >= 5, "t_coverage"] < 0.9).all()
    assert normal["skew"].iloc[0] == pytest.approx(stats.skew(NORMAL))


def test_tests_raise_few_false_alarms_and_find_large_differences() -> None:
    table = testing.tabulate({"normal": NORMAL}, 0, 0.5).set_index("seeds")
    for kind in testing.TESTS:
        assert (table[f"{kind}_false_alarms"] <= 0.075).all()
        assert table.loc[20, f"{kind}_power_5"] > 0.99
    assert table.loc[3, "new_power_5"] == 0 and np.isnan(table.loc[3, "new_detectable_points"])
    one, other = np.random.default_rng(1).choice(NORMAL, size=(2, 800, 10))
    shift = table.loc[10, "new_detectable_points"]
    p_values = stats.mannwhitneyu(one + shift, other, axis=1, method="exact").pvalue
    assert (p_values <= 0.05).mean() == pytest.approx(0.8, abs=0.05)
    verdicts = table[[f"identical_{v}" for v in ("better", "worse", "equivalent", "undecided")]]
    assert verdicts.sum(axis=1).to_numpy() == pytest.approx(1)
    assert verdicts.loc[3, "identical_undecided"] == 1


def test_the_figure_shows_the_coverage_of_every_population() -> None:
    table = coverage.tabulate({"a": NORMAL, "b": FAILING}, 0)
    panels = figure.draw(table).axes
    assert [axes.get_title() for axes in panels] == list(coverage.INTERVALS.values())
    own = table[table["population"] == "b"]
    assert read.lines(panels[2])["b"] == list(zip(own["seeds"], own["new_coverage"], strict=True))


def test_files_are_the_same_for_one_seed_and_others_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.calibration.SIMULATED_VALUES", 2_000)
    rows = [(5000 + 100 * level, 1 + level % 3, level % 3) for level in range(40)]
    population = Population(
        provider="p", dataset="cifar10", split="test", epochs=200, accuracies=rows
    )
    written = [
        [path.read_bytes() for path in write_calibration(tmp_path / name, [population], seed, 0.5)]
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    assert written[0] == written[1] and written[0] != written[2]
    text = written[0][0].decode()
    assert "cifar10 (test accuracy after 200 epochs, p)" in text
    assert "| cifar10, without none | 5 |" in text and "| cifar10, all cells | 20 |" in text
