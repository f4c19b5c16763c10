"""Known accuracies: their tables, the figure by epoch, and what the leaderboard says of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import axes as read
from support import known, synthetic

from analysis import truth, write_leaderboard
from analysis.common.known_accuracies import tabulate, tabulate_epochs
from analysis.common.plots import Looks
from analysis.truth.figure import draw
from bench.records.schema import FinishedRecord

LOOKS = Looks(("random", "darts"))


def test_one_row_per_trial_and_data_set_of_the_table() -> None:
    rows = tabulate([known.record(), synthetic.record("random")]).set_index("table")
    assert list(rows.index) == ["cifar10", "cifar100"]
    row = rows.loc["cifar10"]
    assert (row["accuracy_percent"], row["percentile"]) == pytest.approx((80, 40))
    assert row["regret_points"] == pytest.approx(15) and row["deviation_points"] == 1
    assert (row["split"], row["epochs_of_training"]) == ("validation", 200)
    assert (row["cells"], row["cells_of_space"]) == (15625, 15625)


def test_one_row_per_epoch_too() -> None:
    rows = tabulate_epochs([known.record(accuracies=(0.9, 0.85, 0.7))])
    assert rows["epoch"].tolist() == [1, 1, 2, 2, 3, 3]
    own = rows[rows["table"] == "cifar100"]
    assert own["accuracy_percent"].tolist() == pytest.approx([90, 85, 70])


def test_the_figure_has_a_line_by_epoch_and_a_level_without_epochs() -> None:
    records = [known.record(seed=seed, accuracies=(0.9, 0.8 - seed / 100)) for seed in range(3)]
    without = known.record("random", accuracies=(0.6,))
    level = synthetic.change(without, {"search.epochs": []})
    final, epochs = tabulate([level, *records]), tabulate_epochs([level, *records])
    figure = draw(epochs, final, LOOKS)
    panels = read.shown(figure)
    assert [axes.get_title() for axes in panels[:2]] == [
        "cifar10 (validation)",
        "cifar100 (validation)",
    ]
    shown = read.lines(panels[0])
    assert dict(shown["darts"]) == pytest.approx({1: 90, 2: 79})
    assert {height for _, height in shown["random"]} == {60.0}
    assert read.rows(panels[2]) == ["random", "darts"]
    assert panels[2].get_lines()[0].get_xdata().tolist() == pytest.approx([60.0])
    assert "known accuracy of what would be selected after that epoch" in read.caption(figure)


def test_axes_show_the_difference_at_the_end_not_the_worst_start() -> None:
    """90 against 86 is most of the axis, although a search began at 20 and a seed fell to 40."""
    records = [known.record("darts", seed, (0.2, 0.4, 0.9, 0.9)) for seed in range(3)]
    records += [known.record("random", seed, (0.5, 0.86, 0.86, 0.86)) for seed in range(3)]
    above, *_, below = read.shown(draw(tabulate_epochs(records), tabulate(records), LOOKS))[::2]
    for low, high in (above.get_ylim(), below.get_xlim()):
        assert low < 86 and high > 90 and 4 / (high - low) > 0.6


def test_eighteen_methods_are_in_small_multiples_with_every_legend_beside_them() -> None:
    names = [f"method-{number}" for number in range(18)]
    records = [known.record(name, seed) for name in names for seed in range(2)]
    figure = draw(tabulate_epochs(records), tabulate(records), Looks(tuple(names)))
    panels = read.shown(figure)
    assert len(panels) == 2 * (3 + 1)
    assert [len(read.lines(axes)) for axes in panels[:6]] == [6] * 6
    assert read.rows(panels[6]) == names
    legends = [axes.get_legend() for axes in panels if axes.get_legend()]
    assert [len(one.get_texts()) for one in legends] == [6, 6, 6]


def partial() -> list[FinishedRecord]:
    """Records whose table of cifar10 has 9,000 cells; that of cifar100 has all."""
    return [
        synthetic.change(known.record(seed=seed), {"evaluation.sources.cifar10.cells": 9000})
        for seed in range(2)
    ]


def test_a_partial_table_says_of_how_many_cells_ranks_and_percentiles_are(tmp_path: Path) -> None:
    final, epochs = tabulate(partial()), tabulate_epochs(partial())
    for rows in (final, epochs):
        counts = rows.groupby("table")[["cells", "cells_of_space"]].max()
        assert counts.loc["cifar10"].tolist() == [9000, 15625]
        assert counts.loc["cifar100"].tolist() == [15625, 15625]
    titles = [axes.get_title() for axes in read.shown(draw(epochs, final, LOOKS))][:2]
    assert titles == [
        "cifar10 (validation)\nthe 9,000 known cells of 15,625",
        "cifar100 (validation)",
    ]
    write_leaderboard(tmp_path, partial(), synthetic.facts(["darts"]))
    text = (tmp_path / "leaderboard.md").read_text()
    assert "better than 40 % of the 9,000 known cells of 15,625 and 35 % of those" in text
    assert text.count("% of all cells") == 1


def test_nothing_is_made_where_nothing_was_looked_up() -> None:
    assert truth.make([synthetic.record()], LOOKS) == {}
    made = truth.make([known.record()], LOOKS)
    assert list(made) == ["truth.csv", "truth_epochs.csv", "truth.png"]


def test_the_leaderboard_says_that_accuracies_are_known(tmp_path: Path) -> None:
    records = [known.record(seed=seed) for seed in range(2)]
    write_leaderboard(tmp_path, records, synthetic.facts(["darts"]))
    text = (tmp_path / "leaderboard.md").read_text()
    assert "| known validation accuracy (cifar10), % (95 % interval) |" in text
    assert "known, as the validation accuracy on cifar10, made up." in text
    assert (
        "cifar10, means over seeds: darts 80.00 % (regret 15.00 points; better than 40 % of all"
        " cells and 35 % of those without none)." in text
    )
    assert "NLL" not in text.split("\n- ", 1)[1]
