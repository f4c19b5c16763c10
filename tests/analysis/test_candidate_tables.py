"""Candidates' accuracies, rank correlations and operations alive, from records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from support import synthetic

from analysis import write_all
from analysis.alive import table as alive
from analysis.candidates import tables as candidates

INHERITED = {"guided": [0.7, 0.8, 0.75, 0.9], "uniform": [0.1, 0.3, 0.2, 0.2]}
RETRAINED = {"guided": [0.9, 0.92, 0.91], "uniform": [0.6, 0.5, 0.55]}


def record(**selection: Any) -> dict[str, Any]:
    made = synthetic.record("pgnas", epochs=3)
    made["selection"] |= {
        kind: {"mean": 0.0, "std": 0.0, "best": 0.0, "accuracies": values}
        for kind, values in INHERITED.items()
    }
    made["selection"] |= selection
    for row, count in zip(made["search"]["epochs"], (40.0, 22.0, 7.0), strict=True):
        row["diagnostics"] = {"alive": count}
    return made


def test_one_row_a_candidate() -> None:
    found = candidates.table([record(retrained=RETRAINED), synthetic.record("darts", epochs=3)])
    assert list(found["drawn"]) == ["guided"] * 4 + ["uniform"] * 4
    assert found["inherited_percent"].to_list() == pytest.approx([70, 80, 75, 90, 10, 30, 20, 20])
    again = found["retrained_percent"]
    assert again.to_list()[:3] == pytest.approx([90, 92, 91])
    assert again.isna().to_list() == [False, False, False, True] * 2  # the fourth was not trained


def test_rank_correlations_by_kind_and_together() -> None:
    ranks = candidates.rank_correlations(candidates.table([record(retrained=RETRAINED)]))
    ranks = ranks.set_index("drawn")
    assert ranks["candidates"].to_dict() == {"guided": 3, "uniform": 3, "both": 6}
    assert ranks.loc["guided", "spearman"] == pytest.approx(1)
    assert ranks.loc["uniform", "spearman"] == pytest.approx(-1)
    x = INHERITED["guided"][:3] + INHERITED["uniform"][:3]
    y = RETRAINED["guided"] + RETRAINED["uniform"]
    assert ranks.loc["both", "spearman"] == pytest.approx(stats.spearmanr(x, y).statistic)
    assert (ranks["low"] <= ranks["spearman"]).all() and (ranks["high"] >= ranks["spearman"]).all()


def test_spearman_with_ties_and_its_interval() -> None:
    generator = np.random.default_rng(1)
    x = generator.integers(6, size=60).astype(float)
    y = x + generator.integers(6, size=60)
    value, low, high = candidates.spearman(x, y)
    assert value == pytest.approx(stats.spearmanr(x, y).statistic)
    error = 1 / np.sqrt(60 - 3)  # Fisher's z, roughly right for ranks
    bounds = np.tanh(np.arctanh(value) + np.array([-1.96, 1.96]) * error)
    assert [low, high] == pytest.approx(bounds, abs=0.1)


def test_no_correlation_where_nothing_varies() -> None:
    found = candidates.spearman(np.ones(5), np.arange(5.0))
    assert np.isnan(found).all()


def test_alive_by_epoch() -> None:
    found = alive.table([record(candidates=40), synthetic.record("darts", epochs=3)])
    assert found["epoch"].to_list() == [1, 2, 3]
    assert found["alive"].to_list() == [40, 22, 7]
    assert set(found["candidates"]) == {40}


def test_files_are_written_where_there_is_something_to_say(tmp_path: Path) -> None:
    study = synthetic.study(["darts", "pgnas"])
    rows = [record(retrained=RETRAINED), synthetic.record("darts", epochs=3)]
    with_candidates = {path.name for path in write_all(tmp_path / "one", rows, study)}
    without = {path.name for path in write_all(tmp_path / "two", rows[1:], study)}
    new = {"alive.csv", "alive.png", "candidates.csv", "candidates.png"}
    assert new | {"inheritance.csv", "inheritance.png"} <= with_candidates
    assert not new & without
    picture = (tmp_path / "one" / "inheritance.png").read_bytes()
    write_all(tmp_path / "one", rows[::-1], study)
    assert (tmp_path / "one" / "inheritance.png").read_bytes() == picture
