"""What the posterior tables come to: quantiles, confidence, correlation; damage is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from support import synthetic

from analysis import write_all
from analysis.common.trials import facts, stem
from analysis.posterior import tables as posterior
from bench.columns import POSTERIOR
from bench.errors import ResultsError
from bench.records.store import posterior_csv

STUDY = synthetic.study(["vinnas", "pgnas", "random"])


def rows(record: dict[str, Any], kind: str, level: float) -> list[dict[str, Any]]:
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
) -> list[dict[str, Any]]:
    """Records with their posterior tables in `folder`/records."""
    made = []
    (folder / "records").mkdir(parents=True)
    for label, each in levels.items():
        for seed, level in enumerate(each):
            record = synthetic.record(label, seed=seed)
            text = posterior_csv(rows(record, kinds.get(label, ""), level))
            (folder / "records" / f"{stem(record)}.posterior.csv").write_text(text)
            made.append(record)
    return made


def test_summary_is_of_the_last_epoch_over_edges_and_seeds(tmp_path: Path) -> None:
    given = stored(tmp_path, {"vinnas": [0.9, 0.8]}, {"vinnas": "log_alpha"})
    table = posterior.summary(posterior.final(given, tmp_path / "records"))
    assert list(table["operation"]) == ["all", "sep_conv_3x3", "skip_connect"]
    whole = table.iloc[0]
    assert (whole["trials"], whole["values"], whole["alive_share"]) == (2, 8, 0.5)
    values = [2 * (edge + 2 * place) for edge in (0, 1) for place in (0, 1)] * 2
    assert whole["mean"] == pytest.approx(np.mean(values))
    assert whole["quantile_25"] == pytest.approx(np.quantile(values, 0.25))


def test_confidence_is_the_mean_probability_of_what_was_selected(tmp_path: Path) -> None:
    given = stored(tmp_path, {"vinnas": [0.9, 0.6], "random": [0.5]}, {})
    given.append(synthetic.record("pgnas"))  # without a table
    points = posterior.confidence(posterior.final(given, tmp_path / "records"), given)
    assert list(points["mean_probability"]) == pytest.approx([0.9, 0.6, 0.5])
    assert list(points["method"]) == ["vinnas", "vinnas", "random"]
    accuracy = 100 * given[0]["evaluation"]["test"]["accuracy"]
    assert points["test_accuracy_percent"].iloc[0] == pytest.approx(accuracy)


def test_rank_correlation_is_that_of_scipy_and_not_stated_of_few_points() -> None:
    generator = np.random.default_rng(0)
    points = pd.DataFrame(
        {
            "method": ["a"] * 9 + ["b"] * 4, "dataset": "digits",
            "mean_probability": generator.random(13).round(1),  # with ties
            "test_accuracy_percent": generator.random(13),
        }
    )  # fmt: skip
    table = posterior.correlations(points).set_index("method")
    own = points[points["method"] == "a"]
    expected = stats.spearmanr(own["mean_probability"], own["test_accuracy_percent"]).statistic
    assert table.loc["a", "spearman"] == pytest.approx(expected)
    assert table.loc["b", "points"] == 4 and pd.isna(table.loc["b", "spearman"])
    assert table.loc[posterior.WITHIN, "points"] == 13


def test_better_methods_that_are_surer_do_not_make_confidence_informative() -> None:
    """Within each method more confidence is worse; over both together it looks better."""
    points = pd.DataFrame(
        {
            "method": ["a"] * 5 + ["b"] * 5, "dataset": "digits",
            "mean_probability": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
            "test_accuracy_percent": [54.0, 53, 52, 51, 50, 94, 93, 92, 91, 90],
        }
    )  # fmt: skip
    within = posterior.correlations(points).set_index("method").loc[posterior.WITHIN, "spearman"]
    assert within == pytest.approx(-1)


def test_files_and_figures_from_tables_beside_the_records(tmp_path: Path) -> None:
    levels = {"vinnas": [0.9, 0.8, 0.7], "pgnas": [0.5, 0.6, 0.4], "random": [0.5]}
    kinds = {"vinnas": "log_alpha", "pgnas": "drop_probability"}
    given = stored(tmp_path, levels, kinds)
    written = posterior.write(tmp_path, given, facts(STUDY))
    assert [path.name for path in written] == [
        "posterior.csv", "posterior_confidence.csv", "posterior_correlation.csv",
        "posterior.png", "posterior_confidence.png",
    ]  # fmt: skip
    elsewhere = tmp_path / "elsewhere"
    names = {
        (record["trial"]["label"], record["trial"]["id"]): str(
            tmp_path / "records" / f"{stem(record)}.json"
        )
        for record in given
    }
    write_all(elsewhere, given[::-1], STUDY, names)
    for path in written:
        assert (elsewhere / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("damage", ["cut", "columns", "empty", "number"])
def test_a_damaged_table_is_named(damage: str, tmp_path: Path) -> None:
    given = stored(tmp_path, {"vinnas": [0.9]}, {"vinnas": "log_alpha"})
    path = tmp_path / "records" / f"{stem(given[0])}.posterior.csv"
    text = path.read_text()
    damaged = {
        "cut": text[: -len("False\n") - 2],
        "columns": text.replace("log_alpha", "log_beta", 1),
        "empty": text.split("\n")[0] + "\n",
        "number": text.replace("0.9", "0.x9", 1),
    }
    path.write_text(damaged[damage])
    with pytest.raises(ResultsError, match=r"posterior table .*vinnas-digits-s0.* is damaged"):
        posterior.write(tmp_path, given, facts(STUDY))
