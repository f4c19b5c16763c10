"""The shipped study `cifar10`: its trials build at full scale and take steps on such images."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

import bench.run.trial
from bench.data.loading import digest
from bench.data.splits import EvaluationData, Pool, SearchData, Split
from bench.records.schema import FinishedRecord
from bench.run.trial import run_trial
from bench.study.file import load


def noise() -> EvaluationData:
    """Four training, two validation and two test images of CIFAR-10's shape, all random."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (8, 3, 32, 32), generator=generator).to(torch.uint8)
    labels = torch.arange(8) % 10
    mean, std = torch.full((3,), 127.5), torch.full((3,), 73.6)
    pool, test = (Pool(images[s], labels[s], mean, std) for s in (slice(6), slice(6, 8)))
    names = tuple(f"class {number}" for number in range(10))
    search = SearchData(
        "cifar10",
        names,
        (3, 32, 32),
        digest(images, labels),
        Split(pool, torch.arange(4)),
        Split(pool, torch.arange(4, 6)),
    )
    return EvaluationData(search, Split(test, torch.arange(2)))


def test_it_is_the_papers_scale() -> None:
    study = load("cifar10")
    assert {trial.method for trial in study.trials} == {"darts", "vinnas", "pgnas", "random"}
    assert len(study.trials) == 12
    for trial in study.trials:
        assert (trial.space.cells, trial.space.channels, trial.space.nodes) == (8, 16, 4)
        assert len(trial.space.operations) == 8
        assert (trial.search.epochs, trial.search.batch_size) == (50, 64)
        e = trial.evaluation
        assert (e.cells, e.channels, e.epochs, e.batch_size) == (20, 36, 600, 96)
        assert (e.drop_path, e.auxiliary_weight, e.cutout) == (0.2, 0.4, 16)
        assert trial.data.crop_padding == 4 and trial.data.flip
        if trial.method == "darts":
            options = trial.options
            assert (options["learning_rate"], options["learning_rate_min"]) == (0.025, 0.001)
            assert (options["alpha_learning_rate"], options["alpha_weight_decay"]) == (3e-4, 1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["darts", "vinnas", "pgnas", "random"])
def test_it_builds_and_steps(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One epoch of two images a step, at the shipped cells, channels and operations."""
    monkeypatch.setattr(bench.run.trial, "load", lambda *arguments: noise())
    study = load("cifar10", ["methods.pgnas.candidates=1", "methods.pgnas.candidate_batch=2"])
    trial = next(t for t in study.trials if t.method == name)
    trial = dataclasses.replace(
        trial,
        search=dataclasses.replace(trial.search, epochs=1, batch_size=2),
        evaluation=dataclasses.replace(trial.evaluation, epochs=1, batch_size=6),
    )
    try:
        record = run_trial(
            trial, device=torch.device("cpu"), data_root=None, folder=tmp_path
        ).record
    finally:
        torch.use_deterministic_algorithms(False)
    assert isinstance(record, FinishedRecord), record.error
    assert record.evaluation.model_dump()["steps"] == 1
    if name != "random":
        assert record.search.steps == (1 if name == "darts" else 2)
    # 3.3 M parameters for the published cell; other cells are of that size
    assert 1_500_000 < record.evaluation.parameters < 6_500_000
    terms = record.evaluation.epochs[0].terms
    assert {"weights.cross_entropy", "weights.auxiliary"} <= set(terms)
