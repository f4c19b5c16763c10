"""The leaderboard's numbers, ranks and what it says below the table."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import synthetic

from analysis import write_leaderboard
from bench.errors import ResultsError


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "leaderboard.csv").open() as file:
        return list(csv.DictReader(file))


def of(label: str, accuracies: list[float], dataset: str = "digits") -> list[dict[str, Any]]:
    return [
        synthetic.record(label, dataset, seed, accuracy=accuracy)
        for seed, accuracy in enumerate(accuracies)
    ]


def test_rows_are_ranked_by_mean_within_a_data_set(tmp_path: Path) -> None:
    records = [
        *of("a", [0.90, 0.92, 0.94]),
        *of("b", [0.96, 0.97, 0.98]),
        *of("a", [0.80, 0.82, 0.81], "mnist"),
        *of("b", [0.70, 0.72, 0.71], "mnist"),
    ]
    study = synthetic.study(["a", "b"], ["mnist", "digits"])
    paths = write_leaderboard(tmp_path, records, study)
    assert [path.name for path in paths] == ["leaderboard.md", "leaderboard.csv"]
    table = rows(tmp_path)
    assert [(row["dataset"], row["rank"], row["method"]) for row in table] == [
        ("mnist", "1", "a"), ("mnist", "2", "b"), ("digits", "1", "b"), ("digits", "2", "a"),
    ]  # fmt: skip
    best, half = table[2], 4.302653 / 3**0.5  # Student's t, 2 degrees of freedom
    assert float(best["test_accuracy_percent"]) == pytest.approx(97)
    assert float(best["test_accuracy_low_percent"]) == pytest.approx(97 - half)
    assert float(best["test_accuracy_high_percent"]) == pytest.approx(97 + half)
    assert best["seeds"] == "3"
    assert float(best["search_seconds"]) == pytest.approx(13.5)  # 12.5, 13.5, 14.5
    assert float(best["evaluation_seconds"]) == pytest.approx(11.25)
    sizes = [record["evaluation"]["parameters"] for record in records[3:6]]
    assert float(best["parameters"]) == pytest.approx(sum(sizes) / 3, abs=1e-5)
    text = (tmp_path / "leaderboard.md").read_text()
    assert "| 1 | b | digits | 97.00 (94.52 to 99.48) | 3 |" in text
    assert "| a (baseline) |" in text
    assert "digits: b from a (1 of 1 pair)" in text


def test_equal_methods_share_a_rank(tmp_path: Path) -> None:
    same = [0.9, 0.95, 0.93]
    records = [*of("a", same), *of("b", same[::-1]), *of("c", [0.5, 0.6, 0.7])]
    write_leaderboard(tmp_path, records, synthetic.study(["a", "b", "c"]))
    assert [(row["rank"], row["method"]) for row in rows(tmp_path)] == [
        ("1", "a"), ("1", "b"), ("3", "c"),
    ]  # fmt: skip


def test_too_few_seeds_are_said(tmp_path: Path) -> None:
    records = [*of("a", [0.9]), *of("b", [0.5, 0.6])]
    write_leaderboard(tmp_path, records, synthetic.study(["a", "b"]))
    assert [row["test_accuracy_low_percent"] for row in rows(tmp_path)] == ["", ""]
    text = (tmp_path / "leaderboard.md").read_text()
    assert "90.00 (1 seed: too few for an interval)" in text
    assert "55.00 (2 seeds: too few for an interval)" in text
    assert "digits: too few seeds for any test" in text


def test_notes_name_hardware_code_data_and_lacking_trials(tmp_path: Path) -> None:
    records = of("a|b", [0.9, 0.8, 0.7])
    records[1]["environment"]["hardware"] = "NVIDIA H100"
    records[2]["provenance"]["git_dirty"] = True
    study = synthetic.study(["a|b"]) | {"failed": 2, "missing": 1}
    write_leaderboard(tmp_path, records, study)
    text = (tmp_path / "leaderboard.md").read_text()
    assert "NVIDIA H100 (device cpu, threads 1) (1 trials)" in text
    assert "AMD EPYC, 2 cores (device cpu, threads 1) (2 trials)" in text
    assert "0.1.0, commit 0123456789ab with changes (1 trials)" in text
    assert f"SHA-256 {records[0]['data']['digest'][:12]}" in text
    assert "failed 2, missing 1" in text
    assert "| a\\|b (baseline) |" in text


def test_no_records_yet(tmp_path: Path) -> None:
    write_leaderboard(tmp_path, [], synthetic.study(["a"]))
    assert "No finished trial yet." in (tmp_path / "leaderboard.md").read_text()
    assert rows(tmp_path) == []


def test_records_of_different_data_are_refused(tmp_path: Path) -> None:
    records = of("a", [0.9, 0.8, 0.7])
    records[1]["data"]["digest"] = "f" * 64
    with pytest.raises(ResultsError, match=r"digits used different data.*ffffffffffff"):
        write_leaderboard(tmp_path, records, synthetic.study(["a"]))
    assert list(tmp_path.iterdir()) == []


def test_two_configurations_of_one_trial_are_refused(tmp_path: Path) -> None:
    records = of("a", [0.9, 0.8, 0.7])
    records.append({**records[0], "trial": {**records[0]["trial"], "id": "e" * 64}})
    with pytest.raises(ResultsError, match=r"seed 0, has two different configurations.*eeeeeeee"):
        write_leaderboard(tmp_path, records, synthetic.study(["a"]))


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match="cannot write") as caught:
        write_leaderboard(tmp_path / "file", of("a", [0.9]), synthetic.study(["a"]))
    assert "\n" not in str(caught.value)
