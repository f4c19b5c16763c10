"""The leaderboard's numbers, ranks and what it says below the table."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from scipy import stats
from support import synthetic
from support.pages import assert_well_formed
from support.synthetic import with_accuracies as of

from analysis import write_leaderboard
from analysis.common import power
from analysis.common.intervals import SKEWED
from analysis.leaderboard.latex import COLUMNS
from bench.errors import ResultsError
from bench.records.population import Population
from bench.records.schema import FinishedRecord


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "leaderboard.csv").open() as file:
        return list(csv.DictReader(file))


def write(folder: Path, records: Sequence[FinishedRecord], *labels: str) -> str:
    """leaderboard.md of records, against the first label as the baseline."""
    paths = write_leaderboard(folder, records, synthetic.facts(labels))
    return str(paths[0].read_text())


def test_rows_are_ranked_by_mean_within_a_data_set(tmp_path: Path) -> None:
    records = [
        *of("a", [0.90, 0.92, 0.94]),
        *of("b", [0.96, 0.97, 0.98]),
        *of("a", [0.80, 0.82, 0.81], "mnist"),
        *of("b", [0.70, 0.72, 0.71], "mnist"),
    ]
    facts = synthetic.facts(["a", "b"], ["mnist", "digits"])
    paths = write_leaderboard(tmp_path, records, facts)
    assert [path.name for path in paths] == [
        "leaderboard.md", "leaderboard.csv", "leaderboard.tex", "leaderboard.html",
    ]  # fmt: skip
    table = rows(tmp_path)
    assert [(row["dataset"], row["rank"], row["method"]) for row in table] == [
        ("mnist", "1", "a"), ("mnist", "2", "b"), ("digits", "1", "b"), ("digits", "2", "a"),
    ]  # fmt: skip
    best, error = table[2], 1 / 3**0.5
    assert float(best["test_accuracy_percent"]) == pytest.approx(97)
    assert float(best["interquartile_mean_percent"]) == pytest.approx(97)
    assert float(best["test_accuracy_low_percent"]) == pytest.approx(97 - SKEWED[3] * error)
    high = 97 + 4.302653 * error  # Student's t, 2 degrees of freedom
    assert float(best["test_accuracy_high_percent"]) == pytest.approx(high)
    assert best["seeds"] == "3"
    assert float(best["search_seconds"]) == pytest.approx(13.5)  # 12.5, 13.5, 14.5
    assert float(best["evaluation_seconds"]) == pytest.approx(11.25)
    sizes = [record.evaluation.parameters for record in records[3:6]]
    assert float(best["parameters"]) == pytest.approx(sum(sizes) / 3, abs=1e-5)
    text = (tmp_path / "leaderboard.md").read_text()
    row = "| 1 (too few seeds) | b | 97.00 (84.53 to 99.48; too few seeds) | 97.00 | 3 |"
    row += " +5.00 (too few seeds) | 100 (50 to 100) | 0.100 | undecided (too few seeds) |"
    assert row in text
    assert "| a (baseline) |" in text
    assert "digits: none of 1 pair; too few seeds, so without a verdict: a and b." in text


def test_significant_differences_are_named_pair_by_pair(tmp_path: Path) -> None:
    noise = [0.0, 0.001, -0.001, 0.0005, -0.0005, 0.0002, -0.0002]
    means = {"best": 0.9, "good": 0.8, "poor": 0.7}
    records = [r for name, mean in means.items() for r in of(name, [mean + e for e in noise])]
    records += of("single", [0.5])
    text = write(tmp_path, records, *means, "single")
    assert (
        "digits: best is better than good and poor; good is better than poor (3 of 6 pairs;"
        " too few seeds, so without a verdict: single)." in text
    )
    assert "p-values corrected by Holm over all pairs of methods on the data set" in text


def test_a_verdict_depends_on_the_region_of_equivalence(tmp_path: Path) -> None:
    noise = [0.001 * number for number in range(-3, 4)]
    records = [*of("base", [0.9 + e for e in noise]), *of("near", [0.904 + e for e in noise])]
    for region, verdict in ((0.5, "better"), (1.0, "equivalent"), (0.1, "better")):
        facts = synthetic.facts(["base", "near"], region=region)
        text = write_leaderboard(tmp_path, records, facts)[0].read_text()
        assert rows(tmp_path)[0]["verdict"] == verdict
        assert f"within {region:g} points, the region of practical equivalence" in text


def test_the_table_says_what_it_had_the_power_to_see(tmp_path: Path) -> None:
    noise = [0.001 * number for number in range(-3, 4)]
    records = [*of("base", [0.9 + e for e in noise]), *of("a", [0.95 + e for e in noise])]
    text = write(tmp_path, records, "base", "a")
    spread = 100 * 0.001 * (28 / 6) ** 0.5  # of both samples, in points
    expected = spread * power.simulate_shift(7, 7, 1)
    assert float(rows(tmp_path)[0]["detectable_points"]) == pytest.approx(expected, abs=1e-6)
    assert f"digits (7 seeds, comparisons: 1): a {expected:.2f}." in text
    few = write(tmp_path, [*of("base", [0.9, 0.8, 0.7]), *of("a", [0.6, 0.5, 0.4])], "base", "a")
    assert "digits (3 seeds, comparisons: 1): none of any size" in few


def test_random_cells_are_the_baseline_where_all_accuracies_are_known(tmp_path: Path) -> None:
    """Of the cells one in ten is as good as the method's: by chance twice in 1 of 100 cases."""
    source = {
        "provider": "p", "dataset": "cifar10", "split": "test", "epochs": 200, "images": 10_000,
        "cells": 20, "text": "test accuracy",
    }  # fmt: skip
    population = Population(
        provider="p", dataset="cifar10", split="test", epochs=200,
        accuracies=[(5000, 10, 9), (9000, 10, 1)],
    )  # fmt: skip
    changes = {"evaluation.dataset": "cifar10", "evaluation.sources": {"cifar10": source}}
    records = of("a", [0.9, 0.9], changes=changes)
    facts = synthetic.facts(["a"], populations=(population,))
    text = write_leaderboard(tmp_path, records, facts)[0].read_text()
    (row,) = rows(tmp_path)
    assert float(row["chance_share"]) == pytest.approx(0.01)
    assert float(row["chance_with_none_share"]) == pytest.approx(0.25)
    assert "P(random cells are as good), %" in text and "| 1.0 |" in text
    assert "corrected by Holm over the methods of the data set) are:\n  - digits: a." in text


