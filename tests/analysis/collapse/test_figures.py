"""What the figures of collapse show: shares, indices, lines by epoch and signals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import axes as read
from support import synthetic

from analysis import collapse
from analysis.collapse import figures, signals
from analysis.collapse.tables import tabulate, tabulate_epochs
from analysis.common.operations import CollapseThresholds
from analysis.common.plots import Looks
from bench.records.schema import FinishedRecord

LOOKS = Looks(("random", "darts", "vinnas"))
DEFAULT = CollapseThresholds()
NOWHERE = Path("there is no such folder")


def records() -> list[FinishedRecord]:
    """DARTS with a drift to skip connections, and random cells without epochs."""
    drifting = synthetic.records({"darts": 0.0}, epochs=4, drift=1.0)
    return [*synthetic.records({"random": 0.0}, epochs=0), *drifting]


def test_the_final_figure_shows_mean_shares_and_every_trials_indices() -> None:
    final = tabulate(records(), DEFAULT)
    panels = read.shown(figures.draw_final(final, LOOKS))
    heat, points = panels[:2], panels[2:]
    assert [axes.get_title() for axes in heat] == [
        "Edges of the normal cell by operation, %", "Edges of the reduction cell by operation, %",
    ]  # fmt: skip
    assert read.rows(heat[0]) == ["random", "darts"]
    normal = final[(final["cell"] == "normal") & (final["method"] == "darts")]
    operations = [text.get_text() for text in heat[0].get_xticklabels()]
    share = heat[0].collections[0].get_array().reshape(2, -1)[1]
    expected = [100 * normal[f"share_{name}"].mean() for name in operations]
    assert share.tolist() == pytest.approx(expected)
    (boundary,) = heat[0].get_lines()
    free = operations[int(boundary.get_xdata()[0]) :]
    assert sorted(free) == ["avg_pool_3x3", "max_pool_3x3", "skip_connect"]
    entropy = points[0]
    whole = final[(final["cell"] == "both") & (final["method"] == "random")]
    assert entropy.get_xlabel().startswith("Entropy of operation types")
    assert list(entropy.get_lines()[0].get_xdata()) == sorted(whole["entropy"])
    assert entropy.get_xlim() == (-0.04, 1.04)


def test_the_entropy_by_epoch_is_a_line_and_without_epochs_a_level() -> None:
    given = records()
    final, epochs = tabulate(given, DEFAULT), tabulate_epochs(given, DEFAULT, NOWHERE)
    figure = figures.draw_epochs(epochs, final, LOOKS)
    panels = read.shown(figure)
    titles = [axes.get_title().split("\n")[-1] for axes in panels]
    assert titles == ["normal cell", "reduction cell", "all cells"]
    shown = read.lines(panels[2])
    darts = epochs[(epochs["method"] == "darts") & (epochs["cell"] == "both")]
    assert dict(shown["darts"]) == pytest.approx(dict(darts.groupby("epoch")["entropy"].mean()))
    ends = final[(final["method"] == "random") & (final["cell"] == "both")]
    assert {height for _, height in shown["random"]} == {ends["entropy"].mean()}
    assert len(panels[2].collections) == 1  # a band where there are seeds by epoch
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["random", "darts"]
    assert "Student's t interval" in read.caption(figure)


def test_more_than_two_cell_types_are_shown_together() -> None:
    cell = [[["skip_connect", 0], ["sep_conv_3x3", 1]]]
    cells = {str(position): cell for position in range(3)}
    record = synthetic.record(found={"space": "darts", "cells": cells}, epochs=2)
    final = tabulate([record], DEFAULT)
    titles = [axes.get_title() for axes in figures.draw_final(final, LOOKS).axes]
    assert titles[0] == "Edges of all cells by operation, %" and titles[1] == ""
    epochs = tabulate_epochs([record], DEFAULT, NOWHERE)
    assert len(read.shown(figures.draw_epochs(epochs, final, LOOKS))) == 1


def test_every_signal_that_some_search_left_has_a_panel() -> None:
    changes = {"search.epochs.1.diagnostics": {"dominant_eigenvalue": 2.5}}
    given = [synthetic.change(record, changes) for record in records()[3:]]
    epochs = tabulate_epochs(given, DEFAULT, NOWHERE)
    panels = {axes.get_ylabel(): axes for axes in read.shown(signals.draw(epochs, LOOKS))}
    left = [name for name in signals.TITLES if epochs[name].notna().any()]
    assert list(panels) == [signals.TITLES[name][0] for name in left] and len(left) == 6
    eigenvalue = panels[signals.TITLES["dominant_eigenvalue"][0]]
    assert read.lines(eigenvalue) == {"darts": [(2, 2.5)]}
    normal = epochs[epochs["cell"] == "normal"].groupby("epoch")["skip_connects"].mean()
    skips = read.lines(panels[signals.TITLES["skip_connects"][0]])["darts"]
    assert dict(skips) == pytest.approx(dict(normal))
    assert panels[signals.TITLES["parameter_free_share"][0]].get_ylim() == (-0.04, 1.04)


def test_skip_connections_of_cells_by_position_are_beside_those_by_type() -> None:
    skips, convolutions = [["skip_connect", 0], ["skip_connect", 1]], [["sep_conv_3x3", 0]]
    cells = {"0": [skips], "1": [convolutions], "2": [[["skip_connect", 0]]]}
    found = {"space": "darts", "cells": cells}
    changes = {f"search.epochs.{place}.genotype": found for place in range(2)}
    by_position = synthetic.record("vinnas", found=found, epochs=2, changes=changes)
    epochs = tabulate_epochs([*records()[3:], by_position], DEFAULT, NOWHERE)
    panels = {axes.get_ylabel(): axes for axes in read.shown(signals.draw(epochs, LOOKS))}
    assert signals.TITLES["skip_connects"][0] not in panels
    lines = read.lines(panels[signals.SKIPS_OF_EVERY_CELL])
    assert lines["vinnas"] == [(1, 1.0), (2, 1.0)]
    darts = epochs[(epochs["method"] == "darts") & (epochs["cell"] != "both")]
    expected = darts.groupby("epoch")["skip_connects"].mean()
    assert dict(lines["darts"]) == pytest.approx(dict(expected))


def test_bands_of_shares_end_at_one() -> None:
    given = synthetic.records({"darts": 0.0}, epochs=4, drift=1.0)
    epochs = tabulate_epochs(given, DEFAULT, NOWHERE)
    panels = {axes.get_ylabel(): axes for axes in read.shown(signals.draw(epochs, LOOKS))}
    (band,) = panels[signals.TITLES["parameter_free_share"][0]].collections
    heights = np.concatenate([path.vertices[:, 1] for path in band.get_paths()])
    assert heights.min() >= 0 and heights.max() <= 1


def test_figures_are_made_where_there_is_something_to_draw() -> None:
    made = collapse.make(records()[:3], DEFAULT, NOWHERE, LOOKS)
    tables = [f"collapse{part}.csv" for part in ("", "_epochs", "_seeds", "_edges")]
    assert list(made) == [*tables, "collapse.png"]
    assert list(collapse.make([], DEFAULT, NOWHERE, LOOKS)) == tables
