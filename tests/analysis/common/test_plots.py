"""The parts that all figures share: looks of methods, means with bands, heat maps, captions."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path

import matplotlib as mpl
import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from support import axes as read
from support import synthetic

from analysis.common import outputs, plots
from analysis.common.intervals import summarise
from analysis.common.plots import Looks
from analysis.common.trials import TRIAL_COLUMNS

LOOKS = Looks(("a", "b", "c"))


def test_no_two_of_thirty_two_methods_look_the_same() -> None:
    labels = tuple(f"method-{number}" for number in range(32))
    looks = Looks(labels)
    assert len({tuple(looks.line(label).values()) for label in labels}) == 32
    assert len({(looks.colour(label), looks.marker(label)) for label in labels}) == 32


def test_a_methods_looks_do_not_depend_on_which_methods_have_records() -> None:
    facts = synthetic.facts(["a", "b", "c"])
    some = Looks.choose([synthetic.record("c"), synthetic.record("zoo")], facts)
    every = Looks.choose(synthetic.records({"a": 0, "b": 0, "c": 0}), facts)
    assert some.labels == ("a", "b", "c", "zoo")
    assert some.line("c") == every.line("c")
    assert some.list_present(pd.DataFrame({"method": ["zoo", "b", "b"]})) == ["b", "zoo"]


@pytest.mark.parametrize(
    ("label", "lines"),
    [
        ("short", ["short"]),
        ("vinnas-without-kl-and-noise", ["vinnas-without-kl-", "and-noise"]),
        ("image-folder:/a/very/long/path", ["image-folder:", "/a/very/long/path"]),
        ("", [""]),
    ],
)
def test_labels_are_broken_after_a_mark(label: str, lines: list[str]) -> None:
    assert plots.wrap(label).split("\n") == lines


def test_the_mean_by_epoch_has_a_band_cut_where_values_must_end() -> None:
    values = {1: [0.9, 0.95, 1.0], 2: [0.5, 0.6, 0.4]}
    rows = pd.DataFrame({"epoch": [1] * 3 + [2] * 3, "x": values[1] + values[2]})
    axes = Figure().subplots()
    share = partial(summarise, within=(0.0, 1.0))
    plots.draw_mean_by_epoch(axes, rows, "x", summarise=share, label="a", **LOOKS.line("a"))
    assert np.array(read.lines(axes)["a"]) == pytest.approx(np.array([(1, 0.95), (2, 0.5)]))
    (band,) = axes.collections
    corners = band.get_paths()[0].vertices
    summary = summarise(values[2])
    at_two = [y for x, y in corners.tolist() if x == 2]
    assert min(at_two) == pytest.approx(summary.low) and max(at_two) == pytest.approx(summary.high)
    assert corners[:, 1].max() == 1.0  # the interval at epoch 1 reaches further


def test_a_method_without_rows_by_epoch_is_a_level_of_its_ends() -> None:
    epochs = pd.DataFrame({"method": "a", "epoch": [1, 2], "x": [3.0, 4.0]})
    ends = pd.DataFrame({"method": ["a", "b", "b"], "x": [4.0, 1.0, 2.0]})
    axes = Figure().subplots()
    plots.draw_methods_by_epoch(axes, epochs, ends, "x", ["a", "b"], LOOKS)
    shown = read.lines(axes)
    assert shown["a"] == [(1, 3.0), (2, 4.0)]
    assert {height for _, height in shown["b"]} == {1.5}


def of_trials(values: dict[str, list[float]]) -> pd.DataFrame:
    """A row per trial with the value x."""
    rows = [
        (label, "digits", seed, "0" * 8, value)
        for label, numbers in values.items()
        for seed, value in enumerate(numbers)
    ]
    return pd.DataFrame(rows, columns=[*TRIAL_COLUMNS, "x"])


def test_failed_searches_are_crossed_out_and_counted_after_the_name() -> None:
    rows = of_trials({"a": [1.0, 2.0], "b": [3.0]})
    judged = {
        ("a", "digits", "0", "0" * 8): False,
        ("a", "digits", "1", "0" * 8): True,
        ("b", "digits", "0", "0" * 8): False,
    }
    looks = Looks(("a", "b"), judged)
    axes = Figure().subplots()
    plots.draw_points_by_method(axes, rows, "x", ["a", "b"], looks)
    (cross,) = [line for line in axes.get_lines() if line.get_marker() == "x"]
    (trials,) = [line for line in axes.get_lines() if list(line.get_xdata()) == [1.0, 2.0]][:1]
    assert cross.get_xdata().tolist() == [2.0]
    assert cross.get_ydata()[0] == trials.get_ydata()[1]
    assert [name.replace("\xa0", " ") for name in read.rows(axes)] == ["a († 1 of 2)", "b"]
    assert "failed to train" in looks.remark and Looks(("a", "b")).remark == ""


def test_many_methods_share_panels_in_which_no_colour_is_there_twice() -> None:
    looks = Looks(tuple(f"m{number}" for number in range(18)))
    groups = looks.share_out(looks.labels)
    assert [label for group in groups for label in group] == list(looks.labels)
    assert [len(group) for group in groups] == [6, 6, 6]
    for group in groups:
        assert len({looks.colour(label) for label in group}) == len(group)
    assert looks.share_out(looks.labels[:8]) == [list(looks.labels[:8])]
    every = {(looks.colour(x), looks.marker(x), looks.line(x)["ls"]) for x in looks.labels}
    assert len(every) == 18


def test_a_legend_takes_nothing_from_the_panels() -> None:
    """The panel of 18 methods is as high as that of one."""

    def measure(count: int) -> float:
        figure, (axes,) = plots.create_panels(1, (4.0, 4.0))
        for number in range(count):
            axes.plot([0, 1], label=f"a-method-with-a-name-{number}")
        plots.add_legends(figure, [[axes]], groups=1)
        figure.draw_without_rendering()
        return float(axes.get_position().height * figure.get_figheight())

    assert measure(18) > 0.93 * measure(1)


def test_a_figure_is_the_same_bytes_as_svg_and_pdf_too() -> None:
    def draw() -> Figure:
        figure = plots.create(2, 1)
        figure.subplots().plot([1, 2], label="a")
        return figure

    for kind, start in (("svg", b"<?xml"), ("pdf", b"%PDF")):
        drawn = plots.render(draw(), kind)
        assert drawn.startswith(start) and plots.render(draw(), kind) == drawn
        assert b"Date" not in drawn


def test_figures_are_written_in_other_formats_beside_their_png(tmp_path: Path) -> None:
    made = {"a.png": plots.create(1, 1), "a.csv": pd.DataFrame({"x": [1]})}
    names = [path.name for path in outputs.write(tmp_path, made, ["svg", "pdf", "svg"])]
    assert names == ["a.png", "a.svg", "a.pdf", "a.csv"]
    assert [path.name for path in outputs.write(tmp_path, made)] == ["a.png", "a.csv"]


def test_points_by_method_are_the_trials_and_their_mean() -> None:
    axes = Figure().subplots()
    rows = of_trials({"a": [2.0, 1.0, 2.0], "c": [float("nan")]})
    plots.draw_points_by_method(axes, rows, "x", ["a", "c"], LOOKS)
    trials, bar, mean, none = (line.get_data() for line in axes.get_lines())
    assert list(trials[0]) == [1.0, 2.0, 2.0] and len(set(trials[1])) == 2  # the equal are stacked
    summary = summarise([1.0, 2.0, 2.0])
    assert list(bar[0]) == [summary.low, summary.high] and list(mean[0]) == [summary.mean]
    assert not len(none[0])
    assert read.rows(axes) == ["a", "c"]


def test_many_trials_of_one_value_are_stacked_within_their_row() -> None:
    axes = Figure().subplots()
    rows = of_trials({"a": [1.0] * 20, "b": [1.0]})
    plots.draw_points_by_method(axes, rows, "x", ["a", "b"], LOOKS)
    heights = axes.get_lines()[0].get_ydata()
    assert len(set(heights.tolist())) == 20 and max(heights) < 0.65


def test_a_heat_map_has_its_numbers_and_grey_for_what_is_not_known() -> None:
    values = pd.DataFrame({"one": [10.4, np.nan], "two": [100.0, 0.0]}, index=["a", "b"])
    axes = Figure().subplots()
    plots.draw_heat_map(axes, values)
    assert [(t.get_position(), t.get_text()) for t in axes.texts] == [
        ((0.5, 0.5), "10"), ((1.5, 0.5), "100"), ((1.5, 1.5), "0"),
    ]  # fmt: skip
    assert read.rows(axes) == ["a", "b"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["one", "two"]
    (mesh,) = axes.collections
    assert np.ma.getmaskarray(mesh.get_array()).tolist() == [[False, False], [True, False]]


def test_a_wide_heat_map_has_a_colour_bar_instead() -> None:
    columns = [str(number) for number in range(plots.MOST_ANNOTATED + 1)]
    figure = Figure()
    plots.draw_heat_map(figure.subplots(), pd.DataFrame([[50.0] * len(columns)], columns=columns))
    assert len(figure.axes) == 2 and not figure.axes[0].texts


def test_panels_that_are_not_needed_are_hidden() -> None:
    figure, panels = plots.create_panels(5, (2.0, 1.0), columns=3, margin=0.5)
    assert list(figure.get_size_inches()) == [6.0, 2.5]
    assert [axes in panels for axes in figure.axes] == [True] * 5 + [False]
    assert read.shown(figure) == panels


def test_the_users_own_settings_change_nothing() -> None:
    @plots.styled
    def draw() -> Figure:
        figure = plots.create(2, 1)
        figure.subplots().set_title("a $title")
        return figure

    plain = plots.render(draw())
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "text.parse_math": True}):
        assert plots.render(draw()) == plain
        assert mpl.rcParams["font.size"] == 30
    assert mpl.image.imread(io.BytesIO(plain)).shape[:2] == (plots.DPI, 2 * plots.DPI)
    assert b"tEXt" not in plain and b"tIME" not in plain


def test_a_caption_is_as_wide_as_its_figure() -> None:
    figure = plots.create(4, 3)
    plots.add_caption(figure, "word " * 40)
    lines = figure.get_supxlabel().split("\n")
    assert read.caption(figure) == ("word " * 40).strip()
    assert all(len(line) <= 4 * 15.5 for line in lines) and len(lines) == 4
