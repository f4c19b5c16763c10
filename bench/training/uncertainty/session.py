"""What a record keeps of the uncertainty of a trained network's predictions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import torch

from bench.data.splits import Pool, Split
from bench.training.config import UncertaintyConfig
from bench.training.evaluation import EvaluationOutcome
from bench.training.uncertainty.corruptions import corrupt
from bench.training.uncertainty.measures import detect, score
from bench.training.uncertainty.outside import Outside
from bench.training.uncertainty.predicting import (
    Arguments,
    OfMember,
    Way,
    by_draws,
    by_ensemble,
    by_means,
    predict,
)


def measure_uncertainty(
    arguments: Arguments, outcome: EvaluationOutcome, outside: Outside | None, of_member: OfMember
) -> dict[str, Any]:
    """The record's `evaluation.uncertainty`, of the network that `evaluate` has trained.

    Every way of predicting on the same images, with `measures.score` of the test images and of
    their corruptions, and `measures.detect` of the outside ones. outside: None where the study
    names none. Raises NonFiniteLoss.
    """
    config = arguments.config.uncertainty
    assert config is not None
    ways = _list_ways(arguments, outcome, config, of_member)
    channels_last, test = arguments.config.channels_last, arguments.data.test
    labels = test.labels.cpu()
    rows: dict[str, dict[str, Any]] = {}
    for name, way in ways.items():
        started = time.perf_counter()
        known = predict(way, test, channels_last)
        rows[name] = {
            "passes": len(way.passes),
            "trainings": way.trainings,
            "training_seconds": way.seconds,
            "prediction_seconds": time.perf_counter() - started,
            "test": score(known, labels),
        }
        if outside is not None:
            unknown = predict(way, outside.split, channels_last)
            rows[name]["detection"] = detect(known, unknown)
    for corruption, strength, split in _iter_corrupted(test, config):
        for name, way in ways.items():
            own = rows[name].setdefault("corrupted", {}).setdefault(corruption, {})
            own[str(strength)] = score(predict(way, split, channels_last), labels)
    return {"outside": None if outside is None else outside.facts, "predictions": rows}


def _list_ways(
    arguments: Arguments,
    outcome: EvaluationOutcome,
    config: UncertaintyConfig,
    of_member: OfMember,
) -> dict[str, Way]:
    network, seconds = outcome.network, outcome.history.seconds
    ways = {"deterministic": by_means(network, seconds)}
    draws = by_draws(arguments, network, config.passes, seconds)
    if draws is not None:
        ways["draws"] = draws
    if config.ensemble:
        ways["ensemble"] = by_ensemble(arguments, network, config.passes, seconds, of_member)
    return ways


def _iter_corrupted(test: Split, config: UncertaintyConfig) -> Iterator[tuple[str, int, Split]]:
    pool = test.pool
    images = pool.cut(pool.take(test.indices))
    positions = torch.arange(len(test), device=test.device)
    for corruption in config.corruptions:
        for strength in config.strengths:
            corrupted = corrupt(images, corruption, strength)
            whole = Pool(corrupted, test.labels, pool.mean, pool.std)
            yield corruption, strength, Split(whole, positions)
