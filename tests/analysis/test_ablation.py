"""Differences of variations from their base, against arithmetic by hand and scipy."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from scipy import stats
from support import records

from analysis.ablation import table as ablation
from analysis.common.comparable import ordered
from bench.errors import ConfigurationError

CHANGES = {
    "no-kl": {"method.lambda_z": 0.0, "method.noise": False},
    "late": {},
    "unrun": {"a.b": 1},
}
STUDY: dict[str, Any] = {
    "name": "varied",
    "labels": ["vinnas", *CHANGES],
    "datasets": ["digits"],
    "base": "vinnas",
    "variations": CHANGES,
    "varied": list(CHANGES),
}
ACCURACY = {
    "vinnas": [0.90, 0.92, 0.91, 0.93],
    "no-kl": [0.88, 0.89, 0.90, 0.90],
    "late": [0.91, 0.92, 0.90, 0.93],
}


def made() -> list[dict[str, Any]]:
    found = []
    for label, values in ACCURACY.items():
        for seed, accuracy in enumerate(values):
            record = records.record(label, seed, method="vinnas", study="varied")
            record["evaluation"]["test"]["accuracy"] = accuracy
            record["evaluation"]["nonzero_parameters"] = (
                4000 if label == "no-kl" else 1000 * 2**seed
            )
            found.append(record)
    return found


def test_differences_are_paired_by_seed() -> None:
    records_ = made()
    del records_[3]  # the base lacks seed 3: the variations' own is left out
    rows = ablation.table(records_, STUDY).set_index("variation")
    gaps = [
        100 * (a - b) for a, b in zip(ACCURACY["no-kl"][:3], ACCURACY["vinnas"][:3], strict=True)
    ]
    test = stats.ttest_1samp(gaps, 0)
    interval = test.confidence_interval()
    row = rows.loc["no-kl"]
    assert row["seeds"] == 3 and row["better_share"] == 0
    assert row["difference_points"] == pytest.approx(sum(gaps) / 3)
    assert row["p_value"] == pytest.approx(test.pvalue)
    assert [row["difference_low_points"], row["difference_high_points"]] == pytest.approx(
        [interval.low, interval.high]
    )
    late = rows.loc["late", "p_value"]
    smaller, larger = sorted([row["p_value"], late])
    assert sorted(rows["p_value_holm"].dropna()) == pytest.approx(
        [min(1, 2 * smaller), max(min(1, 2 * smaller), larger)]
    )
    # 4000 / (1000, 2000, 4000): the geometric mean of 4, 2, 1
    assert row["nonzero_ratio"] == pytest.approx(2.0)
    assert rows.loc["late", "nonzero_ratio"] == pytest.approx(1.0)


def test_what_was_not_run_and_what_was_tuned_is_left_out(tmp_path: Path) -> None:
    tuned = records.record("no-kl", 0, method="vinnas", study="varied")
    tuned["tuning"] = {"seconds": 1.0}
    rows = ablation.table([*made(), tuned], STUDY).set_index("variation")
    assert rows.loc["no-kl", "difference_points"] == pytest.approx(-2.25)
    assert rows.loc["unrun", "seeds"] == 0
    gate = {"text": "Gate: failed."}
    text = ablation.markdown(rows.reset_index(), {**STUDY, "gate": gate})
    assert "\n\nGate: failed.\n\n" in text
    assert "Not run yet, or failed: unrun." in text
    assert "method.lambda_z 0.0, method.noise false" in text


def test_bytes_do_not_depend_on_the_order_of_records(tmp_path: Path) -> None:
    written = []
    for draw in (1, 2):
        shuffled = made()
        random.Random(draw).shuffle(shuffled)
        paths = ablation.write(tmp_path / str(draw), ordered(shuffled, STUDY), STUDY)
        written.append([(path.name, path.read_bytes()) for path in paths])
    assert written[0] == written[1]
    assert [name for name, _ in written[0]] == ["ablation.md", "ablation.csv", "ablation.png"]


def test_a_study_without_variations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="study plain has no ablations"):
        ablation.write(tmp_path, [], {"name": "plain", "labels": [], "datasets": []})
