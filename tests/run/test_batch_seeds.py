"""`--batch-seeds`: groups of trials, in real worker processes and through real searches."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from support import studies

from bench.records.store import Store
from bench.run.pool import groups, run_trials
from bench.run.progress import Progress
from bench.run.trial import run_trial, search_together
from bench.study.file import load
from bench.study.model import Study

COINS = """\
name: small
description: coins
methods: {a: {method: coin}, b: {method: coin, tosses: 2}}
datasets: [digits]
seeds: [0, 1, 2]
search: {epochs: 2}
"""


@pytest.fixture
def coins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.syspath_prepend(str(studies.PLUGIN))
    monkeypatch.setenv("TINY_GROUPS", str(tmp_path / "groups"))
    return load(studies.write(tmp_path, COINS))


def run_all(study: Study, folder: Path, batch_seeds: int) -> tuple[Store, list[str]]:
    store, said = Store(folder / "results"), io.StringIO()
    store.prepare()
    trials = list(study.trials)
    progress = Progress(len(trials), 0, 1, list(trials), said)
    run_trials(
        trials,
        store,
        progress,
        devices=["cpu"],
        execute="support.tiny_groups:run",
        batch_seeds=batch_seeds,
    )
    progress.close()
    return store, said.getvalue().splitlines()


def test_groups_differ_in_the_seed_alone(coins: Study) -> None:
    def names(batch_seeds: int) -> list[str]:
        made = groups(coins.trials, batch_seeds)
        return [f"{group[0].label}{''.join(str(t.seed) for t in group)}" for group in made]

    assert names(1) == ["a0", "b0", "a1", "b1", "a2", "b2"]
    assert names(2) == ["a01", "b01", "a2", "b2"]
    assert names(9) == ["a012", "b012"]


def test_a_group_is_searched_together_and_every_trial_has_its_record(
    coins: Study, tmp_path: Path
) -> None:
    store, said = run_all(coins, tmp_path, 2)
    assert len(store.standing(coins.trials).finished) == 6
    assert (tmp_path / "groups").read_text() == "a: 0 1\nb: 0 1\n"
    assert len(said) == 6


def test_why_a_group_is_not_searched_together_is_said_in_a_line(
    coins: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINY_TOGETHER", "no such thing")
    store, said = run_all(coins, tmp_path, 3)
    assert len(store.standing(coins.trials).finished) == 6
    assert said[0] == "a on digits, seeds 0, 1, 2: searched one after another: no such thing"
    assert len(said) == 8


def test_a_worker_that_dies_costs_one_trial_of_its_group(
    coins: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINY_TOGETHER", "kill")
    store, _ = run_all(coins, tmp_path, 3)
    standing = store.standing(coins.trials)
    assert [record["error"]["type"] for record in standing.failed] == ["WorkerDied"] * 2
    assert [record["error"]["stage"] for record in standing.failed] == ["search"] * 2
    assert len(standing.finished) == 4 and not standing.missing


def test_a_trial_that_kills_its_worker_costs_that_trial_alone(
    coins: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINY_TRIALS", json.dumps({"a": "kill"}))
    store, _ = run_all(coins, tmp_path, 3)
    standing = store.standing(coins.trials)
    assert {record["trial"]["label"] for record in standing.failed} == {"a"}
    assert len(standing.failed) == 3 and len(standing.finished) == 3


SMALL = """\
name: real
description: two seeds on digits, as small as it gets
methods: {darts: {}, second: {method: darts, order: 2}, random: {}}
datasets: [digits]
seeds: [0, 1]
data: {train_limit: 48, test_limit: 32, validation_fraction: 0.4}
space: {operations: [none, max_pool_3x3, sep_conv_3x3], nodes: 1, cells: 1, channels: 2}
search: {epochs: 2, batch_size: 8}
evaluation: {epochs: 1, batch_size: 16, cells: 1, channels: 2, auxiliary_weight: 0}
"""


def records(study: Study, label: str, folder: Path, together: bool) -> list[dict[str, Any]]:
    """Of a label's trials, run one after another or searched together first."""
    where: dict[str, Any] = {"device": torch.device("cpu"), "data_root": None}
    trials = [trial for trial in study.trials if trial.label == label]
    if together:
        why = search_together(trials, folder=folder, **where)
        assert (why is None) == (label != "second"), why
    return [run_trial(t, folder=folder / t.stem, **where).record for t in trials]


@pytest.mark.parametrize("label", ["darts", "second", "random"])
def test_records_are_those_of_trials_run_alone(label: str, tmp_path: Path) -> None:
    study = load(studies.write(tmp_path, SMALL))
    alone = records(study, label, tmp_path / "alone", together=False)
    together = records(study, label, tmp_path / "together", together=True)
    for one, other in zip(together, alone, strict=True):
        assert one["status"] == "finished", one["error"]
        assert one["trial"] == other["trial"]
        assert one["genotype"] == other["genotype"]
        assert one["search"].get("batched_seeds") == (2 if label == "darts" else None)
        assert one["search"]["steps"] == other["search"]["steps"]
        for mine, theirs in zip(one["search"]["epochs"], other["search"]["epochs"], strict=True):
            assert mine["terms"] == pytest.approx(theirs["terms"], rel=1e-3)
    assert not [path for path in (tmp_path / "together").rglob("*") if path.is_file()]
