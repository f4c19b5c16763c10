"""Verdicts, pairing, Holm, ranks and power: by hand and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from analysis.common import power
from analysis.common.comparisons import (
    Sample,
    Verdict,
    compare,
    conclude,
    correct_by_holm,
    judge,
)
from analysis.leaderboard.chance import measure_chance
from analysis.leaderboard.ranks import find_better_pairs, rank_by_mean

ONE = [91.2, 90.1, 92.4, 90.9, 91.8, 91.5]
OTHER = [90.7, 90.3, 91.1, 90.2, 91.0, 90.4]


def by_search(method: str, values: object) -> Sample:
    return {f"{method}-{n}": float(v) for n, v in enumerate(np.asarray(values).tolist())}


def test_methods_without_common_searches_are_independent_samples() -> None:
    found = compare(by_search("a", ONE), by_search("b", OTHER))
    assert not found.paired and found.seeds == (6, 6)
    assert found.p_value == stats.mannwhitneyu(ONE, OTHER, method="exact").pvalue
    assert found.mean == pytest.approx(np.mean(ONE) - np.mean(OTHER))
    assert found.shift == pytest.approx(np.median(np.subtract.outer(ONE, OTHER)))
    assert found.low < found.inner_low < found.shift < found.inner_high < found.high


def test_evaluations_of_the_same_searches_are_paired_by_search() -> None:
    base = by_search("a", OTHER)
    found = compare(by_search("a", ONE), dict(reversed(base.items())) | {"a-9": 50.0})
    assert found.paired and found.seeds == (6, 6)
    gaps = np.subtract(ONE, OTHER)
    assert found.p_value == pytest.approx(stats.wilcoxon(gaps, method="exact").pvalue)
    walsh = [(a + b) / 2 for i, a in enumerate(gaps) for b in gaps[i:]]
    assert found.shift == pytest.approx(np.median(walsh))
    assert found.better == pytest.approx(5 / 6)


def test_evaluation_seeds_are_averaged_within_their_search() -> None:
    nested = {search: [value - 1, value + 1] for search, value in by_search("a", ONE).items()}
    assert compare(nested, by_search("b", OTHER)).p_value == pytest.approx(
        compare(by_search("a", ONE), by_search("b", OTHER)).p_value
    )


def test_holm_by_hand() -> None:
    """0.01 x 4, 0.02 x 3, 0.03 x 2 (not below the one before), 0.9 x 1."""
    assert correct_by_holm([0.03, 0.01, 0.9, 0.02]) == pytest.approx([0.06, 0.04, 0.9, 0.06])
    assert correct_by_holm([0.5, 0.9]) == [1.0, 1.0]
    assert correct_by_holm([]) == []


@pytest.mark.parametrize(
    ("shift", "spread", "region", "verdict"),
    [
        (3.0, 1.0, 0.5, Verdict.BETTER),
        (-3.0, 1.0, 0.5, Verdict.WORSE),
        (0.0, 0.1, 0.5, Verdict.EQUIVALENT),
        (0.3, 0.01, 0.5, Verdict.EQUIVALENT),  # significant, but within the region
        (0.3, 0.01, 0.1, Verdict.BETTER),
        (0.0, 5.0, 0.5, Verdict.UNDECIDED),
    ],
)
def test_the_four_verdicts(shift: float, spread: float, region: float, verdict: Verdict) -> None:
    noise = spread * np.linspace(-1, 1, 10)
    found = judge({"a": by_search("a", 90 + shift + noise)}, by_search("b", 90 + noise), region)
    assert found["a"].verdict is verdict


def test_p_values_are_corrected_over_the_samples() -> None:
    samples = {name: by_search(name, np.add(ONE, 0.1 * n)) for n, name in enumerate("abc")}
    found = judge(samples, by_search("base", OTHER), 0.5)
    plain = [one.comparison.p_value for one in found.values()]
    assert [one.p_holm for one in found.values()] == correct_by_holm(plain)


def test_equivalent_methods_have_equal_means_too() -> None:
    """A run in ten fails by 30 points: the shift is 0, the means differ by 3 points."""
    failing = [90.0] * 9 + [60.0]
    found = judge({"a": by_search("a", failing)}, by_search("b", [90.0] * 10), 0.5)["a"]
    assert found.comparison.shift == 0 and found.verdict is Verdict.UNDECIDED


def test_a_method_is_not_better_where_its_mean_is_lower() -> None:
    often_better = [92.0] * 9 + [10.0]
    found = judge({"a": by_search("a", often_better)}, by_search("b", [90.0] * 10), 0.5)["a"]
    assert found.p_holm < 0.05 and found.comparison.better == pytest.approx(0.9)
    assert found.verdict is Verdict.UNDECIDED


def test_fewer_than_five_seeds_have_no_verdict() -> None:
    found = judge({"a": by_search("a", [95.0, 96.0, 97.0, 98.0])}, by_search("b", ONE[:4]), 0.5)
    assert found["a"].p_holm < 0.05 and found["a"].verdict is Verdict.UNDECIDED
    alone = judge({"a": {"s": 1.0}}, {"t": 2.0}, 0.5)["a"]
    assert alone.verdict is Verdict.UNDECIDED and math.isinf(alone.comparison.low)
    assert alone.to_columns()["shift_low_points"] is None
    assert alone.to_columns()["detectable_points"] is None


def test_the_same_records_are_equivalent_whether_paired_or_not() -> None:
    values = 90 + 0.1 * np.random.default_rng(0).normal(size=10)
    for other in ("a", "b"):
        found = judge({"a": by_search("a", values)}, by_search(other, values), 0.5)["a"]
        assert found.verdict is Verdict.EQUIVALENT and found.comparison.better == 0.5


@pytest.mark.parametrize("seeds", [5, 10])
def test_two_draws_of_one_method_differ_in_at_most_one_case_of_twenty(seeds: int) -> None:
    generator = np.random.default_rng(seeds)
    verdicts = [
        conclude(comparison, comparison.p_value, 0.5)
        for one, other in -generator.lognormal(size=(600, 2, seeds))
        if (comparison := compare(by_search("a", one), by_search("b", other)))
    ]
    wrong = sum(verdict in (Verdict.BETTER, Verdict.WORSE) for verdict in verdicts)
    assert wrong / 600 <= 0.068  # 0.05 and two standard errors


def test_ranks_follow_means_and_their_intervals_the_tests() -> None:
    noise = np.random.default_rng(5).normal(0, 0.01, size=(4, 8))
    group = {
        "best": by_search("a", 90 + noise[0]), "worst": by_search("b", 70 + noise[1]),
        "middle": by_search("c", 80 + noise[2]), "also": by_search("d", 80.002 + noise[3]),
    }  # fmt: skip
    found = rank_by_mean(group, 0.5)
    assert (found["best"].place, found["best"].low, found["best"].high) == (1, 1, 1)
    assert (found["worst"].place, found["worst"].low, found["worst"].high) == (4, 4, 4)
    assert {found[name].place for name in ("middle", "also")} == {2, 3}
    assert {(found[name].low, found[name].high) for name in ("middle", "also")} == {(2, 3)}
    assert ("best", "worst") in find_better_pairs(group, 0.5)


def test_the_same_values_in_another_order_share_a_rank() -> None:
    values = np.array([0.1, 0.2, 0.3, 0.7, 0.9])
    group = {
        "a": by_search("a", values),
        "b": by_search("b", values[::-1]),
        "c": by_search("c", values - 1),
    }
    found = rank_by_mean(group, 0.5)
    assert (found["a"].place, found["b"].place, found["c"].place) == (1, 1, 3)
    assert (found["a"].low, found["b"].low) == (1, 1)


def test_the_smallest_difference_is_found_in_four_of_five_simulations() -> None:
    generator = np.random.default_rng(11)
    one, other = generator.normal(size=(2, 1000, 8))
    for tests in (1, 4):
        shift = power.simulate_shift(8, 8, tests)
        p_values = stats.mannwhitneyu(one + shift, other, axis=1, method="exact").pvalue
        assert (p_values <= 0.05 / tests).mean() == pytest.approx(0.8, abs=0.04)
    shift = power.simulate_paired_shift(9, 1)
    gaps = generator.normal(shift, 1, size=(1000, 9))
    assert (stats.wilcoxon(gaps, axis=1, method="exact").pvalue <= 0.05).mean() == pytest.approx(
        0.8, abs=0.04
    )


def test_the_smallest_difference_is_in_the_unit_of_the_values() -> None:
    one, other = np.array(ONE), np.array(OTHER)
    small = power.find_smallest_shift(one, other, 1)
    assert power.find_smallest_shift(10 * one, 10 * other, 1) == pytest.approx(10 * small)
    assert power.find_smallest_shift(one[:5], other[:5], 17) == math.inf  # 17 x 2/252 > 5 %
    assert power.find_smallest_paired_shift(one[:5] - other[:5], 1) == math.inf  # 2/32 > 5 %
    assert power.find_smallest_shift(one[:1], other[:1], 1) == math.inf
    assert power.find_smallest_paired_shift(one[:1], 1) == math.inf


def test_chance_by_hand() -> None:
    """Two cells of 90 % and one of 60 %: both draws are of the good ones in 4 of 9 cases."""
    population = {9000: 2, 6000: 1}
    assert measure_chance(population, np.array([90.0, 90.0])) == pytest.approx(4 / 9)
    assert measure_chance(population, np.array([90.0, 60.0])) == pytest.approx(8 / 9)
    assert measure_chance(population, np.array([10.0])) == 1
    assert measure_chance(population, np.array([95.0] * 3)) == 0


def test_chance_is_that_of_drawn_cells() -> None:
    generator = np.random.default_rng(3)
    levels = generator.integers(5000, 9500, size=300)
    population = {int(level): int((levels == level).sum()) for level in set(levels.tolist())}
    means = generator.choice(levels, size=(40_000, 7)).mean(axis=1)
    for mean in (70.0, 74.0, 80.0):
        expected = (means >= 100 * mean).mean()
        assert measure_chance(population, np.full(7, mean)) == pytest.approx(expected, abs=0.01)