def test_equal_methods_share_a_rank(tmp_path: Path) -> None:
    same = [0.9, 0.95, 0.93]
    records = [*of("a", same), *of("b", same[::-1]), *of("c", [0.5, 0.6, 0.7])]
    write(tmp_path, records, "a", "b", "c")
    assert [(row["rank"], row["method"]) for row in rows(tmp_path)] == [
        ("1", "a"), ("1", "b"), ("3", "c"),
    ]  # fmt: skip


def test_too_few_seeds_are_said(tmp_path: Path) -> None:
    text = write(tmp_path, [*of("a", [0.9]), *of("b", [0.5, 0.6])], "a", "b")
    assert [row["test_accuracy_low_percent"] for row in rows(tmp_path)] == ["", ""]
    assert "90.00 (too few seeds)" in text and "55.00 (too few seeds)" in text
    assert "digits: none of 1 pair; too few seeds, so without a verdict: a and b." in text


def test_notes_name_hardware_code_data_and_lacking_trials(tmp_path: Path) -> None:
    records = of("a|b", [0.9, 0.8, 0.7])
    records[1] = synthetic.change(records[1], {"environment.hardware": "NVIDIA H100"})
    records[2] = synthetic.change(records[2], {"provenance.git_dirty": True})
    write_leaderboard(tmp_path, records, synthetic.facts(["a|b"], failed=2, missing=1))
    text = (tmp_path / "leaderboard.md").read_text()
    assert "NVIDIA H100 (device cpu, threads 1) (1 trial)" in text
    assert "AMD EPYC, 2 cores (device cpu, threads 1) (2 trials)" in text
    assert "0.1.0, commit 0123456789ab with changes (1 trial)" in text
    assert f"SHA-256 {records[0].data.digest[:12]}" in text
    assert "Hardware is mixed (AMD EPYC, NVIDIA H100): times do not compare" in text
    assert "2 failed, 1 missing" in text
    assert "| a\\|b (baseline) |" in text


