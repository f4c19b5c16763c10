"""The first page of all results: cards, methods by data set, an overall ranking."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pandas as pd
import pytest
from support import synthetic
from support.pages import assert_well_formed
from support.synthetic import with_accuracies

from analysis import write_index
from analysis.report.index import rank_overall
from bench.cli.main import main
from bench.records.gather import Gathered


def study(name: str, folder: Path, best: str = "darts") -> Gathered:
    worse = "random" if best == "darts" else "darts"
    records = [
        *with_accuracies(best, [0.91, 0.92, 0.93, 0.94, 0.95]),
        *with_accuracies(worse, [0.71, 0.72, 0.73, 0.74, 0.75]),
    ]
    facts = dataclasses.replace(synthetic.facts(["random", "darts"]), name=name)
    (folder / name).mkdir()
    return Gathered(records, [], {}, facts, folder / name)


def test_every_study_has_a_card_and_links_to_the_pages_that_are_there(tmp_path: Path) -> None:
    studies = [study("<b>", tmp_path), study("a", tmp_path)]
    (tmp_path / "a" / "report.html").write_text("")
    text = write_index(tmp_path, studies).read_text()
    assert_well_formed(text)
    assert text.count("<article>") == 2 and "<h2>&lt;b&gt;</h2>" in text
    assert re.findall(r'<a href="([^"]*)"', text) == ["a/report.html"]
    assert "darts 93.00 % on digits" in text and "93.00 % (rank 1 to 1)" in text
    assert "://" not in text
    assert write_index(tmp_path, studies[::-1]).read_text() == text


def test_tuned_evaluations_are_not_ranked(tmp_path: Path) -> None:
    own = study("a", tmp_path)
    plain = write_index(tmp_path, [own]).read_text()
    better = {"tuning": {"seconds": 3.0}, "evaluation.test.accuracy": 0.99}
    tuned = [
        synthetic.change(record, {**better, "trial.id": record.trial.id[::-1]})
        for record in own.records
    ]
    both = dataclasses.replace(own, records=[*own.records, *tuned])
    assert write_index(tmp_path, [both]).read_text() == plain


def test_ablations_have_a_card_and_are_not_ranked(tmp_path: Path) -> None:
    one, other = study("a", tmp_path), study("b", tmp_path, best="random")
    changed = {"variations": {"darts": {"method.order": 2}}}
    ablation = dataclasses.replace(other, facts=dataclasses.replace(other.facts, **changed))
    text = write_index(tmp_path, [one, ablation]).read_text()
    assert "<h2>b</h2>" in text and "b, digits" not in text
    alone = write_index(tmp_path, [one]).read_text()
    assert text[text.index("<table") :] == alone[alone.index("<table") :]
    assert "<table" not in write_index(tmp_path, [ablation]).read_text()


def test_the_overall_ranking_averages_shares_and_leaves_out_failed_searches() -> None:
    columns = ["setting", "method", "rank", "rank_low", "rank_high"]
    rows = pd.DataFrame(
        [
            ("one", "a", 1, 1, 2), ("one", "b", 2, 1, 2), ("one", "c", 3, 3, 3),
            ("two", "a", 1, 1, 1), ("two", "b", 2, 2, 2), ("two", "c", None, None, None),
        ],
        columns=columns,
    )  # fmt: skip
    ranking = rank_overall(rows).set_index("method")
    assert list(ranking.index) == ["a", "b", "c"]
    assert ranking["settings"].tolist() == [2, 2, 1]
    assert ranking.loc["a", ["share", "low", "high"]].tolist() == pytest.approx([100, 75, 100])
    assert ranking.loc["b", ["share", "low", "high"]].tolist() == pytest.approx([25, 25, 50])


@pytest.mark.parametrize("given", [[], ["quickstart", "--all"], ["--all", "--output", "x"]])
def test_one_study_or_all_of_them(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", *given]) == 2
    assert "name one STUDY, or --all" in capsys.readouterr().err


def test_all_of_no_results_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--all", "--results", str(tmp_path)]) == 2
    assert "no study has records" in capsys.readouterr().err
