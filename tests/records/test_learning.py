"""The second gate: whether a trial's search learned."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from support import synthetic, tiny

from analysis.common import failed_searches
from analysis.common.trials import identify
from bench.data.loading import load
from bench.records.learning import find_problems, measure_rise, training_losses
from bench.records.schema import FinishedRecord
from bench.space.genotype import Genotype

RIGHT = {"supernet_accuracy": 0.6, "discretised_accuracy": 0.4, "chance": 0.1, "images": 1000}


def select(*operations: str) -> dict[str, Any]:
    cells: dict[str, Any] = {"normal": [[[name, 0] for name in operations]], "reduce": []}
    return Genotype.from_json({"space": "darts", "cells": cells}).to_json()


CONVOLUTIONS = select("sep_conv_3x3", "sep_conv_5x5")


def record(
    losses: list[float] | None = None, found: dict[str, Any] = CONVOLUTIONS, **learned: float
) -> FinishedRecord:
    epochs = [
        {"epoch": number, "seconds": 1.0, "terms": {"joint.cross_entropy": loss}}
        for number, loss in enumerate(losses or [], start=1)
    ]
    changes = {"search.learned": RIGHT | learned, "search.epochs": epochs}
    return synthetic.record("vinnas", found=found, changes=changes)


def test_a_search_that_learned_has_no_problem() -> None:
    assert find_problems(record([2.0, 1.5, 1.2, 1.1, 1.0, 0.95, 0.9, 0.88])) == []


def test_an_older_record_cannot_be_judged() -> None:
    assert find_problems(synthetic.record("darts")) is None


@pytest.mark.parametrize(
    ("learned", "references", "words"),
    [
        ({"supernet_accuracy": 0.1}, {}, "super-network has 10.0 % .* chance 10.0 %"),
        ({"supernet_accuracy": 0.118}, {}, "super-network has 11.8 %"),
        ({}, {"digits": 0.65}, "super-network has 60.0 % .* worst reference cell.* 65.0 %"),
        # chance 0.1 of 1,000 images: its standard error is 0.0095
        ({"discretised_accuracy": 0.118}, {}, "selection, with inherited weights, has 11.8 %"),
    ],
)
def test_each_measure_alone_tells(
    learned: dict[str, Any], references: dict[str, float], words: str
) -> None:
    (problem,) = find_problems(record(**learned), references) or []
    assert re.search(words, problem)


@pytest.mark.parametrize(
    ("operations", "is_failure"),
    [
        (("skip_connect", "max_pool_3x3", "sep_conv_3x3"), False),  # a collapse
        (("skip_connect", "noise"), False),
        (("skip_connect", "sep_conv_3x3"), True),
        (("skip_connect", "avg_pool_3x3", "sep_conv_3x3", "sep_conv_5x5"), True),  # half
        (("skip_connect", "max_pool_3x3", "avg_pool_3x3", "sep_conv_3x3", "sep_conv_5x5"), False),
        (("dil_conv_3x3", "sep_conv_3x3"), True),
        ((), True),  # nothing selected: not a cell of skip connections
    ],
)
def test_a_selection_without_weights_is_not_held_against_chance(
    operations: tuple[str, ...], is_failure: bool
) -> None:
    at_chance = record(found=select(*operations), discretised_accuracy=0.1)
    assert bool(find_problems(at_chance)) == is_failure
    untrained = record(found=select(*operations), discretised_accuracy=0.1, supernet_accuracy=0.1)
    assert find_problems(untrained)


def test_a_loss_that_rises_over_the_last_half() -> None:
    """By hand: the slope of 1.2, 1.31, 1.39, 1.5 is 0.49 / 5, three steps from end to end."""
    (problem,) = find_problems(record([2.0, 1.5, 1.2, 1.1, 1.2, 1.31, 1.39, 1.5])) or []
    assert problem == "its training loss rose by 0.294 nats over the last half"


def test_noise_is_no_rise() -> None:
    assert measure_rise([1.0, 1.3, 0.9, 1.2, 1.0, 1.25]) == 0.0
    assert measure_rise([1.0, 1.001, 1.002, 1.003]) == 0.0  # a third of a per cent
    assert measure_rise([1.0, 2.0]) == 0.0  # two epochs make no line with an error


def test_few_losses_have_to_rise_by_more_standard_errors() -> None:
    """With one degree of freedom Student's t passes 13.97 as rarely as a normal value passes 2."""
    assert measure_rise([1.0, 1.04, 1.1]) == 0.0  # 8.7 standard errors
    assert measure_rise([1.0, 1.048, 1.1]) == pytest.approx(0.1)  # 43 standard errors
    rises = sum(
        measure_rise(list(1 + 0.1 * np.random.default_rng(seed).standard_normal(3))) > 0
        for seed in range(2000)
    )
    assert 0.015 < rises / 2000 < 0.031  # of losses that do not rise 2.3 %


def test_the_training_loss_is_that_of_the_weights() -> None:
    terms = {"architecture.cross_entropy": 5.0, "weights.cross_entropy": 1.0, "weights.kl": 9.0}
    changes = {"search.epochs": [{"epoch": 1, "seconds": 1.0, "terms": terms}]}
    assert training_losses(synthetic.record("darts", changes=changes).search.epochs) == [1.0]


def test_a_search_that_cannot_learn_is_found_out(tmp_path: Path) -> None:
    """Learning rate 0: the super-network is as it was drawn."""
    failing = tiny.run(tiny.trial("darts", {"learning_rate": 0.0}), tmp_path).record
    assert isinstance(failing, FinishedRecord)
    assert find_problems(failing)
    learned = failing.search.learned
    assert learned is not None
    assert learned.images == failing.data.validation


def test_what_trains_no_super_network_is_not_judged(tmp_path: Path) -> None:
    made = tiny.run(tiny.trial("random"), tmp_path).record
    assert isinstance(made, FinishedRecord)
    assert find_problems(made) is None


def test_tables_with_a_row_per_trial_are_marked() -> None:
    good, bad = record(), record(supernet_accuracy=0.05)
    bad = bad.model_copy(update={"trial": bad.trial.model_copy(update={"seed": 1})})
    old = synthetic.record("darts")
    judged = failed_searches.judge([good, bad, old], synthetic.facts(["vinnas", "darts"]))
    table = pd.DataFrame([identify(one) | {"value": 1} for one in (good, bad, old)])
    other = pd.DataFrame({"method": ["vinnas"]})
    marked = failed_searches.mark({"a.csv": table, "b.csv": other, "c.md": "text"}, judged)
    first = marked["a.csv"]
    assert isinstance(first, pd.DataFrame)
    assert list(first) == ["method", "dataset", "seed", "trial", "search_failed", "value"]
    assert first["search_failed"].fillna("").tolist() == ["no", "yes", ""]
    assert marked["b.csv"] is other


def test_mixed_images_are_the_same_images() -> None:
    split = load(tiny.DATA, None, tiny.CPU).search.validation
    mixed = split.mixed()
    assert not torch.equal(mixed.indices, split.indices)
    assert torch.equal(mixed.indices.sort().values, split.indices.sort().values)
    assert torch.equal(split.mixed().indices, mixed.indices)
