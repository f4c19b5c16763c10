"""The noise ceiling against what a perfect predictor reaches in simulations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.common.rank_statistics import ceiling, reliability, spearman


@pytest.mark.parametrize("trainings", [2, 3])
@pytest.mark.parametrize("noise", [0.3, 1.0, 3.0])
def test_it_is_what_the_truth_reaches(trainings: int, noise: float) -> None:
    generator = np.random.default_rng(0)
    truth = generator.normal(size=(6000, 1))
    observed = truth + noise * generator.normal(size=(6000, trainings))
    reached = stats.spearmanr(truth[:, 0], observed.mean(axis=1)).statistic
    found = ceiling(reliability(observed.tolist()))
    assert found == pytest.approx(reached, abs=0.03)


def test_two_noisy_scores_have_a_lower_one() -> None:
    assert ceiling(0.64, 0.25) == pytest.approx(0.4)
    assert ceiling(0.64, None) is None


def test_pure_noise_leaves_nothing() -> None:
    reversed_order = [[float(n), float(-n)] for n in range(6)]
    assert ceiling(reliability(reversed_order)) == 0


def test_what_it_cannot_be_told_from() -> None:
    once = [[0.5], [0.6], [0.7], [0.8], [0.9], [0.95]]
    assert reliability(once) is None
    twice = [[0.5, 0.6]] * 4  # four architectures are too few
    assert reliability(twice) is None
    assert reliability([[0.5, 0.5]] * 6) is None  # none differs from another


def test_where_some_have_one_training_the_ceiling_is_that_of_one() -> None:
    several = [[n, n % 3] for n in range(6)]
    one = spearman(pd.Series(range(6)), pd.Series([n % 3 for n in range(6)]))
    assert one is not None and reliability(several) == pytest.approx(2 * one / (1 + one))
    assert reliability([*several, [7]]) == pytest.approx(one)


def test_architectures_without_and_surplus_trainings_are_left_out() -> None:
    agreeing = [[n / 10, n / 10] for n in range(6)]
    assert reliability([*agreeing, [0.4], []]) == pytest.approx(1)
    agreeing[0].append(0.9)
    assert reliability(agreeing) == pytest.approx(1)
