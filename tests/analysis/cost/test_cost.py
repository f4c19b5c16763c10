"""Known accuracy against cost: the table by hand, and what the figure's axes hold."""

from __future__ import annotations

import numpy as np
import pytest
from support import axes as read
from support import known, synthetic

from analysis import cost
from analysis.common.intervals import summarise_accuracies as summarise
from analysis.common.plots import Looks
from analysis.cost.figure import average, draw
from analysis.cost.table import count_trainings, tabulate
from bench.records.schema import FinishedRecord

LOOKS = Looks(("evolution", "darts", "random"))


def one_shot(seed: int = 0, accuracy: float = 0.8) -> FinishedRecord:
    """Two epochs on 25,000 images, where a training of the table is 200 epochs on as many."""
    record = known.record("darts", seed, accuracies=(0.5, accuracy))
    return synthetic.change(record, {"data.train": 25_000})


def control() -> FinishedRecord:
    record = known.record("random", accuracies=(0.6,))
    return synthetic.change(record, {"search.epochs": []})


def test_a_row_per_improvement_and_one_for_the_end() -> None:
    rows = tabulate([known.black_box([(1, 0.5), (4, 0.7)], total=10)])
    assert rows["architectures"].tolist() == [1, 4, 10]
    assert rows["accuracy_percent"].tolist() == pytest.approx([50, 70, 70])
    assert rows["asked_percent"].tolist() == pytest.approx([49, 69, 69])
    assert rows["table_seconds"].tolist() == [10, 40, 100]
    assert rows["search_seconds"].isna().tolist() == [True, True, False]
    assert set(rows["searched"]) == {"black box"}
    again = tabulate([known.black_box([(1, 0.5), (10, 0.7)], total=10)])
    assert again["architectures"].tolist() == [1, 10]


def test_a_one_shot_search_costs_its_images_over_those_of_one_training() -> None:
    assert count_trainings(one_shot()) == pytest.approx(2 * 25_000 / (200 * 25_000))
    row = tabulate([one_shot()]).iloc[0]
    assert (row["searched"], row["architectures"]) == ("one-shot", pytest.approx(0.01))
    tested = synthetic.change(one_shot(), {"evaluation.sources.cifar10.split": "test"})
    assert count_trainings(tested) == pytest.approx(2 * 25_000 / (200 * 50_000))


def test_candidates_that_are_trained_one_by_one_cost_their_epochs() -> None:
    changes = {"selection": {"candidates": 8, "epochs_each": 3}, "data.train": 25_000}
    record = synthetic.change(control(), changes)
    assert count_trainings(record) == pytest.approx(8 * 3 / 200)


def test_what_is_not_searched_costs_nothing() -> None:
    row = tabulate([control()]).iloc[0]
    assert (row["searched"], row["architectures"]) == ("nothing", 0)


def test_the_average_begins_where_all_seeds_have_and_keeps_what_ended() -> None:
    runs = [
        known.black_box([(1, 0.5), (4, 0.8)], total=4, seed=0),
        known.black_box([(2, 0.6), (6, 0.9)], total=6, seed=1),
        known.black_box([(1, 0.7)], total=6, seed=2),
    ]
    line = average(tabulate(runs))
    assert line["architectures"].tolist() == [2, 4, 6]
    values = [[50, 60, 70], [80, 60, 70], [80, 90, 70]]
    assert line["mean"].tolist() == pytest.approx([np.mean(row) for row in values])
    summary = summarise(values[2], (0, 100))
    assert line[["low", "high"]].iloc[-1].tolist() == pytest.approx([summary.low, summary.high])


def test_lines_points_and_levels_share_the_axes() -> None:
    records = [
        *(
            known.black_box([(1, 0.7), (4, 0.8 + seed / 100)], total=8, seed=seed)
            for seed in range(3)
        ),
        *(one_shot(seed, 0.75 + seed / 100) for seed in range(3)),
        control(),
    ]
    figure = draw(tabulate(records), "Known accuracy (%)", LOOKS)
    (axes,) = read.shown(figure)
    assert axes.get_xscale() == "log" and axes.get_xlabel() == "Cost, trained architectures"
    assert axes.get_ylabel() == "Known accuracy (%)"
    lines = read.lines(axes)
    assert dict(lines["evolution"]) == pytest.approx({1: 70, 4: 81, 8: 81})
    assert {height for _, height in lines["random"]} == {60.0}
    _, names = axes.get_legend_handles_labels()
    assert set(names) == {"evolution", "darts", "random"}
    (bar,) = axes.containers
    (point, _, (ends,)) = bar
    assert point.get_xydata().tolist() == [[pytest.approx(0.01), pytest.approx(76)]]
    summary = summarise([75, 76, 77], (0, 100))
    low, high = ends.get_segments()[0][:, 1]
    assert (low, high) == pytest.approx((summary.low, summary.high))
    assert axes.get_ylim()[0] < 60 and axes.get_ylim()[1] > 82
    assert "are an upper reference" in read.caption(figure)
    figure.draw_without_rendering()
    assert {"0.01", "1"} <= {tick.get_text() for tick in axes.get_xticklabels()}


def test_one_shot_methods_of_equal_cost_are_set_apart_around_it() -> None:
    records = [known.black_box([(1, 0.7)], total=2), one_shot()]
    records.append(synthetic.change(one_shot(), {"trial.label": "random", "trial.id": "1" * 64}))
    (axes,) = read.shown(draw(tabulate(records), "Known accuracy (%)", LOOKS))
    places = [bar.lines[0].get_xdata()[0] for bar in axes.containers]
    assert places[0] < 0.01 < places[1]
    assert np.sqrt(places[0] * places[1]) == pytest.approx(0.01)


def test_files_appear_only_where_architectures_were_trained_one_by_one() -> None:
    assert cost.make([one_shot(), control(), synthetic.record()], LOOKS) == {}
    made = cost.make([known.black_box([(1, 0.7)], total=2), one_shot()], LOOKS)
    assert list(made) == ["cost.csv", "cost.png"]
