"""The leaderboard's numbers, ranks and what it says below the table."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest
from scipy import stats
from support import synthetic
from support.pages import assert_well_formed
from support.synthetic import with_accuracies as of

from analysis import write_leaderboard
from bench.errors import ResultsError
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
    best, half = table[2], 4.302653 / 3**0.5  # Student's t, 2 degrees of freedom
    assert float(best["test_accuracy_percent"]) == pytest.approx(97)
    assert float(best["test_accuracy_low_percent"]) == pytest.approx(97 - half)
    assert float(best["test_accuracy_high_percent"]) == pytest.approx(97 + half)
    assert best["seeds"] == "3"
    assert float(best["search_seconds"]) == pytest.approx(13.5)  # 12.5, 13.5, 14.5
    assert float(best["evaluation_seconds"]) == pytest.approx(11.25)
    sizes = [record.evaluation.parameters for record in records[3:6]]
    assert float(best["parameters"]) == pytest.approx(sum(sizes) / 3, abs=1e-5)
    text = (tmp_path / "leaderboard.md").read_text()
    assert "| 1 (1 to 1) | b | 97.00 (94.52 to 99.48) | 3 | 100 (29 to 100) | 0.013 |" in text
    assert "| a (baseline) |" in text
    assert "digits: b is better than a (1 of 1 pair)." in text


def test_significant_differences_are_named_pair_by_pair(tmp_path: Path) -> None:
    noise = [0.0, 0.001, -0.001, 0.0005]
    means = {"best": 0.9, "good": 0.8, "poor": 0.7}
    records = [r for name, mean in means.items() for r in of(name, [mean + e for e in noise])]
    records += of("single", [0.5])
    text = write(tmp_path, records, *means, "single")
    assert (
        "digits: best is better than good and poor; good is better than poor (3 of 6 pairs;"
        " 3 could not be tested, too few seeds)." in text
    )
    assert "corrected by Holm over all pairs of methods on the data set, rejects at 5 %" in text


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
    assert "90.00 (1 seed: too few for an interval)" in text
    assert "55.00 (2 seeds: too few for an interval)" in text
    assert "digits: none, as a test takes 3 seeds that both methods have." in text


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
    ours, base = [0.91, 0.93, 0.92, 0.95], [0.90, 0.94, 0.90, 0.91]
    third = [0.5, 0.52, 0.51, 0.55]
    records = [*of("base", base), *of("ours", ours), *of("third", third)]
    text = write(tmp_path, records, "base", "ours", "third")
    by_method = {row["method"]: row for row in rows(tmp_path)}
    tests = [stats.ttest_rel(ours, base).pvalue, stats.ttest_rel(third, base).pvalue]
    row = by_method["ours"]
    assert float(row["p_value"]) == pytest.approx(tests[0], abs=1e-6)
    assert float(row["p_value_holm"]) == pytest.approx(tests[0], abs=1e-6)  # the larger of two
    assert float(by_method["third"]["p_value_holm"]) == pytest.approx(2 * tests[1], abs=1e-6)
    assert float(row["beats_baseline"]) == 0.75 and row["paired_seeds"] == "4"
    assert float(row["difference_points"]) == pytest.approx(1.5)
    assert by_method["base"]["p_value"] == "" and by_method["base"]["beats_baseline"] == ""
    assert "Against the baseline, base, methods are compared seed by seed." in text


def test_without_a_baseline_there_is_no_comparison_with_one(tmp_path: Path) -> None:
    records = [*of("a", [0.9, 0.8, 0.85]), *of("b", [0.7, 0.6, 0.65])]
    write_leaderboard(tmp_path, records, synthetic.facts(["a", "b"], baseline=None))
    text = (tmp_path / "leaderboard.md").read_text()
    assert "baseline" not in text.replace("beats_baseline", "")
    assert {row["p_value"] for row in rows(tmp_path)} == {""}


def test_too_few_seeds_against_the_baseline_are_said(tmp_path: Path) -> None:
    records = [*of("base", [0.9, 0.8, 0.85]), *of("ours", [0.91, 0.93])]
    text = write(tmp_path, records, "base", "ours")
    assert "| too few seeds | too few seeds |" in text and "| 1 (too few seeds) | ours |" in text


def test_calibration_is_shown_where_all_records_have_it(tmp_path: Path) -> None:
    known = of("a", [0.9, 0.8], changes={"evaluation.test.ece": 0.02})
    lacking = of("b", [0.7, 0.6])
    lacking[0] = synthetic.change(lacking[0], {"evaluation.test.ece": 0.02})
    text = write(tmp_path, known + lacking, "a", "b")
    assert [row["ece_percent"] for row in rows(tmp_path)] == ["2.000000", ""]
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
    assert table == [("a", "default", ""), ("b", "tuned", "500.000000"), ("b", "default", "")]
    assert "| b (tuned) |" in text and "| tuned, 500 s of tuning |" in text


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
    assert width == pytest.approx(2 * 4.302653 * 1 / 3**0.5, rel=1e-5)
    assert float(row["evaluation_seconds"]) == pytest.approx(7.0)


def test_latex_is_escaped(tmp_path: Path) -> None:
    write(tmp_path, of("a_b&c%", [0.9, 0.8, 0.7]), "a_b&c%")
    text = (tmp_path / "leaderboard.tex").read_text()
    assert r"a\_b\&c\% (baseline)" in text and r"test accuracy, \%" in text
    for block in text.split("\\begin{tabular}{")[1:]:
        columns = block.index("}")
        lines = [line for line in block.splitlines() if line.endswith("\\\\")]
        assert len(lines) == 2 and all(line.count(" & ") == columns - 1 for line in lines)


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
    latex = (tmp_path / "leaderboard.tex").read_text()
    lines = [line for line in markdown.splitlines() if "| 3 |" in line]
    assert len(lines) == 2
    for cell in " ".join(lines).split("|"):
        if text := cell.strip():
            assert f">{text}</td>" in page and f"{text} " in latex
