"""A batch of one image, whose features may be one value per channel: its mean, so normalised 0."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import pytest
import torch
from support import tiny

from bench.records.schema import FinishedRecord
from bench.space.cpu.normalisation import BatchNormalisation, normalise
from bench.space.nas_bench_201.config import NasBench201Config
from bench.training.checkpoint import Checkpoint


@pytest.mark.parametrize("scaled", [False, True])
def test_one_value_is_normalised_to_zero(scaled: bool) -> None:
    """The limit of larger batches: two images that come closer and closer."""
    x = torch.randn(1, 6, 1, 1, requires_grad=True)
    scale = torch.rand(6) if scaled else None
    y = normalise(x, scale)
    assert torch.equal(y, torch.zeros(1, 6, 1, 1))
    near = normalise(torch.cat([x, x + 1e-9]), scale)
    assert torch.allclose(near, torch.zeros(2, 6, 1, 1), atol=1e-3)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(gradient, torch.zeros_like(x))


def test_one_value_leaves_the_bias_and_more_are_torchs_own() -> None:
    norm = BatchNormalisation(4)
    torch.nn.init.normal_(norm.bias)
    plain = torch.nn.BatchNorm2d(4, track_running_stats=False)
    plain.load_state_dict(norm.state_dict())
    one, more = torch.randn(1, 4, 1, 1), torch.randn(1, 4, 2, 1)
    assert torch.equal(norm(one).flatten(), norm.bias)
    assert torch.equal(norm(more), plain(more))


SPACES = {
    "darts": tiny.SPACE,
    "nas-bench-201": NasBench201Config(cells=1, channels=4),
}
FEATURES_OF_ONE_PIXEL = {"size": 4, "crop_padding": 0}


@pytest.mark.parametrize(
    ("space", "method", "options"),
    [
        ("darts", "darts", {}),
        ("nas-bench-201", "vinnas", {}),
        ("darts", "pgnas", {"candidate_batch": 39}),
    ],
)
def test_a_last_batch_of_one_image_is_measured(
    tmp_path: Path, space: str, method: str, options: dict[str, int]
) -> None:
    """By the gap, the learning check and candidates: 40 validation images in batches of 39."""
    search = {"discretisation_gap": True, "eigenvalue": True, "batch_size": 39}
    trial = tiny.trial(method, options, search=search, data=FEATURES_OF_ONE_PIXEL)
    trial = dataclasses.replace(trial, space=SPACES[space])
    record = tiny.run(trial, tmp_path).record
    assert isinstance(record, FinishedRecord), record.error
    signals = record.search.epochs[-1].collapse
    assert {"supernet_validation_accuracy", "discretised_validation_accuracy"} <= set(signals)
    assert record.search.learned is not None and record.search.learned.images == 40


def test_a_checkpoint_that_cannot_be_written_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    counted = itertools.count()
    checkpoint = Checkpoint(tmp_path / "file" / "search.pt", "identity")
    for _ in range(3):
        checkpoint.save(lambda: {"epoch": next(counted)}, force=True)
    _, err = capsys.readouterr()
    assert err.startswith("warning: no checkpoints of this stage: cannot write ")
    assert err.count("\n") == 1