def test_description_and_gate_stand_above_the_tables(tmp_path: Path) -> None:
    facts = synthetic.facts(["a"], description="what for", gate="Gate: passed.")
    write_leaderboard(tmp_path, of("a", [0.9]), facts)
    text = (tmp_path / "leaderboard.md").read_text()
    assert text.startswith("# Leaderboard: synthetic\n\nwhat for\n\nGate: passed.\n\n## digits\n")


def test_no_records_yet(tmp_path: Path) -> None:
    assert "No trial has finished yet." in write(tmp_path, [], "a")
    assert rows(tmp_path) == []


def test_nothing_is_written_where_records_cannot_be_compared(tmp_path: Path) -> None:
    records = of("a", [0.9, 0.8, 0.7])
    records[1] = synthetic.change(records[1], {"data.digest": "f" * 64})
    with pytest.raises(ResultsError, match=r"SHA-256 is .* and ffffffffffff in a-digits-s1"):
        write(tmp_path, records, "a")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match="cannot write") as caught:
        write(tmp_path / "file", of("a", [0.9]), "a")
    assert "\n" not in str(caught.value)


def test_comparison_with_the_baseline(tmp_path: Path) -> None:
    ours, base = [0.91, 0.931, 0.92, 0.96, 0.97], [0.90, 0.94, 0.905, 0.915, 0.93]
    third = [0.5, 0.52, 0.51, 0.55, 0.53]
    records = [*of("base", base), *of("ours", ours), *of("third", third)]
    text = write(tmp_path, records, "base", "ours", "third")
    by_method = {row["method"]: row for row in rows(tmp_path)}
    tests = [stats.mannwhitneyu(one, base, method="exact").pvalue for one in (ours, third)]
    row = by_method["ours"]
    assert float(row["p_value"]) == pytest.approx(tests[0], abs=1e-6)
    assert float(row["p_value_holm"]) == pytest.approx(tests[0], abs=1e-6)  # the larger of two
    assert float(by_method["third"]["p_value_holm"]) == pytest.approx(2 * tests[1], abs=1e-6)
    assert float(row["better_share"]) == pytest.approx(19 / 25) and row["paired"] == "False"
    assert float(row["mean_difference_points"]) == pytest.approx(2.02)
    assert by_method["base"]["p_value"] == "" and by_method["base"]["verdict"] == ""
    assert "Against the baseline, base, the test is the two-sided rank-sum test" in text


def test_without_a_baseline_there_is_no_comparison_with_one(tmp_path: Path) -> None:
    records = [*of("a", [0.9, 0.8, 0.85]), *of("b", [0.7, 0.6, 0.65])]
    write_leaderboard(tmp_path, records, synthetic.facts(["a", "b"], baseline=None))
    text = (tmp_path / "leaderboard.md").read_text()
    assert "baseline" not in text
    assert {row["p_value"] for row in rows(tmp_path)} == {""}


def test_too_few_seeds_against_the_baseline_are_said(tmp_path: Path) -> None:
    records = [*of("base", [0.9, 0.8, 0.85]), *of("ours", [0.91, 0.93])]
    text = write(tmp_path, records, "base", "ours")
    assert "| undecided (too few seeds) |" in text and "| 1 (too few seeds) | ours |" in text


def test_calibration_is_shown_where_all_records_have_it(tmp_path: Path) -> None:
    known = of("a", [0.9, 0.8], changes={"evaluation.test.ece": 0.02})
    lacking = of("b", [0.7, 0.6])
    lacking[0] = synthetic.change(lacking[0], {"evaluation.test.ece": 0.02})
    text = write(tmp_path, known + lacking, "a", "b")
    assert [row["ece_percent"] for row in rows(tmp_path)] == ["2.0", ""]
    assert "1 of 4 records are older and lack it" in text


def test_tuned_rows_stand_beside_the_default_ones(tmp_path: Path) -> None:
    records = [*of("a", [0.9, 0.8, 0.85]), *of("b", [0.7, 0.6, 0.65])]
    changes = {"tuning": {"seconds": 500.0}, "configuration.evaluation.learning_rate": 0.5}
    tuned = [
        synthetic.change(record, changes | {"trial.id": record.trial.id[::-1]})
        for record in of("b", [0.75, 0.7, 0.72])
    ]
    text = write(tmp_path, records + tuned, "a", "b")
    table = [(row["method"], row["evaluation"], row["tuning_seconds"]) for row in rows(tmp_path)]
    assert table == [("a", "default", ""), ("b", "tuned", "500.0"), ("b", "default", "")]
    assert "| b (tuned) |" in text and "| tuned, 500 s of tuning |" in text


