"""Rank correlations between depths: the numbers, their intervals, sentences and the figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from scipy import stats
from support import source_study, synthetic

from analysis import depth
from analysis.common.plots import Looks
from analysis.depth import figure
from analysis.depth.sentences import list_sentences
from analysis.depth.table import ALL_DATASETS, RESAMPLES, correlate, correlate_ranks, tabulate
from bench.records.facts import StudyFacts
from bench.records.schema import FinishedRecord

SMALL = (0.5, 0.6, 0.7, 0.8, 0.9, 0.65)
LARGE = (0.55, 0.66, 0.77, 0.88, 0.87, 0.6)
LOOKS = Looks(("darts", "random"))
FACTS = StudyFacts(
    name="a|b",
    labels=("darts", "random"),
    datasets=("mnist",),
    seeds=(0,),
    gate="Gate: FAILED. Passed on mnist, 3 cells.",
)


def records(
    accuracies: Mapping[int, Sequence[float]], name: str = "mnist", channels: int = 8
) -> list[FinishedRecord]:
    """At each depth the accuracies of the cells 0, 1, ...; those with odd numbers are random's."""
    return [
        synthetic.record(
            ("darts", "random")[number % 2],
            f"{name}, {cells} cells",
            number,
            accuracy=accuracy,
            found=source_study.cell(number),
            changes={
                "configuration.data": {"name": name},
                "configuration.evaluation": {"epochs": 3, "cells": cells, "channels": channels},
            },
        )
        for cells, own in accuracies.items()
        for number, accuracy in enumerate(own)
    ]


def test_one_row_per_cell_and_depth_with_the_mean_of_its_trainings() -> None:
    made = records({3: SMALL, 8: LARGE})
    again = synthetic.change(made[0], {"evaluation.test.accuracy": 0.7})
    rows = tabulate([*made, again]).set_index(["method", "cells", "genotype"])
    assert len(rows) == 12 and set(rows["dataset"]) == {"mnist"}
    first = rows.loc[("darts", 3, made[0].genotype_digest)]
    assert (first["trainings"], first["test_accuracy_percent"]) == (2, pytest.approx(60))


def test_the_noise_of_trainings_gives_a_ceiling() -> None:
    made = records({3: SMALL, 8: LARGE})
    assert correlate(tabulate(made))["ceiling"].isna().all()  # one training tells nothing of it
    assert "noise" not in list_sentences(correlate(tabulate(made)))[0]
    shifted = [
        synthetic.change(one, {"evaluation.test.accuracy": one.evaluation.test.accuracy - 0.01})
        for one in made
    ]
    pairs = correlate(tabulate([*made, *shifted]))
    assert pairs["ceiling"][0] == pytest.approx(1)
    assert "of at most 1.00 that the noise of trainings leaves" in list_sentences(pairs)[0]
    few = correlate(tabulate([*made, *shifted[:6]]))  # at one depth twice, at the other once
    assert few["ceiling"].isna().all()


def test_correlations_are_scipys() -> None:
    row = correlate(tabulate(records({3: SMALL, 8: LARGE}))).iloc[0]
    assert row["kendall"] == pytest.approx(stats.kendalltau(SMALL, LARGE).statistic)
    assert row["spearman"] == pytest.approx(stats.spearmanr(SMALL, LARGE).statistic)
    assert (row["varied"], row["fixed"], row["small"], row["large"]) == ("cells", 8, 3, 8)
    assert row["loss_points"] == pytest.approx(1.0)  # 88 % against the 87 % of the best at 3 cells
    assert row["kendall_low"] <= row["kendall"] <= row["kendall_high"]


def test_ties_and_resamples_are_those_of_an_explicit_loop() -> None:
    generator = np.random.default_rng(3)
    x = generator.integers(5, size=14).astype(float)
    y = x + generator.integers(4, size=14)
    found = correlate_ranks(x, y)
    assert found is not None
    assert found.kendall == pytest.approx(stats.kendalltau(x, y).statistic)
    assert found.spearman == pytest.approx(stats.spearmanr(x, y).statistic)
    counts = np.random.default_rng(0).multinomial(14, np.full(14, 1 / 14), size=RESAMPLES)
    for place in range(0, RESAMPLES, 100):
        drawn = np.repeat(np.arange(14), counts[place])
        kendall = stats.kendalltau(x[drawn], y[drawn]).statistic
        assert found.kendall_resampled[place] == pytest.approx(kendall)
        spearman = stats.spearmanr(x[drawn], y[drawn]).statistic
        assert found.spearman_resampled[place] == pytest.approx(spearman)


