"""What the figures of sparsity show: sizes, zeros, the path of thresholds and what is saved."""

from __future__ import annotations

import numpy as np
import pytest
from support import axes as read
from support import synthetic
from support.zeroing import measured

from analysis import sparsity
from analysis.common.intervals import summarise_accuracies
from analysis.common.plots import Looks
from analysis.sparsity import cost, path, sizes, tables
from bench.records.schema import FinishedRecord

LOOKS = Looks(("darts", "vinnas"))


def records() -> list[FinishedRecord]:
    return [measured(label, seed, thresholds) for label, thresholds in
            (("darts", ()), ("vinnas", (0.0, 3.0, 6.0))) for seed in range(3)]  # fmt: skip


def test_an_arrow_goes_from_all_parameters_to_the_non_zero_ones() -> None:
    trials, layers = tables.tabulate(records()), tables.tabulate_layers(records())
    left, right, parts, kinds = read.shown(sizes.draw(trials, layers, "Accuracy (%)", LOOKS))
    vinnas = trials[trials["method"] == "vinnas"]
    assert len(left.texts) == 3  # an annotation per trial that zeroes anything
    assert [arrow.xy[0] for arrow in left.texts] == list(vinnas["nonzero_parameters"])
    before, after = (one.get_offsets() for one in left.collections[2:])
    assert before[:, 0].tolist() == list(vinnas["parameters"])
    assert after[:, 1].tolist() == pytest.approx(list(vinnas["accuracy_after_percent"]))
    assert left.get_ylabel() == "Accuracy (%)"
    assert left.get_xlim() == (0, 1.06 * trials["parameters"].max())
    assert read.rows(right) == ["darts", "vinnas"]
    drawn = sorted(right.get_lines()[3].get_xdata())
    assert drawn == pytest.approx(sorted(100 * vinnas["nonzero_ratio"]))
    assert [text.get_text() for text in parts.get_xticklabels()] == [
        "stem", "cell 0", "cell 1", "cell 2", "classifier",
    ]  # fmt: skip
    names = [text.get_text() for text in kinds.get_xticklabels()]
    assert names[:2] == ["stem", "preprocess"] and names[-1] == "classifier"
    shares = kinds.collections[0].get_array().reshape(2, -1)
    assert shares[0].max() == 0 and shares[1].max() > 0


def test_the_path_is_the_mean_over_seeds_at_each_threshold() -> None:
    points = tables.tabulate_path(records())
    (axes,) = read.shown(path.draw(points, "Accuracy (%)", LOOKS))
    vinnas = points[points["method"] == "vinnas"]
    means = vinnas.groupby("threshold")[["nonzero_parameters", "test_accuracy_percent"]].mean()
    shown = read.lines(axes)
    assert np.array(shown["vinnas"]) == pytest.approx(means.to_numpy())
    darts = points[points["method"] == "darts"]
    summary = summarise_accuracies(darts["test_accuracy_percent"].to_numpy())
    assert shown["darts"] == [(darts["nonzero_parameters"].mean(), summary.mean)]
    used = axes.get_lines()[-1]
    assert used.get_xdata().tolist() == [means.loc[3.0, "nonzero_parameters"]]
    assert axes.get_xlabel() == "Non-zero parameters (number)"
    assert axes.get_ylabel() == "Accuracy (%)"


def test_what_is_saved_is_drawn_before_and_after() -> None:
    trials = tables.tabulate(records())
    parameters, flops, times = read.shown(cost.draw(trials, LOOKS))
    assert read.rows(parameters) == ["darts", "vinnas"]
    means = trials.groupby("method").mean(numeric_only=True)
    connection, hollow, filled, between = parameters.get_lines()[3:]
    assert hollow.get_xdata()[0] == pytest.approx(means.loc["vinnas", "parameters"])
    assert filled.get_xdata()[0] == pytest.approx(means.loc["vinnas", "compact_parameters"])
    assert between.get_xdata()[0] == pytest.approx(means.loc["vinnas", "nonzero_parameters"])
    assert list(connection.get_ydata()) == [1, 1]
    assert np.isnan(parameters.get_lines()[2].get_xdata()[0])  # darts removes nothing
    assert flops.get_lines()[5].get_xdata()[0] == pytest.approx(
        means.loc["vinnas", "compact_flops"]
    )
    assert [line.get_xdata()[0] for line in times.get_lines()[4:6]] == pytest.approx([20.0, 15.0])


def test_figures_are_made_where_there_are_records_of_them() -> None:
    tables_ = ["sparsity.csv", "sparsity_layers.csv", "sparsity_path.csv"]
    figures = ["sparsity.png", "sparsity_path.png", "sparsity_cost.png"]
    assert list(sparsity.make(records(), LOOKS)) == tables_ + figures
    assert list(sparsity.make(records()[:3], LOOKS)) == [*tables_, "sparsity.png"]
    assert list(sparsity.make([synthetic.record()], LOOKS)) == [*tables_, "sparsity.png"]
    assert list(sparsity.make([], LOOKS)) == tables_
