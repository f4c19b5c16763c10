"""Methods whose searches failed to train, in the leaderboard."""

from __future__ import annotations

from support import synthetic

from analysis import leaderboard
from analysis.common.operations import CollapseThresholds
from bench.records.schema import FinishedRecord

LEARNED = {"supernet_accuracy": 0.6, "discretised_accuracy": 0.4, "chance": 0.1, "images": 1000}


def record(label: str, seed: int, accuracy: float, *, learned: bool) -> FinishedRecord:
    whole = 0.6 if learned else 0.1
    changes = {"search.learned": LEARNED | {"supernet_accuracy": whole}, "search.epochs": []}
    return synthetic.record(label, seed=seed, accuracy=accuracy, changes=changes)


def test_a_method_that_failed_on_most_seeds_has_no_rank_and_no_verdict() -> None:
    """However high its accuracy: it was not the search that found it."""
    records = [
        *(record("vinnas", seed, 0.99, learned=seed > 3) for seed in range(6)),
        *(record("darts", seed, 0.97, learned=seed > 0) for seed in range(6)),
        *(synthetic.record("random", seed=seed, accuracy=0.9) for seed in range(6)),
    ]
    facts = synthetic.facts(["random", "darts", "vinnas"])
    made = leaderboard.make(records, facts, CollapseThresholds())
    rows = made["leaderboard.csv"].set_index("method")  # type: ignore[union-attr]
    assert list(rows.index) == ["darts", "random", "vinnas"]
    assert rows["rank"].fillna(0).tolist() == [1, 2, 0]
    assert rows["searches_failed"].tolist() == [1, 0, 4]
    assert rows["searches_judged"].tolist() == [6, 0, 6]
    assert rows["verdict"].fillna("").tolist() == ["better", "", ""]
    text = str(made["leaderboard.md"])
    assert "| search failed to train | vinnas |" in text
    assert "Failed: 5 of 12 trials whose search was judged:" in text
    assert "vinnas on digits, seed 0: its super-network has 10.0 % of the validation" in text
