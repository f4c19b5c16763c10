"""Tables and figures of a tuning, from a record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import axes as read

from analysis import write_tuning
from analysis.tuning import figures, markdown, table
from bench.tuning.records import settings_text

SPACE = [
    {"name": "learning_rate", "default": 0.05, "low": 0.005, "high": 0.3, "log": True,
     "whole": False, "choices": []},
    {"name": "batch_size", "default": 64, "low": 0.0, "high": 0.0, "log": False, "whole": False,
     "choices": [32, 64]},
    {"name": "warm_up", "default": 0.0, "low": 0.0, "high": 0.25, "log": False, "whole": False,
     "choices": []},
]  # fmt: skip


def row(place: int, state: str, values: list[float] | None, rate: float) -> dict[str, Any]:
    return {
        "place": place, "state": state, "values": values, "seconds": 10.0, "attempts": 1,
        "parameters": {"learning_rate": rate, "batch_size": 32, "warm_up": 0.1234},
        "steps": [[1, 0.5]], "facts": {}, "error": None, "started": None, "finished": None,
    }  # fmt: skip


def record(**changes: Any) -> dict[str, Any]:
    rows = [
        row(0, "complete", [0.90, 500.0], 0.05),
        row(1, "complete", [0.92, 800.0], 0.123456789),
        row(2, "complete", [0.91, 800.0], 0.2),
        row(3, "pruned", None, 0.01),
        row(4, "complete", [0.80, 100.0], 0.3),
        row(5, "diverged", None, 0.3),
    ]
    group = {
        "for": {"dataset": "digits", "method": "vinnas"},
        "epochs": 5, "evaluation_epochs": 20, "architectures": [{"trial": "a" * 64}],
        "parameters": SPACE, "steps": 5, "rows": rows, "finished": True, "best": 1,
        "importances": {"learning_rate": 0.75, "batch_size": 0.25, "warm_up": 0.0},
    }  # fmt: skip
    made = {
        "study": "small", "per": "method", "trials": 6, "pruner": "median", "seed": 0,
        "objectives": ["accuracy", "nonzero"], "groups": [group],
    }  # fmt: skip
    return made | changes


def test_the_front_is_what_nothing_beats() -> None:
    places = [row["place"] for row in table.find_front(record()["groups"][0])]
    assert places == [4, 0, 1]  # 2 has the size of 1 and less accuracy


def test_one_row_per_setting_with_what_came_of_it() -> None:
    rows = table.tabulate(record()).set_index("setting")
    assert rows["state"].tolist() == ["complete"] * 3 + ["pruned", "complete", "diverged"]
    assert rows.loc[1, ["validation_accuracy", "nonzero_parameters"]].tolist() == [0.92, 800.0]
    assert rows.loc[3, ["validation_accuracy", "nonzero_parameters"]].isna().all()
    assert rows.loc[3, ["epochs_seen", "seconds", "learning_rate"]].tolist() == [1, 10, 0.01]


def test_gain_and_counts() -> None:
    text = markdown.format_page(record())
    assert "| vinnas, digits | 90.00 | 92.00 | +2.00 | 4 | 1 | 1 | 0 | 0.02 |" in text
    assert "0.123 (default 0.05) [75 %]" in text
    assert "for 5 epochs (the study's evaluation has 20)" in text
    assert "| vinnas, digits | 1 | 92.00 | 800 |" in text.partition("## Pareto fronts")[2]


def test_the_history_shows_every_setting_and_the_best_so_far() -> None:
    (axes,) = read.shown(figures.draw_history(record()["groups"]))
    assert axes.get_title(loc="left") == "vinnas, digits"
    drawn = {line.get_xdata()[0]: line for line in axes.get_lines()[:-1]}
    assert sorted(drawn) == [0, 1, 2, 3, 4, 5]
    assert [drawn[place].get_marker() for place in (2, 3)] == ["o", "x"]
    best = axes.get_lines()[-1]
    assert list(best.get_xdata()) == [0, 1, 2, 4]
    assert list(best.get_ydata()) == pytest.approx([90, 92, 92, 92])
    # what lies far below is drawn at the lower edge
    assert axes.get_ylim()[0] < drawn[3].get_ydata()[0] < 85


def test_importances_are_percent_and_grey_where_a_group_has_no_such_parameter() -> None:
    first = record()["groups"][0]
    second = {**first, "importances": {"warm_up": 1.0}, "for": {"method": "darts"}}
    (axes,) = read.shown(figures.draw_importances([first, second]))
    assert read.rows(axes) == ["vinnas, digits", "darts"]
    assert read.texts(axes) == ["75", "25", "0", "100"]
    names = [text.get_text() for text in axes.get_xticklabels()]
    assert names == ["learning_rate", "batch_size", "warm_up"]


def test_parallel_coordinates_lie_between_the_ends_of_each_parameter() -> None:
    (axes,) = read.shown(figures.draw_parallel(record()["groups"]))
    settings = [line for line in axes.get_lines() if len(line.get_xdata()) == len(SPACE)]
    assert len(settings) == 6
    heights = settings[1].get_ydata()
    # log scale: log(0.1235 / 0.005) / log(0.3 / 0.005); the first of two choices; 0.1234 of 0.25
    assert list(heights) == pytest.approx([0.7832, 0.0, 0.4936], abs=1e-4)
    assert max(settings, key=lambda line: line.get_linewidth()) is settings[1]  # the best
    assert settings[3].get_linestyle() == ":"  # pruned
    assert read.texts(axes) == ["0.005", "0.3", "32", "64", "0", "0.25"]


def test_the_pareto_figure_joins_the_front_and_marks_the_default() -> None:
    (axes,) = read.shown(figures.draw_pareto(record()["groups"]))
    complete, front, default = axes.get_lines()
    assert list(complete.get_xdata()) == [0.5, 0.8, 0.8, 0.1]
    assert list(front.get_xdata()) == [0.1, 0.5, 0.8]
    assert list(front.get_ydata()) == pytest.approx([80, 90, 92])
    assert (default.get_xdata()[0], default.get_ydata()[0]) == (0.5, 90.0)


def test_the_settings_are_those_of_the_best_at_the_study_s_length() -> None:
    found = yaml.safe_load(settings_text(record()))
    (entry,) = found["settings"]
    assert entry["for"] == {"dataset": "digits", "method": "vinnas"}
    assert entry["evaluation"] == {"learning_rate": 0.123457, "batch_size": 32, "warm_up_epochs": 2}
    assert entry["tuning"]["seconds"] == 60.0
    assert entry["tuning"]["validation_accuracy"] == 0.92


def test_a_record_that_was_read_again_gives_the_same_columns() -> None:
    again = json.loads(json.dumps(record(), sort_keys=True))
    assert list(table.tabulate(again).columns) == list(table.tabulate(record()).columns)
    assert list(table.tabulate(again).columns)[-3:] == ["learning_rate", "batch_size", "warm_up"]


def test_the_same_record_gives_the_same_bytes(tmp_path: Path) -> None:
    written = [
        [(path.name, path.read_bytes()) for path in write_tuning(tmp_path / name, record())]
        for name in ("a", "b")
    ]
    assert written[0] == written[1]
    names = {
        "tuning.md",
        "tuning.csv",
        "history.png",
        "importances.png",
        "parallel.png",
        "pareto.png",
    }
    assert {name for name, _ in written[0]} == names
