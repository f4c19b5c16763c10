"""What tuning maximises, against the evaluation itself; and that no test image is within reach."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from support import tiny

from bench.data.loading import load
from bench.data.splits import SearchData
from bench.run.trial import evaluation_method
from bench.seeds import derive
from bench.space.genotype import Genotype
from bench.study.model import Trial
from bench.testing.reachability import shared
from bench.training.discrete import EvaluationArguments
from bench.training.evaluation import evaluate
from bench.training.trainer import NonFiniteLoss, Trainer
from bench.tuning.objective import Found, Validation
from bench.tuning.plan import Diverged
from bench.tuning.space import defaults, parameters

VALUES = {"learning_rate": 0.05, "batch_size": 32, "label_smoothing": 0.1, "warm_up": 0.5}


def found(name: str, data: SearchData, seed: int = 0) -> Found:
    trial = tiny.trial(name, seed=seed, evaluation={"epochs": 2})
    genotype: Genotype = evaluation_method(trial, data).current()
    return Found(trial, genotype)


@pytest.mark.parametrize("name", ["darts", "vinnas"])
def test_it_is_what_the_evaluation_would_report(name: str) -> None:
    """Measuring between epochs, which pruning needs, changes nothing of the training."""
    data = load(tiny.DATA, None, tiny.CPU)
    one, two = found(name, data.search), found(name, data.search, seed=1)
    values: dict[str, Any] = dict(VALUES)
    changed = {}
    if name == "vinnas":
        values |= {"method.threshold": -1.0, "method.evaluation_beta": 1.0}
        changed = {"threshold": -1.0, "evaluation_beta": 1.0}
    reported: dict[int, float] = {}
    outcome = Validation((one, two), {"digits": data.search}, 2)(values, reported.__setitem__)
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
    assert sorted(reported) == [1, 2, 3, 4]
    if name == "darts":  # nothing is zeroed: the last report is the result
        assert reported[2] == accuracies[0] and reported[4] == outcome.values[0]
    else:
        assert nonzero[0] < expected[0]["parameters"]


def test_no_test_image_is_within_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the objective, and from every trainer while it runs."""
    data = load(tiny.DATA, None, tiny.CPU)
    secret = [data.test.pool.images, data.test.pool.labels, data.test.indices]
    checked = []
    run = Trainer.run

    def watching(self: Trainer) -> Any:
        checked.append(shared(secret, self))
        return run(self)

    monkeypatch.setattr(Trainer, "run", watching)
    objective = Validation((found("vinnas", data.search),), {"digits": data.search}, 1)
    assert shared(secret, data)
    assert shared(secret, objective) == []
    objective({}, lambda step, value: None)
    assert checked == [[]]


def test_a_loss_that_is_not_finite_is_a_divergence(monkeypatch: pytest.MonkeyPatch) -> None:
    data = load(tiny.DATA, None, tiny.CPU).search
    objective = Validation((found("darts", data),), {"digits": data}, 1)

    def broken(self: Trainer) -> Any:
        raise NonFiniteLoss("cross_entropy became nan in epoch 1")

    monkeypatch.setattr(Trainer, "run", broken)
    with pytest.raises(Diverged, match="darts on digits, seed 0: cross_entropy became nan"):
        objective({}, lambda step, value: None)


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
