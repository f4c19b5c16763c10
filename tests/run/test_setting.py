"""What tuning maximises, against the evaluation itself; and that no test image is within reach."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from support import tiny

from bench.data.loading import load
from bench.data.splits import SearchData
from bench.errors import DataError
from bench.run import setting
from bench.run.messages import EpochDone
from bench.run.setting import Found, measure, train_setting
from bench.run.trial import evaluation_method
from bench.seeds import derive
from bench.space.genotype import Genotype
from bench.study.hyperparameters import defaults, parameters
from bench.study.model import Trial
from bench.testing.reachability import shared
from bench.training import checkpoint
from bench.training.discrete import EvaluationArguments
from bench.training.evaluation import evaluate
from bench.training.trainer import NonFiniteLoss, Trainer

VALUES = {"learning_rate": 0.05, "batch_size": 32, "label_smoothing": 0.1, "warm_up": 0.5}


def found(name: str, data: SearchData, seed: int = 0) -> Found:
    trial = tiny.trial(name, seed=seed, evaluation={"epochs": 2})
    genotype: Genotype = evaluation_method(trial, data).current()
    return Found(trial, genotype)


@pytest.mark.parametrize("name", ["darts", "vinnas"])
def test_it_is_what_the_evaluation_would_report(name: str, tmp_path: Path) -> None:
    """Measuring between epochs, which pruning needs, changes nothing of the training."""
    data = load(tiny.DATA, None, tiny.CPU)
    one, two = found(name, data.search), found(name, data.search, seed=1)
    values: dict[str, Any] = dict(VALUES)
    changed = {}
    if name == "vinnas":
        values |= {"method.threshold": -1.0, "method.evaluation_beta": 1.0}
        changed = {"threshold": -1.0, "evaluation_beta": 1.0}
    said: list[EpochDone] = []
    outcome = measure((one, two), {tiny.DATA: data.search}, values, 2, tmp_path, said.append)
    reported = {done.epoch: done.metrics["accuracy"] for done in said if done.epoch}
    expected = []
    for architecture in (one, two):
        trial = architecture.trial
        config = dataclasses.replace(
            trial.evaluation,
            learning_rate=0.05,
            label_smoothing=0.1,
            warm_up_epochs=1,
        )
        arguments = EvaluationArguments(
            genotype=architecture.genotype,
            method=evaluation_method(trial, data.search, changed),
            config=config,
            data=data,
            augmentation=trial.data,
            seed=derive("tuning", trial.seed),
        )
        expected.append(evaluate(arguments).result)
    accuracies = [result["validation"]["accuracy"] for result in expected]
    nonzero = [result["nonzero_parameters"] for result in expected]
    assert outcome.values == (sum(accuracies) / 2, sum(nonzero) / 2)
    assert [row["accuracy"] for row in outcome.facts["architectures"]] == accuracies
    assert sorted(reported) == [1, 2, 3, 4] and reported == outcome.steps
    assert [(done.stage, done.epochs) for done in said] == [("tuning", 4)] * 5
    if name == "darts":  # nothing is zeroed: the last report is the result
        assert reported[2] == accuracies[0] and reported[4] == outcome.values[0]
    else:
        assert nonzero[0] < expected[0]["parameters"]


class Killed(BaseException):
    """In the middle of a setting."""


@pytest.mark.parametrize("until", [1, 3])
def test_an_interrupted_setting_goes_on_from_its_checkpoints(
    until: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the architecture that was trained, and of those before it; all is reported again."""
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 0.0)
    data = load(tiny.DATA, None, tiny.CPU).search
    both = [found("vinnas", data), found("vinnas", data, seed=1)]
    epochs: list[int] = []
    epoch = Trainer._epoch

    def counting(self: Trainer, number: int) -> Any:
        epochs.append(number)
        return epoch(self, number)

    def killed(done: EpochDone) -> None:
        if done.epoch == until:
            raise Killed

    def ignore(done: EpochDone) -> None:
        pass

    whole = measure(both, {tiny.DATA: data}, VALUES, 2, tmp_path / "whole", ignore)
    with pytest.raises(Killed):
        measure(both, {tiny.DATA: data}, VALUES, 2, tmp_path / "broken", killed)
    monkeypatch.setattr(Trainer, "_epoch", counting)
    said: list[EpochDone] = []
    again = measure(both, {tiny.DATA: data}, VALUES, 2, tmp_path / "broken", said.append)
    assert len(epochs) == 4 - until
    assert [done.epoch for done in said] == [0, 1, 2, 3, 4]
    assert (again.values, again.steps) == (whole.values, whole.steps)


def test_no_test_image_is_within_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From every trainer while it runs, in the job that loads the data itself."""
    data = load(tiny.DATA, None, tiny.CPU)
    secrets: list[Any] = []
    checked = []
    run = Trainer.run

    def keep(*arguments: Any) -> Any:
        loaded = load(*arguments)
        secrets.extend([loaded.test.pool.images, loaded.test.pool.labels, loaded.test.indices])
        assert shared(secrets, loaded)
        return loaded

    def watching(self: Trainer) -> Any:
        checked.append(shared(secrets, self))
        return run(self)

    monkeypatch.setattr(setting, "load", keep)
    monkeypatch.setattr(Trainer, "run", watching)
    setting._load.cache_clear()
    outcome = train(found("vinnas", data.search), data.search.digest, tmp_path)
    assert secrets and checked == [[]]
    assert shared(secrets, setting._load(tiny.DATA, None, tiny.CPU)) == []
    assert outcome.facts["environment"]["device"] == "cpu"


def train(one: Found, digest: str, folder: Path) -> Any:
    where = {"device": tiny.CPU, "data_root": None, "folder": folder}
    return train_setting((one,), {}, 1, {tiny.DATA: digest}, **where)


def test_other_images_than_the_driver_s_are_refused(tmp_path: Path) -> None:
    data = load(tiny.DATA, None, tiny.CPU).search
    with pytest.raises(DataError, match="digits: other images than where bench tune was started"):
        train(found("darts", data), "0" * 64, tmp_path)


def test_a_loss_that_is_not_finite_is_a_divergence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A result, which names the architecture."""
    data = load(tiny.DATA, None, tiny.CPU).search
    both = [found("darts", data), found("darts", data, seed=1)]
    run, runs = Trainer.run, 0

    def broken(self: Trainer) -> Any:
        nonlocal runs
        runs += 1
        if runs == 2:
            raise NonFiniteLoss("cross_entropy became nan in epoch 1")
        return run(self)

    monkeypatch.setattr(Trainer, "run", broken)
    outcome = measure(both, {tiny.DATA: data}, {}, 1, tmp_path, lambda done: None)
    assert outcome.diverged == "darts on digits, seed 1: cross_entropy became nan in epoch 1"
    assert outcome.values == () and list(outcome.steps) == [1] and outcome.seconds > 0


def test_the_default_setting_is_in_every_range() -> None:
    trial: Trial = tiny.trial("vinnas", {"threshold": 9.0}, evaluation={"weight_decay": 0.0})
    space = {parameter.name: parameter for parameter in parameters(trial, 8)}
    assert defaults(tuple(space.values()))["method.threshold"] == 9.0
    for parameter in space.values():
        if parameter.choices:
            assert parameter.default in parameter.choices
        else:
            assert parameter.low <= parameter.default <= parameter.high
        assert not parameter.log or parameter.low > 0
    assert space["weight_decay"].log is False and space["cutout"].high == 4
    assert not any(
        name.startswith("method.") for name in (p.name for p in parameters(trial, 8, own=False))
    )