def test_over_data_sets_is_the_mean_and_its_interval_is_narrower() -> None:
    generator = np.random.default_rng(5)
    made = []
    for name in ("mnist", "kmnist", "digits"):
        small = generator.uniform(0.3, 0.9, size=12)
        large = (small + generator.normal(0, 0.1, 12)).clip(0, 1)
        made += records({3: small.tolist(), 8: large.tolist()}, name)
    pairs = correlate(tabulate(made))
    own, together = pairs[pairs["dataset"] != ALL_DATASETS], pairs.iloc[-1]
    assert len(own) == 3 and together["dataset"] == ALL_DATASETS
    assert together["kendall"] == pytest.approx(own["kendall"].mean())
    assert together["genotypes"] == 36
    width = own["kendall_high"] - own["kendall_low"]
    assert together["kendall_high"] - together["kendall_low"] < width.min()


def test_every_pair_of_three_depths_and_widths_at_the_same_depth() -> None:
    made = records({3: SMALL, 8: LARGE, 14: LARGE}) + records({3: LARGE}, channels=16)
    pairs = correlate(tabulate(made))
    names = ["varied", "fixed", "small", "large"]
    assert list(pairs[names].itertuples(index=False, name=None)) == [
        ("cells", 8, 3, 8), ("cells", 8, 3, 14), ("cells", 8, 8, 14), ("channels", 3, 8, 16),
    ]  # fmt: skip
    assert pairs["kendall"].iloc[2] == 1.0


@pytest.mark.parametrize(
    ("small", "large", "said"),
    [
        (SMALL, SMALL, "tells something of that at the large one"),
        (SMALL, SMALL[::-1], "undecided"),
        (SMALL, [1 - value for value in SMALL], "the orders are opposed"),
        (
            SMALL[:4],
            LARGE[:4],
            "are not compared: 4 genotypes have both, and a rank correlation needs 5",
        ),
        ([0.5] * 6, LARGE, "are not compared: at one of them all are equally good"),
    ],
)
def test_what_is_said(small: Sequence[float], large: Sequence[float], said: str) -> None:
    (sentence,) = list_sentences(correlate(tabulate(records({3: small, 14: large}))))
    assert "at 3 and at 14 cells on mnist" in sentence and said in sentence


def test_without_several_depths_there_is_nothing() -> None:
    assert depth.make(records({3: SMALL}), LOOKS, FACTS) == {}
    other = [
        synthetic.change(one, {"configuration.evaluation.epochs": 9}) for one in records({8: LARGE})
    ]
    assert depth.make(records({3: SMALL}) + other, LOOKS, FACTS) == {}  # epochs differ too


def test_the_figure_has_every_genotype_at_both_depths() -> None:
    cells = tabulate(records({3: SMALL, 8: LARGE}))
    (axes,) = figure.draw(cells, correlate(cells), LOOKS).axes
    points = {str(line.get_label()): np.array(line.get_data()) for line in axes.get_lines()}
    expected = 100 * np.array([SMALL, LARGE])
    assert points["darts"] == pytest.approx(expected[:, ::2])
    assert points["random"] == pytest.approx(expected[:, 1::2])
    assert "3 cells" in axes.get_xlabel() and "8 cells" in axes.get_ylabel()


def test_the_page_has_a_row_per_pair() -> None:
    outputs = depth.make(records({3: SMALL, 8: LARGE}), LOOKS, FACTS)
    page = outputs["depth.md"]
    assert isinstance(page, str) and "a\\|b" in page
    assert FACTS.gate and FACTS.gate in page
    assert sum(line.startswith("| mnist |") for line in page.splitlines()) == 1
