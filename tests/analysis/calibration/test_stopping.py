"""The simulation of added seeds: the same verdicts as the tables, and what it has to find."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.calibration import stopping
from analysis.calibration.stopping import LOOKS, VERDICTS, bound, stop
from analysis.common.sequential import Schedule, find_level, judge_pairs

NORMAL = np.random.default_rng(0).normal(80, 2, size=4001)


@pytest.mark.parametrize(("spread", "shift"), [(2.0, 0.0), (2.0, 3.0), (0.3, 0.1)])
def test_many_at_once_are_stopped_as_each_is_in_the_tables(spread: float, shift: float) -> None:
    one, other = np.random.default_rng(1).normal(80, spread, size=(2, 40, LOOKS[-1]))
    bounds = {n: bound(one[:, :n], other[:, :n], find_level(LOOKS)) for n in LOOKS}
    verdicts, seeds = stop(bounds, shift, 0.5)
    for number in range(len(one)):
        pair = tuple(
            {f"{name}{place}": float(value) for place, value in enumerate(values)}
            for name, values in (("b", one[number] + shift), ("a", other[number]))
        )
        places = {search: int(search[1:]) for sample in pair for search in sample}
        judged = judge_pairs({"": (pair[0], pair[1])}, 0.5, Schedule(LOOKS, places))[""]
        assert VERDICTS[verdicts[number]] == judged.verdict
        assert judged.comparison.seeds == (seeds[number],) * 2


def test_the_table_has_the_error_the_power_and_the_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "SIMULATIONS", 2000)
    table = stopping.tabulate({"normal": NORMAL}, 0, 0.5)
    assert list(table.columns) == list(stopping.COLUMNS)
    assert list(table["population"].unique()) == ["normal", "normal, best of 10"]
    plain = table[table["population"] == "normal"].set_index("shift_points")
    assert plain.loc[0, "wrong_share"] <= 0.05 < 0.08 < plain.loc[0, "naive_wrong_share"]
    assert plain.loc[0, "family_wrong_share"] <= 0.05
    assert plain.loc[0, "wrong_low_share"] < plain.loc[0, "wrong_share"]
    assert plain.loc[0, "wrong_share"] < plain.loc[0, "wrong_high_share"]
    shares = table[[f"{verdict}_share" for verdict in VERDICTS]]
    assert shares.sum(axis=1).to_numpy() == pytest.approx(1)
    assert plain["better_share"].is_monotonic_increasing
    # a difference of two deviations: as often found with fewer seeds
    assert plain.loc[4, "better_share"] > 0.95
    assert plain.loc[4, "mean_seeds"] < plain.loc[4, "fixed_seeds"]
    assert np.isnan(plain.loc[0, "fixed_seeds"])


def test_the_best_of_ten_cells_is_drawn_as_if_ten_were() -> None:
    draws = dict(stopping._list_draws({"n": NORMAL}))
    generator = np.random.default_rng(2)
    drawn = draws["n, best of 10"](generator, (4000, 5))
    ten = generator.choice(NORMAL, size=(20_000, 10)).max(axis=1)
    assert drawn.mean() == pytest.approx(ten.mean(), abs=0.05)
    assert np.quantile(drawn, 0.1) == pytest.approx(np.quantile(ten, 0.1), abs=0.1)
