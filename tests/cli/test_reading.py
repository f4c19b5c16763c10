"""Verbs that read records: the same bytes from the same records, and no word on damaged ones."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
from support import tiny_trials

from bench.records.store import Store
from bench.study.file import load
from bench.study.tuned_settings import with_settings
from bench.tabular import providers

Bench = Callable[..., int]


def test_a_damaged_record_stops_every_verb_that_reads_records(
    bench: Bench, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    store = Store(tmp_path / "results" / "small")
    path = store.write(tiny_trials.record(load("small.yaml").trials[0]), [])
    path.write_text(path.read_text()[:1000])
    for verb in ("run", "status", "leaderboard", "verify", "analyze", "report", "sync"):
        assert bench(verb, "small.yaml") == 2
        line = capsys.readouterr().err
        assert line.count("\n") == 1 and path.name in line and "damaged" in line
    assert len(path.read_text()) == 1000


def test_leaderboard_and_analyses_from_records_twice_the_same_bytes(
    bench: Bench, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "results" / "small"
    for trial in load("small.yaml", ["seeds=[0, 1, 2]"]).trials:
        Store(folder).write(tiny_trials.record(trial), tiny_trials.posterior())
    seen = []
    for _ in range(2):
        assert bench("analyze", "small.yaml", "--set", "seeds=[0, 1, 2]") == 0
        assert bench("leaderboard", "small.yaml", "--set", "seeds=[0, 1, 2]") == 0
        files = [path for path in folder.rglob("*") if path.is_file()]
        seen.append({path: path.read_bytes() for path in files})
    assert seen[0] == seen[1]
    assert {"leaderboard.md", "leaderboard.csv"} <= {path.name for path in seen[0]}
    assert str(folder.relative_to(tmp_path) / "leaderboard.md") in capsys.readouterr().out


def test_without_the_table_there_is_one_line_and_nothing_is_written(
    bench: Bench,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    providers.tables.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert bench("calibrate", "--output", str(tmp_path / "out")) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1 and "pip install 'bench-bayesian-nas[tabular]'" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("points", ["-1", "much", "nan"])
def test_a_region_is_a_number_of_points(
    bench: Bench, capsys: pytest.CaptureFixture[str], points: str
) -> None:
    assert bench("leaderboard", "small.yaml", "--region", points) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1 and "must be a number of points, from 0 to 100" in line


def test_tuned_trials_belong_to_the_study_for_every_verb_that_reads(
    bench: Bench, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "results" / "small"
    folder.mkdir(parents=True)
    (folder / "evaluation.yaml").write_text("settings: [{evaluation: {learning_rate: 0.1}}]\n")
    study = with_settings(load("small.yaml", ["seeds=[0, 1, 2]"]), folder, None)
    for trial in study.trials:
        more = {} if trial.tuning is None else {"tuning": dict(trial.tuning)}
        Store(folder).write(tiny_trials.record(trial, **more), tiny_trials.posterior())
    tuned = sum(trial.tuning is not None for trial in study.trials)
    assert tuned == len(study.trials) / 2
    for verb in ("leaderboard", "report", "analyze"):
        assert bench(verb, "small.yaml", "--set", "seeds=[0, 1, 2]") == 0
        rows = (folder / "leaderboard.csv").read_text().splitlines()[1:]
        labels = {trial.label for trial in study.trials}
        assert len(rows) == 2 * len(labels) and sum("tuned" in row for row in rows) == len(labels)
    capsys.readouterr()
    assert bench("status", "small.yaml", "--set", "seeds=[0, 1, 2]") == 0
    assert f"{len(study.trials)} trials" in capsys.readouterr().out
