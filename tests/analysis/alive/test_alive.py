"""Operations alive by epoch: the table and the lines of the figure."""

from __future__ import annotations

from support import axes as read
from support import synthetic

from analysis import alive
from analysis.alive.figure import draw
from analysis.alive.table import tabulate
from analysis.common.plots import Looks
from bench.records.schema import FinishedRecord

LOOKS = Looks(("darts", "pgnas"))


def record(seed: int = 0, counts: tuple[int, ...] = (40, 22, 7)) -> FinishedRecord:
    changes: dict[str, object] = {"selection.candidates": 40}
    for number, count in enumerate(counts):
        changes[f"search.epochs.{number}.diagnostics"] = {"alive": count}
    return synthetic.record("pgnas", seed=seed, epochs=3, changes=changes)


def test_one_row_per_epoch_of_methods_that_count() -> None:
    rows = tabulate([record(), synthetic.record("darts", epochs=3)])
    assert rows["epoch"].to_list() == [1, 2, 3]
    assert rows["alive"].to_list() == [40, 22, 7]
    assert set(rows["candidates"]) == {40}


def test_how_many_candidates_there_are_may_not_be_known() -> None:
    rows = tabulate([synthetic.change(record(), {"selection": {"rule": "top2"}})])
    assert rows["candidates"].isna().all() and len(rows) == 3


def test_a_thick_line_is_the_mean_over_seeds_and_the_dotted_one_all_candidates() -> None:
    figure = draw(tabulate([record(), record(1, (20, 20, 1))]), LOOKS)
    (axes,) = read.shown(figure)
    assert read.lines(axes) == {"pgnas": [(1, 30.0), (2, 21.0), (3, 4.0)]}
    trials = [line.get_ydata().tolist() for line in axes.get_lines()[:2]]
    assert trials == [[40, 22, 7], [20, 20, 1]]
    assert list(axes.get_lines()[-1].get_ydata()) == [40, 40]
    assert axes.get_ylim()[0] == 0 and axes.get_xlabel() == "Search epoch"


def test_without_such_a_method_there_is_nothing() -> None:
    assert alive.make([synthetic.record("darts")], LOOKS) == {}
