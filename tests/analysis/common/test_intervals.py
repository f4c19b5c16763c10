"""Intervals against scipy, exact enumeration and simulated truth; where they must not be stated."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from analysis.common.intervals import (
    FEWEST_RESAMPLED,
    SKEWED,
    Summary,
    Values,
    interquartile_mean,
    summarise,
    summarise_accuracies,
)

VALUES = [96.1, 97.3, 95.2, 96.9, 97.7, 96.4, 95.9, 97.0]


def interval(values: Values) -> tuple[float, float]:
    return summarise(values).bounds


@pytest.mark.parametrize("seeds", [3, 4, 5])
def test_few_seeds_have_the_t_interval_of_scipy(seeds: int) -> None:
    values = VALUES[:seeds]
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    assert interval(values) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("seeds", [3, 5, 8])
def test_an_interval_of_accuracies_reaches_further_down_than_up(seeds: int) -> None:
    values = VALUES[:seeds]
    error = stats.sem(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    found = summarise_accuracies(values)
    assert found.high == pytest.approx(expected.high)
    assert found.low == pytest.approx(np.mean(values) - SKEWED[seeds] * error)


def test_a_number_of_seeds_between_two_multipliers_has_that_of_the_lower_one() -> None:
    values = np.random.default_rng(0).normal(50, 1, size=150)
    for seeds, multiplier in ((11, SKEWED[10]), (19, SKEWED[15]), (150, SKEWED[100])):
        found = summarise_accuracies(values[:seeds])
        assert found.low is not None
        reach = (found.mean - found.low) / stats.sem(values[:seeds])
        assert reach == pytest.approx(multiplier)


@pytest.mark.parametrize("seeds", [5, 10, 20])
@pytest.mark.parametrize("failing", [0.0, 0.04, 0.25])
def test_coverage_of_accuracies_with_rare_failures(seeds: int, failing: float) -> None:
    """Beta-distributed accuracies below a ceiling, of which some fail; not among the basis.

    Failures are some 7 deviations below the others. No interval of 5 values covers such as are 15
    deviations below and are one in four: in a quarter of all cases none is drawn.
    """
    generator = np.random.default_rng([seeds, int(100 * failing)])
    failed = generator.random((1500, seeds)) < failing
    values = 95 - np.where(failed, 8, 5) * generator.beta(1, 4, size=(1500, seeds)) - 5 * failed
    truth = 95 - failing * (8 / 5 + 5) - (1 - failing) * 5 / 5
    bounds = [summarise_accuracies(row).bounds for row in values]
    assert np.mean([low <= truth <= high for low, high in bounds]) >= 0.93


def test_the_interquartile_mean_is_that_of_scipy_and_by_hand() -> None:
    assert interquartile_mean([1.0, 2.0, 3.0, 4.0, 100.0]) == 3
    for seeds in range(1, 9):
        expected = stats.trim_mean(VALUES[:seeds], 0.25)
        assert interquartile_mean(VALUES[:seeds]) == pytest.approx(expected)
    assert interquartile_mean([[1.0, 3.0], [4.0]]) == 3


def test_bootstrap_agrees_with_every_possible_resample() -> None:
    values = np.array(VALUES[:6])
    drawn = np.array(list(product(values, repeat=6)))
    errors = drawn.std(axis=1, ddof=1)
    varied = errors > 1e-9
    ratios = (drawn.mean(axis=1) - values.mean())[varied] / errors[varied]
    low, high = np.quantile(ratios, [0.025, 0.975])
    deviation = values.std(ddof=1)
    expected = (values.mean() - high * deviation, values.mean() - low * deviation)
    assert interval(values) == pytest.approx(expected, abs=0.05)


def test_bootstrap_tends_to_that_of_scipy() -> None:
    """With many seeds the studentised and scipy's accelerated bootstrap are one interval."""
    values = np.random.default_rng(3).gamma(2, size=300)
    expected = stats.bootstrap(
        (values,), np.mean, method="BCa", n_resamples=20_000, rng=np.random.default_rng(1)
    ).confidence_interval
    assert interval(values) == pytest.approx((expected.low, expected.high), abs=0.015)


