"""What the posterior tables come to: quantiles, confidence, correlation; damage is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from support import axes as read
from support import synthetic

from analysis import posterior, write_all
from analysis.common import posterior_tables
from analysis.common.plots import Looks
from analysis.posterior import figures
from analysis.posterior.tables import (
    WITHIN,
    correlate,
    read_final,
    summarise,
    tabulate_confidence,
)
from bench.columns import POSTERIOR
from bench.errors import ResultsError
from bench.records.schema import FinishedRecord
from bench.records.store import posterior_csv

LOOKS = Looks(("vinnas", "pgnas", "random"))


def rows(kind: str, level: float) -> list[dict[str, Any]]:
    """Two epochs of two edges with two operations, the first selected with probability `level`."""
    made = []
    for epoch in (1, 2):
        for edge in (0, 1):
            for place, operation in enumerate(("sep_conv_3x3", "skip_connect")):
                row = dict.fromkeys(POSTERIOR, None) | {
                    "epoch": epoch, "cell": "normal", "edge": edge, "source": 0, "target": 2,
                    "operation": operation, "selected": place == 0,
                    "probability": level if place == 0 else 1 - level,
                }  # fmt: skip
                if kind:
                    row |= {kind: float(epoch * (edge + 2 * place)), "alive": place == 0}
                made.append(row)
    return made


def stored(
    folder: Path, levels: dict[str, list[float]], kinds: dict[str, str]
) -> list[FinishedRecord]:
    """Records with their posterior tables in a folder."""
    made = []
    folder.mkdir(parents=True)
    for label, each in levels.items():
        for seed, level in enumerate(each):
            record = synthetic.record(label, seed=seed)
            text = posterior_csv(rows(kinds.get(label, ""), level))
            (folder / f"{record.trial.stem}.posterior.csv").write_text(text)
            made.append(record)
    return made


def test_summary_is_of_the_last_epoch_over_edges_and_seeds(tmp_path: Path) -> None:
    given = stored(tmp_path / "records", {"vinnas": [0.9, 0.8]}, {"vinnas": "log_alpha"})
    table = summarise(read_final(given, tmp_path / "records"))
    assert list(table["operation"]) == ["all", "sep_conv_3x3", "skip_connect"]
    whole = table.iloc[0]
    assert (whole["trials"], whole["values"], whole["alive_share"]) == (2, 8, 0.5)
    values = [2 * (edge + 2 * place) for edge in (0, 1) for place in (0, 1)] * 2
    assert whole["mean"] == pytest.approx(np.mean(values))
    assert whole["quantile_25"] == pytest.approx(np.quantile(values, 0.25))


def test_confidence_is_the_mean_probability_of_what_was_selected(tmp_path: Path) -> None:
    given = stored(tmp_path / "records", {"vinnas": [0.9, 0.6], "random": [0.5]}, {})
    given.append(synthetic.record("pgnas"))  # without a table
    points = tabulate_confidence(read_final(given, tmp_path / "records"), given)
    assert list(points["mean_probability"]) == pytest.approx([0.9, 0.6, 0.5])
    assert list(points["method"]) == ["vinnas", "vinnas", "random"]
    accuracy = 100 * given[0].evaluation.test.accuracy
    assert points["test_accuracy_percent"].iloc[0] == pytest.approx(accuracy)


def some_points() -> pd.DataFrame:
    """Nine of one method, with ties, and four of another."""
    generator = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "method": ["vinnas"] * 9 + ["random"] * 4, "dataset": "digits",
            "seed": range(13), "trial": "0" * 8,
            "mean_probability": generator.random(13).round(1),
            "test_accuracy_percent": 90 + generator.random(13),
        }
    )  # fmt: skip


def test_rank_correlation_is_that_of_scipy_and_not_stated_of_few_points() -> None:
    points = some_points()
    table = correlate(points).set_index("method")
    own = points[points["method"] == "vinnas"]
    expected = stats.spearmanr(own["mean_probability"], own["test_accuracy_percent"]).statistic
    assert table.loc["vinnas", "spearman"] == pytest.approx(expected)
    assert table.loc["random", "points"] == 4 and pd.isna(table.loc["random", "spearman"])
    assert table.loc[WITHIN, "points"] == 13


def test_better_methods_that_are_surer_do_not_make_confidence_informative() -> None:
    """Within each method more confidence is worse; over both together it looks better."""
    points = pd.DataFrame(
        {
            "method": ["a"] * 5 + ["b"] * 5, "dataset": "digits",
            "mean_probability": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
            "test_accuracy_percent": [54.0, 53, 52, 51, 50, 94, 93, 92, 91, 90],
        }
    )  # fmt: skip
    assert correlate(points).set_index("method").loc[WITHIN, "spearman"] == pytest.approx(-1)


def test_histograms_count_every_value_and_mark_where_operations_are_dead(tmp_path: Path) -> None:
    levels = {"vinnas": [0.9, 0.8], "pgnas": [0.5]}
    kinds = {"vinnas": "log_alpha", "pgnas": "drop_probability"}
    given = stored(tmp_path / "records", levels, kinds)
    panels = read.shown(figures.draw_histograms(read_final(given, tmp_path / "records"), LOOKS))
    assert [axes.get_title() for axes in panels] == ["vinnas, digits", "pgnas, digits"]
    assert [read.texts(axes) for axes in panels] == [["n = 8"], ["n = 4"]]
    assert sum(bar.get_height() for bar in panels[0].patches) == 8
    assert list(panels[0].get_lines()[0].get_xdata()) == [figures.DEAD_AT] * 2
    assert not panels[1].get_lines() and panels[1].get_xlabel() == "Drop probability"


def test_confidence_is_drawn_against_accuracy_with_its_correlation() -> None:
    points = some_points()
    correlations = correlate(points)
    (axes,) = read.shown(figures.draw_confidence(points, correlations, "Accuracy (%)", LOOKS))
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    rho = correlations.set_index("method")["spearman"]
    assert labels == [f"vinnas: n = 9, rho = {rho['vinnas']:+.2f}", "random: n = 4, no rho"]
    title = axes.get_legend().get_title().get_text()
    assert title == f"{WITHIN}: n = 13, rho = {rho[WITHIN]:+.2f}"
    own = points[points["method"] == "vinnas"]
    drawn = axes.get_lines()[0]
    assert list(drawn.get_xdata()) == list(own["mean_probability"])
    assert list(drawn.get_ydata()) == list(own["test_accuracy_percent"])
    assert len(axes.get_lines()) == 2  # too few points for quintiles
    assert axes.get_ylabel() == "Accuracy (%)"


def test_quintiles_are_drawn_where_there_are_twenty_points() -> None:
    points = pd.concat([some_points(), some_points()], ignore_index=True)
    (axes,) = read.shown(figures.draw_confidence(points, correlate(points), "", LOOKS))
    quintiles = axes.get_lines()[-1]
    ordered = points.sort_values("mean_probability", kind="stable")["mean_probability"].to_numpy()
    means = [part.mean() for part in np.array_split(ordered, 5)]
    assert len(quintiles.get_xdata()) == 5
    assert list(quintiles.get_xdata()) == pytest.approx(means, abs=0.05)


def test_files_and_figures_from_tables_beside_the_records(tmp_path: Path) -> None:
    levels = {"vinnas": [0.9, 0.8, 0.7], "pgnas": [0.5, 0.6, 0.4], "random": [0.5]}
    kinds = {"vinnas": "log_alpha", "pgnas": "drop_probability"}
    given, facts = stored(tmp_path / "records", levels, kinds), synthetic.facts(LOOKS.labels)
    names = [
        "posterior.csv", "posterior_confidence.csv", "posterior_correlation.csv",
        "posterior.png", "posterior_confidence.png",
    ]  # fmt: skip
    assert list(posterior.make(given, tmp_path / "records", LOOKS)) == names
    write_all(tmp_path, given, facts)
    elsewhere = tmp_path / "elsewhere"
    files = {
        (record.trial.label, record.trial.id): str(
            tmp_path / "records" / f"{record.trial.stem}.json"
        )
        for record in given
    }
    write_all(elsewhere, given[::-1], facts, files=files)
    for name in names:
        assert (elsewhere / name).read_bytes() == (tmp_path / name).read_bytes()


@pytest.mark.parametrize("damage", ["cut", "columns", "empty", "number", "epoch"])
def test_a_damaged_table_is_named(damage: str, tmp_path: Path) -> None:
    (record,) = stored(tmp_path / "records", {"vinnas": [0.9]}, {"vinnas": "log_alpha"})
    path = tmp_path / "records" / f"{record.trial.stem}.posterior.csv"
    text = path.read_text()
    damaged = {
        "cut": text[: -len("False\n") - 2],
        "columns": text.replace("log_alpha", "log_beta", 1),
        "empty": text.split("\n")[0] + "\n",
        "number": text.replace("0.9", "0.x9", 1),
        "epoch": text.replace("\n1,", "\none,", 1),
    }
    path.write_text(damaged[damage])
    with pytest.raises(ResultsError, match=r"posterior table .*vinnas-digits-s0.* is damaged"):
        posterior_tables.read(record, tmp_path / "records")


def test_a_record_without_a_table_has_none(tmp_path: Path) -> None:
    assert posterior_tables.read(synthetic.record(), tmp_path) is None
