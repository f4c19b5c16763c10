"""Tables and figures of a tuning, from a record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from analysis.tuning import tables as tuning
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
    places = [row["place"] for row in tuning.front(record()["groups"][0]["rows"])]
    assert places == [4, 0, 1]  # 2 has the size of 1 and less accuracy


def test_gain_and_counts() -> None:
    text = tuning.markdown(record())
    assert "| vinnas, digits | 90.00 | 92.00 | +2.00 | 4 | 1 | 1 | 0 | 0.02 |" in text
    assert "0.123 (default 0.05) [75 %]" in text
    assert "for 5 epochs (the study's evaluation has 20)" in text


def test_the_settings_are_those_of_the_best_at_the_study_s_length() -> None:
    found = yaml.safe_load(settings_text(record()))
    (entry,) = found["settings"]
    assert entry["for"] == {"dataset": "digits", "method": "vinnas"}
    assert entry["evaluation"] == {"learning_rate": 0.123457, "batch_size": 32, "warm_up_epochs": 2}
    assert entry["tuning"]["seconds"] == 60.0
    assert entry["tuning"]["validation_accuracy"] == 0.92


def test_the_same_record_gives_the_same_bytes(tmp_path: Path) -> None:
    written = [
        [(path.name, path.read_bytes()) for path in tuning.write(tmp_path / name, record())]
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