def _nested(seeds: int, evaluations: int, within: float, skewed: bool, repeats: int) -> np.ndarray:
    """Values of true mean 0: [repeats, seeds, evaluations]; deviation 1 between search seeds."""
    generator = np.random.default_rng([seeds, evaluations, int(10 * within), skewed])
    between = generator.normal(size=(repeats, seeds, 1))
    if skewed:  # as accuracies near their ceiling are: a long tail below
        between = (4 - generator.gamma(4, size=(repeats, seeds, 1))) / 2
    return between + within * generator.normal(size=(repeats, seeds, evaluations))


@pytest.mark.parametrize(
    ("seeds", "evaluations", "within", "skewed"),
    [
        (3, 1, 0.0, False), (3, 3, 1.0, False), (3, 2, 0.5, True),
        (4, 2, 2.0, False), (5, 1, 0.0, True), (5, 5, 0.5, False),
        (6, 2, 1.0, False), (6, 1, 0.0, True), (8, 3, 0.5, True),
        (10, 2, 1.0, False), (10, 1, 0.0, True), (20, 3, 0.3, False),
    ],
)  # fmt: skip
def test_coverage_of_nested_data(seeds: int, evaluations: int, within: float, skewed: bool) -> None:
    """Coverage of the 95 % interval; known to +-0.008 (t) and +-0.013 (two standard errors)."""
    repeats = 3000 if seeds < FEWEST_RESAMPLED else 1200
    data = _nested(seeds, evaluations, within, skewed, repeats)
    covered = [low <= 0 <= high for low, high in map(interval, data)]
    assert 0.92 <= np.mean(covered) <= 0.98


def test_treating_evaluations_as_seeds_would_cover_less() -> None:
    """Why evaluation seeds are nested: taken for search seeds they promise what is not there."""
    data = _nested(3, 5, 0.3, False, 1000).reshape(1000, 15)
    covered = [low <= 0 <= high for low, high in map(interval, data)]
    assert np.mean(covered) < 0.7


def test_nested_values_are_those_of_their_means() -> None:
    nested = [[1.0, 3.0], [4.0], [5.0, 6.0, 7.0]]
    for summarised in (summarise, summarise_accuracies):
        assert summarised(nested) == summarised([2.0, 4.0, 6.0])
        assert summarised([row[::-1] for row in nested[::-1]]) == summarised(nested)


@pytest.mark.parametrize("values", [[0.9], [0.9, 0.8]])
def test_fewer_than_three_seeds_have_no_interval(values: list[float]) -> None:
    for found in (summarise(values), summarise_accuracies(values)):
        assert found == Summary(pytest.approx(sum(values) / len(values)), None, None, len(values))
        assert all(math.isnan(bound) for bound in found.bounds)


def test_two_search_seeds_with_many_evaluations_have_no_interval() -> None:
    assert summarise([[0.9] * 10, [0.8] * 10]).low is None


def test_order_of_seeds_does_not_matter() -> None:
    assert summarise(VALUES) == summarise(VALUES[::-1]) == summarise(sorted(VALUES))


def test_an_interval_ends_where_values_must() -> None:
    found = summarise([99.0, 99.9, 98.0], within=(0, 100))
    assert found.high == 100 and found.low is not None and 0 < found.low < 98
    assert summarise_accuracies([1.0, 99.0, 50.0]).bounds == (0, 100)


@pytest.mark.parametrize("seeds", [3, 12])
def test_values_without_spread(seeds: int) -> None:
    assert interval([0.5] * seeds) == (0.5, 0.5)
    assert summarise_accuracies([0.5] * seeds).bounds == (0.5, 0.5)


def test_mostly_equal_values_do_not_break_the_bootstrap() -> None:
    """A third of all resamples of such values have no spread: the t interval takes over."""
    values = [0.5] * 7 + [0.6]
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    assert interval(values) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("values", [[], [[1.0], []]])
def test_no_values_is_an_error(values: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="one value a seed"):
        summarise(values)
