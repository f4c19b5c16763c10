"""Of many records the cells of each method's first seeds are drawn, of few all."""

from __future__ import annotations

import pytest
from support import synthetic

from analysis import cells


def test_each_method_has_as_many_cells_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [
        synthetic.record(label, dataset, seed)
        for label in ("darts", "vinnas")
        for dataset in ("digits", "mnist")
        for seed in range(5)
    ]
    assert cells.choose(records) == records
    monkeypatch.setattr(cells, "MOST", 9)
    chosen = cells.choose(records)
    assert [(r.trial.label, r.trial.dataset, r.trial.seed) for r in chosen] == [
        (label, dataset, seed)
        for label in ("darts", "vinnas")
        for dataset in ("digits", "mnist")
        for seed in (0, 1)
    ]
    monkeypatch.setattr(cells, "MOST", 1)
    assert len(cells.choose(records)) == 4
