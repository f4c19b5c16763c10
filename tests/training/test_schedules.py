"""Learning-rate schedules: their formulas, and that the trainer follows them."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from bench.data.augmentation import Augmentation
from bench.data.splits import Batch, Pool, Split
from bench.method import (
    Batches,
    Objective,
    Phase,
    constant,
    cosine,
    evaluation_schedule,
)
from bench.noise import Noise
from bench.training.config import EvaluationConfig
from bench.training.trainer import Hooks, Trainer, TrainerOptions


@given(st.floats(0, 1), st.floats(0, 1))
def test_cosine(minimum: float, progress: float) -> None:
    schedule = cosine(minimum)
    assert schedule(0.0) == pytest.approx(1.0)
    assert schedule(0.5) == pytest.approx((1 + minimum) / 2)
    assert schedule(1.0) == pytest.approx(minimum)
    assert minimum - 1e-12 <= schedule(progress) <= 1 + 1e-12
    assert constant(progress) == 1.0


def test_the_search_of_the_paper_ends_next_to_its_smallest_rate() -> None:
    """0.025 to 0.001 in 50 epochs, as torch's own cosine gives it."""
    parameter = nn.Parameter(torch.zeros(1))
    sgd = torch.optim.SGD([parameter], 0.025)
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, 50, eta_min=0.001)
    schedule = cosine(0.001 / 0.025)
    for epoch in range(1, 51):
        assert 0.025 * schedule((epoch - 1) / 50) == pytest.approx(reference.get_last_lr()[0])
        sgd.step()
        reference.step()


def test_a_learning_rate_of_zero_stays_zero() -> None:
    assert 0.0 * cosine(0.001, 0.0)(0.5) == 0.0
    assert cosine(0.01, 0.1)(1.0) == pytest.approx(0.1)


def test_warm_up_then_cosine() -> None:
    config = EvaluationConfig(
        epochs=10, warm_up_epochs=4, learning_rate=0.1, learning_rate_min=0.01
    )
    schedule = evaluation_schedule(config)
    rates = [0.1 * schedule(epoch / 10) for epoch in range(10)]
    assert rates[:5] == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1])
    expected = [0.01 + 0.09 * 0.5 * (1 + math.cos(math.pi * k / 6)) for k in range(6)]
    assert rates[4:] == pytest.approx(expected)


def test_without_warm_up_it_is_a_cosine() -> None:
    config = EvaluationConfig(epochs=7, learning_rate=0.1, learning_rate_min=0.02)
    schedule, reference = evaluation_schedule(config), cosine(0.2)
    for epoch in range(7):
        assert schedule(epoch / 7) == pytest.approx(reference(epoch / 7))


# -- the trainer ----------------------------------------------------------------------------------


def split(size: int) -> Split:
    images = torch.arange(size, dtype=torch.uint8).view(size, 1, 1, 1)
    return Split(
        Pool(images, torch.arange(size), torch.zeros(1), torch.ones(1)), torch.arange(size)
    )


class Recorder:
    """Two phases over two splits; every objective remembers the batch and the rate that it met."""

    def __init__(self) -> None:
        self.module = nn.ParameterDict({n: nn.Parameter(torch.ones(3)) for n in ("a", "b", "c")})
        self.seen: list[tuple[str, list[int], float, list[bool]]] = []
        self.phases = [
            self.phase("first", "few", ["a"], cosine(), None),
            self.phase("second", "many", ["b", "c"], constant, 0.5),
        ]

    def phase(self, name: str, part: str, keys: list[str], schedule, clip) -> Phase:
        parameters = [self.module[key] for key in keys]
        sgd = torch.optim.SGD(parameters, 0.5)

        def objective(batches: Batches) -> Objective:
            batch: Batch = batches[part]
            wanted = [parameter.requires_grad for parameter in self.module.values()]
            self.seen.append((name, batch.labels.tolist(), sgd.param_groups[0]["lr"], wanted))
            total = torch.stack([p.sum() for p in self.module.values()]).sum()
            size = torch.tensor(float(len(batch.labels)))
            return Objective({"loss": 100 * total}, {"size": size})

        return Phase(name, part, parameters, [sgd], objective, schedule, clip)

    def trainer(self, epochs: int, hooks: Hooks | None = None) -> Trainer:
        options = TrainerOptions(epochs, 4, Augmentation(), "float32", False, seed=0)
        parts = {"few": split(5), "many": split(14)}
        modules = {"module": self.module}
        return Trainer(self.phases, parts.__getitem__, modules, options, Noise(), hooks=hooks)


def test_the_trainer_follows_phases_splits_and_schedules() -> None:
    recorder = Recorder()
    history = recorder.trainer(epochs=4).run()
    steps = 14 // 4  # of the last phase's split
    assert history.steps == 4 * steps and len(history.epochs) == 4
    assert [name for name, *_ in recorder.seen] == ["first", "second"] * 4 * steps
    for index, (name, labels, rate, wanted) in enumerate(recorder.seen):
        epoch = index // (2 * steps)
        first = name == "first"
        assert len(set(labels)) == 4 and max(labels) < (5 if first else 14)
        assert rate == pytest.approx(0.5 * cosine()(epoch / 4) if first else 0.5)
        assert wanted == ([True, False, False] if first else [False, True, True])
    # the many are met at most once an epoch
    for epoch in range(4):
        met = [
            label
            for name, labels, *_ in recorder.seen[epoch * 2 * steps : (epoch + 1) * 2 * steps]
            if name == "second"
            for label in labels
        ]
        assert len(met) == len(set(met)) == 4 * steps
    row = history.epochs[0]
    assert row["epoch"] == 1 and row["metrics"] == {"first.size": 4.0, "second.size": 4.0}
    assert set(row["terms"]) == {"first.loss", "second.loss"}


def test_gradients_are_clipped_by_their_joint_norm() -> None:
    recorder = Recorder()
    trainer = recorder.trainer(epochs=1)
    trainer.steps = 1
    trainer.run()
    moved = torch.cat([1 - recorder.module[key].detach() for key in ("b", "c")])
    assert moved.norm().item() == pytest.approx(0.5 * 0.5, rel=1e-4)  # rate times clip
    assert torch.allclose(moved, moved[0].expand(6))
    # a gradient of 100, not clipped
    assert torch.allclose(recorder.module["a"].detach(), torch.full((3,), 1 - 0.5 * 100.0))


def test_hooks_come_around_epochs() -> None:
    calls: list[tuple[str, int]] = []

    def after(epoch: int) -> dict[str, int]:
        calls.append(("after", epoch))
        return {"extra": epoch}

    hooks = Hooks(
        before=lambda epoch: calls.append(("before", epoch)),
        after=after,
        report=lambda epoch, metrics: calls.append(("report", epoch)),
    )
    history = Recorder().trainer(2, hooks).run()
    names = ("before", "after", "report")
    assert calls == [(name, epoch) for epoch in (1, 2) for name in names]
    assert [row["extra"] for row in history.epochs] == [1, 2]
