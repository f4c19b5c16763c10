"""The page's own figures: who is on the front, what is hovered over, how much fits."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from support import synthetic
from support.pages import assert_well_formed
from support.synthetic import with_accuracies

from analysis import cells, write_report
from analysis.common.plots import Looks
from analysis.report import charts

NAMES = [f"method-{number}" for number in range(18)]


@pytest.mark.parametrize(
    ("costs", "accuracies", "front"),
    [
        ([1.0, 2.0, 3.0], [50.0, 60.0, 55.0], {0, 1}),
        ([1.0, 1.0], [50.0, 60.0], {1}),
        ([1.0, 2.0], [50.0, 50.0], {0}),
        ([1.0, 1.0], [50.0, 50.0], {0, 1}),
    ],
)
def test_the_front_has_what_nothing_is_better_than_at_that_cost(
    costs: list[float], accuracies: list[float], front: set[int]
) -> None:
    assert charts.list_front(costs, accuracies) == front


def rows(count: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "method": NAMES[:count], "evaluation": "default", "seeds": 3,
            "test_accuracy_percent": [90.0] * count, "test_accuracy_low_percent": 80.0,
            "test_accuracy_high_percent": 91.0, "search_seconds": 100.0, "tuning_seconds": None,
        }
    )  # fmt: skip


def test_labels_of_methods_that_are_equal_do_not_cover_each_other() -> None:
    scatter = charts.make_scatter(rows(18), "test accuracy", Looks(tuple(NAMES)))
    assert scatter is not None and not scatter.asking
    heights = sorted(point.label_y for point in scatter.points)
    assert min(b - a for a, b in pairwise(heights)) >= charts.LABEL_HEIGHT
    assert heights[0] >= 0 and heights[-1] <= charts.HEIGHT


def test_searches_that_ask_a_table_are_not_compared_by_their_time() -> None:
    looks, asking = Looks(tuple(NAMES)), [NAMES[1], "elsewhere"]
    scatter = charts.make_scatter(rows(3), "test accuracy", looks, asking)
    assert scatter is not None and scatter.asking == [NAMES[1]]
    assert [point.name for point in scatter.points] == [NAMES[0], NAMES[2]]
    assert charts.make_scatter(rows(1), "test accuracy", looks, NAMES) is None


def test_marks_are_inside_and_say_their_value() -> None:
    trials = pd.DataFrame(
        {
            "method": NAMES[0], "evaluation": "default", "seed": [0, 1],
            "accuracy_percent": [89.0, 91.0], "failed": [False, True],
        }
    )  # fmt: skip
    (row,) = charts.make_dots(rows(1), trials, "accuracy", Looks(tuple(NAMES))).rows
    assert row.title == "method-0: mean 90.00 %, 95 % interval 80.00 to 91.00, 3 seeds"
    assert row.interval == (0.0, 96.0) and row.mean == 50.0
    assert [title for _, title, _ in row.trials] == [
        "method-0, seed 0: 89.00 %",
        "method-0, seed 1: 91.00 %, search failed to train",
    ]


def test_a_large_study_leaves_details_out_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [r for name in NAMES[:2] for r in with_accuracies(name, [0.9, 0.8])]
    facts = synthetic.facts(NAMES[:2])
    whole = write_report(tmp_path, records, [], facts).read_text()
    assert_well_formed(whole)
    assert whole.count("<title>method-0, seed 0: 90.00 %</title>") == 1
    monkeypatch.setattr(cells, "MOST", 3)
    less = write_report(tmp_path, records, [], facts).read_text()
    assert "first seeds" in less and "first seeds" not in whole and len(less) < len(whole)
    pictures = less.count("data:image/svg+xml")
    assert pictures == 1 + 2 and whole.count("data:image/svg+xml") == 1 + 4
