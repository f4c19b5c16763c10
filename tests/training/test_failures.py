"""A loss that is NaN or infinite ends a trial with a clear error in its record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from support import tiny

from bench.records.schema import FailedRecord
from bench.records.store import Store


@pytest.fixture(autouse=True)
def usual_algorithms() -> Iterator[None]:
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("darts", {"learning_rate": 1e30, "gradient_clip": 1e30}),
        ("vinnas", {"z_learning_rate": 1e30, "gradient_clip": 1e30}),
        ("pgnas", {"learning_rate": 1e30, "gradient_clip": 1e30}),
    ],
)
def test_in_the_search(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    outcome = tiny.run(tiny.trial(name, options), tmp_path)
    record = outcome.record
    assert isinstance(record, FailedRecord)
    assert record.error.stage == "search"
    assert record.error.type == "NonFiniteLoss"
    message = record.error.message
    assert "\n" not in message and message.endswith("in epoch 1") and "became" in message
    assert record.genotype is None and record.evaluation is None
    assert record.data is not None and record.data.train + record.data.validation == 200


def test_in_the_evaluation_the_search_is_kept(tmp_path: Path) -> None:
    chosen = tiny.trial("random", evaluation={"learning_rate": 1e30, "gradient_clip": 1e30})
    record = tiny.run(chosen, tmp_path).record
    assert isinstance(record, FailedRecord)
    assert record.error.stage == "evaluation"
    assert record.error.type == "NonFiniteLoss"
    assert record.error.message == "weights.cross_entropy became nan in epoch 1"
    assert record.genotype is not None and record.evaluation is None


@pytest.mark.parametrize("rate", [1e38, 1e30, 1e15])
@pytest.mark.parametrize("stage", ["search", "evaluation"])
def test_in_the_very_last_step_too(stage: str, rate: float, tmp_path: Path) -> None:
    """One step alone: its loss is finite, what it leaves is not. NaN would be null in a record."""
    broken = {"learning_rate": rate, "gradient_clip": 1e38}
    if stage == "search":
        chosen = tiny.trial("darts", broken, search={"batch_size": 200})
    else:
        chosen = tiny.trial("random", evaluation={**broken, "batch_size": 200, "momentum": 0.0})
    record = tiny.run(chosen, tmp_path).record
    stages = [stage for stage in (record.search, record.evaluation) if stage is not None]
    epochs = [epoch for stage in stages for epoch in stage.epochs]
    assert None not in [v for e in epochs for v in (*e.terms.values(), *e.metrics.values())]
    if isinstance(record, FailedRecord):
        assert record.error.stage == stage
        assert record.error.type == "NonFiniteLoss"
    else:
        assert record.evaluation.test.nll is not None


def test_a_missing_data_set_is_an_error_of_the_data_without_a_traceback(tmp_path: Path) -> None:
    chosen = tiny.trial("random", data={"name": f"image-folder:{tmp_path}/nothing"})
    record = tiny.run(chosen, tmp_path).record
    assert isinstance(record, FailedRecord)
    assert record.error.stage == "data" and record.error.traceback == ""
    assert "nothing" in record.error.message
    assert record.data is None and record.search is None


def test_failed_records_can_be_stored(tmp_path: Path) -> None:
    chosen = tiny.trial("darts", {"learning_rate": 1e30, "gradient_clip": 1e30})
    outcome = tiny.run(chosen, tmp_path / "checkpoints")
    store = Store(tmp_path / "results")
    store.prepare()
    store.write(outcome.record, outcome.posterior)
    assert list(store) == [outcome.record]


def test_parameters_that_the_last_step_ruined_end_the_search(tmp_path: Path) -> None:
    """DARTS selects by alpha alone, so nothing else would notice what a last step has done."""
    options = {"learning_rate": 1e30, "weight_decay": 1e30}
    chosen = tiny.trial("darts", options, search={"batch_size": 200})
    error = tiny.run(chosen, tmp_path).record.error
    assert error is not None
    assert (error.stage, error.type) == ("search", "NonFiniteLoss")
    assert error.message.startswith("parameter ")
    assert error.message.endswith("became NaN or infinite in epoch 1")
