"""The leaderboard's numbers, ranks and what it says below the table."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from scipy import stats
from support import synthetic

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
    assert [path.name for path in paths] == [
        "leaderboard.md", "leaderboard.csv", "leaderboard.tex", "leaderboard.html",
    ]  # fmt: skip
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
    assert "| 1 (1 to 1) | b | 97.00 (94.52 to 99.48) | 3 | 100 (29 to 100) | 0.013 |" in text
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
    assert "digits: none, too few seeds for any test" in text


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
    with pytest.raises(ResultsError, match=r"SHA-256 is .* and ffffffffffff in a-digits-s1"):
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


def test_comparison_with_the_baseline(tmp_path: Path) -> None:
    ours, base = [0.91, 0.93, 0.92, 0.95], [0.90, 0.94, 0.90, 0.91]
    records = [*of("base", base), *of("ours", ours), *of("third", [0.5, 0.52, 0.51, 0.55])]
    write_leaderboard(tmp_path, records, synthetic.study(["base", "ours", "third"]))
    by_method = {row["method"]: row for row in rows(tmp_path)}
    tests = [
        stats.ttest_rel(ours, base).pvalue,
        stats.ttest_rel([0.5, 0.52, 0.51, 0.55], base).pvalue,
    ]
    row = by_method["ours"]
    assert float(row["p_value"]) == pytest.approx(tests[0], abs=1e-6)
    assert float(row["p_value_holm"]) == pytest.approx(tests[0], abs=1e-6)  # the larger of two
    assert float(by_method["third"]["p_value_holm"]) == pytest.approx(2 * tests[1], abs=1e-6)
    assert float(row["beats_baseline"]) == 0.75 and row["paired_seeds"] == "4"
    assert float(row["difference_points"]) == pytest.approx(1.5)
    assert by_method["base"]["p_value"] == "" and by_method["base"]["beats_baseline"] == ""


def test_too_few_seeds_against_the_baseline_are_said(tmp_path: Path) -> None:
    records = [*of("base", [0.9, 0.8, 0.85]), *of("ours", [0.91, 0.93])]
    write_leaderboard(tmp_path, records, synthetic.study(["base", "ours"]))
    text = (tmp_path / "leaderboard.md").read_text()
    assert "| too few seeds | too few seeds |" in text and "| 1 (too few seeds) | ours |" in text


def test_calibration_is_shown_where_all_records_have_it(tmp_path: Path) -> None:
    records = [*of("a", [0.9, 0.8]), *of("b", [0.7, 0.6])]
    for record in records[:3]:
        record["evaluation"]["test"]["ece"] = 0.02
    write_leaderboard(tmp_path, records, synthetic.study(["a", "b"]))
    assert [row["ece_percent"] for row in rows(tmp_path)] == ["2.000000", ""]
    assert "1 of 4 records are older and lack it" in (tmp_path / "leaderboard.md").read_text()


def test_tuned_rows_stand_beside_the_default_ones(tmp_path: Path) -> None:
    records = [*of("a", [0.9, 0.8, 0.85]), *of("b", [0.7, 0.6, 0.65])]
    tuned = of("b", [0.75, 0.7, 0.72])
    for record in tuned:
        record["tuning"] = {"seconds": 500.0}
        record["trial"]["id"] = record["trial"]["id"][::-1]
        record["configuration"]["evaluation"]["learning_rate"] = 0.5
    write_leaderboard(tmp_path, records + tuned, synthetic.study(["a", "b"]))
    table = [(row["method"], row["evaluation"], row["tuning_seconds"]) for row in rows(tmp_path)]
    assert table == [("a", "default", ""), ("b", "tuned", "500.000000"), ("b", "default", "")]
    assert "| b (tuned) |" in (tmp_path / "leaderboard.md").read_text()
    tuned[0]["configuration"]["evaluation"]["epochs"] = 99
    with pytest.raises(ResultsError, match=r"evaluation\.epochs is 10 in .*json and 99 in b-dig"):
        write_leaderboard(tmp_path, records + tuned, synthetic.study(["a", "b"]))


def test_evaluation_seeds_are_nested_in_their_search_seed(tmp_path: Path) -> None:
    records = of("a", [0.81, 0.80, 0.79])
    for record in records:
        accuracy = record["evaluation"]["test"]["accuracy"]
        again = {"test": {"accuracy": accuracy + 0.02}, "seconds": 2.0}
        record["evaluation"] |= {"repeats": [again] * 3, "seconds": 1.0}
    write_leaderboard(tmp_path, records, synthetic.study(["a"]))
    row = rows(tmp_path)[0]
    assert float(row["test_accuracy_percent"]) == pytest.approx(81.5) and row["seeds"] == "3"
    width = float(row["test_accuracy_high_percent"]) - float(row["test_accuracy_low_percent"])
    assert width == pytest.approx(2 * 4.302653 * 1 / 3**0.5, rel=1e-5)
    assert float(row["evaluation_seconds"]) == pytest.approx(7.0)


INCOMPARABLE = {
    "search budget": (("search", "epochs", 9), r"search\.epochs is 8 in .* and 9 in b-digits-s1"),
    "evaluation": (("evaluation", "cells", 5), r"evaluation\.cells is 3 in .* and 5 in b-dig"),
    "space": (("space", "nodes", 4), r"space\.nodes is 2 in .* and 4 in b-digits-s1"),
    "augmentation": (("data", "flip", True), r"data\.flip is False in .* and True in b-dig"),
    "options": (("method", "kl", 1), r"method\.kl is None in b-digits-s0.* and 1 in b-digits-s1"),
}


@pytest.mark.parametrize(("change", "message"), INCOMPARABLE.values(), ids=INCOMPARABLE)
def test_records_that_do_not_compare_are_refused(
    change: tuple[str, str, object], message: str, tmp_path: Path
) -> None:
    records = [*of("a", [0.9, 0.8]), *of("b", [0.7, 0.6])]
    section, option, value = change
    records[3]["configuration"][section][option] = value
    with pytest.raises(ResultsError, match=message):
        write_leaderboard(tmp_path, records, synthetic.study(["a", "b"]))
    assert list(tmp_path.iterdir()) == []


def test_where_or_how_fast_a_trial_ran_does_not_hinder_comparison(tmp_path: Path) -> None:
    records = [*of("a", [0.9, 0.8]), *of("b", [0.7, 0.6])]
    records[3]["configuration"]["search"]["graph"] = True  # says how, not which
    records[2]["configuration"]["search"]["cutout"] = 0  # the default, which others do not name
    write_leaderboard(tmp_path, records, synthetic.study(["a", "b"]))
    study = synthetic.study(["a", "b"]) | {"varied": ["b"]}
    records[3]["configuration"]["evaluation"]["epochs"] = 99
    write_leaderboard(tmp_path, records, study)


def test_latex_is_escaped(tmp_path: Path) -> None:
    write_leaderboard(tmp_path, of("a_b&c%", [0.9, 0.8, 0.7]), synthetic.study(["a_b&c%"]))
    text = (tmp_path / "leaderboard.tex").read_text()
    assert r"a\_b\&c\% (baseline)" in text and r"test accuracy, \%" in text
    for block in text.split("\\begin{tabular}{")[1:]:
        columns = block.index("}")
        lines = [line for line in block.splitlines() if line.endswith("\\\\")]
        assert len(lines) == 2 and all(line.count(" & ") == columns - 1 for line in lines)


def test_the_page_escapes_and_asks_for_nothing(tmp_path: Path) -> None:
    label = "<script>alert(1)</script>"
    write_leaderboard(tmp_path, of(label, [0.9, 0.8, 0.7]), synthetic.study([label]))
    text = (tmp_path / "leaderboard.html").read_text()
    assert "<script>alert" not in text and "&lt;script&gt;alert(1)" in text
    assert "://" not in text and "url(" not in text