def test_rows_that_evaluate_the_same_searches_are_paired_by_search(tmp_path: Path) -> None:
    base = [0.90, 0.80, 0.70, 0.95, 0.85, 0.75]
    gaps = [0.010, 0.012, 0.015, 0.011, 0.013, 0.014]
    tuned = [
        synthetic.change(
            record,
            {
                "tuning": {"seconds": 1.0},
                "configuration.evaluation.learning_rate": 0.5,
                "trial.id": record.trial.id[::-1],
            },
        )
        for record in of("a", [one + gap for one, gap in zip(base, gaps, strict=True)])
    ]
    write(tmp_path, [*of("a", base), *tuned, *of("b", base)], "a", "b")
    by_row = {(row["method"], row["evaluation"]): row for row in rows(tmp_path)}
    paired, other = by_row["a", "tuned"], by_row["b", "default"]
    assert (paired["paired"], other["paired"]) == ("True", "False")
    assert float(paired["p_value"]) == pytest.approx(2 / 2**6)
    assert float(other["p_value"]) == 1


def test_evaluation_seeds_are_nested_in_their_search_seed(tmp_path: Path) -> None:
    records = []
    for record in of("a", [0.81, 0.80, 0.79]):
        size = record.evaluation.parameters
        test = {"accuracy": record.evaluation.test.accuracy + 0.02, "nll": 0.1, "images": 360}
        again = {"test": test, "seconds": 2.0, "parameters": size, "nonzero_parameters": size}
        changes = {"evaluation.repeats": [again] * 3, "evaluation.seconds": 1.0}
        records.append(synthetic.change(record, changes))
    write(tmp_path, records, "a")
    row = rows(tmp_path)[0]
    assert float(row["test_accuracy_percent"]) == pytest.approx(81.5) and row["seeds"] == "3"
    width = float(row["test_accuracy_high_percent"]) - float(row["test_accuracy_low_percent"])
    assert width == pytest.approx((SKEWED[3] + 4.302653) / 3**0.5, rel=1e-5)
    assert float(row["evaluation_seconds"]) == pytest.approx(7.0)


def test_latex_is_escaped(tmp_path: Path) -> None:
    write(tmp_path, of("a_b&c%", [0.9, 0.8, 0.7]), "a_b&c%")
    text = (tmp_path / "leaderboard.tex").read_text()
    assert r"a\_b\&c\% (baseline)" in text and r"test accuracy, \%" in text
    lines = [line for line in text.splitlines() if line.endswith(r" \\")]
    assert len(lines) == 2 and all(line.count(" & ") == 5 for line in lines)


def test_the_page_escapes_and_asks_for_nothing(tmp_path: Path) -> None:
    label = "<script>alert(1)</script>"
    write(tmp_path, of(label, [0.9, 0.8, 0.7]), label)
    text = (tmp_path / "leaderboard.html").read_text()
    assert "<script>alert" not in text and "&lt;script&gt;alert(1)" in text
    assert "://" not in text and "url(" not in text
    assert_well_formed(text)


def test_all_formats_say_the_same(tmp_path: Path) -> None:
    records = [*of("a", [0.9, 0.8, 0.7]), *of("b", [0.6, 0.7, 0.4])]
    markdown = write(tmp_path, records, "a", "b")
    page = (tmp_path / "leaderboard.html").read_text()
    facts = synthetic.facts(["a", "b"])
    latex = write_leaderboard(tmp_path, records, facts, columns=list(COLUMNS))[2].read_text()
    latex = re.sub(r"\\textbf\{([^}]*)\}", r"\1", latex).replace("$-$", "-")
    lines = [line for line in markdown.splitlines() if "| 3 |" in line]
    assert len(lines) == 2
    for cell in " ".join(lines).split("|"):
        if text := cell.strip():
            assert f">{text}</td>" in page
            assert f"{text} " in latex or text in ("default", "cpu")
