"""The same trial gives the same genotype, metrics and bits, unbroken or resumed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from support import tiny
from support.tiny import Interruption, lasting

import bench.run.trial
from bench.training import checkpoint

METHODS: list[tuple[str, dict[str, Any]]] = [
    ("darts", {}),
    ("darts", {"order": 2}),
    ("vinnas", {}),
    ("pgnas", {}),
    ("random", {}),
]
GAUSSIAN = {"variational_weights": True}
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("vinnas", {**GAUSSIAN, "bilevel": True, "draw": "batch", "estimator": "lrt_fused"}),
    ("vinnas", {**GAUSSIAN, "draw": "element", "estimator": "flipout", "sharing": "position"}),
    ("vinnas", {**GAUSSIAN, "weight_kl": "elbo", "evaluation": "deterministic"}),
    ("vinnas", {"estimator": "weight", "prior": "log_uniform", "selection": "all_alive"}),
    ("pgnas", {"granularity": "slice", "objective": "paper"}),
    ("pgnas", {"draw": "batch", "guided": False, "granularity": "single_path"}),
]
NAMES = [" ".join([name, *map(str, options.values())]) for name, options in METHODS + VARIANTS]


@pytest.fixture(autouse=True)
def networks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, torch.Tensor]]]:
    """Weights of the networks that trials trained, in order; every epoch is checkpointed."""
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 0.0)
    trained: list[dict[str, torch.Tensor]] = []
    evaluate = bench.run.trial.evaluate

    def keeping(*arguments: Any, **options: Any) -> Any:
        outcome = evaluate(*arguments, **options)
        trained.append(outcome.network.state_dict())
        return outcome

    monkeypatch.setattr(bench.run.trial, "evaluate", keeping)
    yield trained
    torch.use_deterministic_algorithms(False)


def assert_same(one: Any, other: Any, networks: list[dict[str, torch.Tensor]]) -> None:
    """Records, posteriors and the last two trained networks are equal, bit by bit."""
    assert one.record.status == "finished", one.record.error
    assert lasting(other.record) == lasting(one.record)
    assert other.posterior == one.posterior
    first, second = networks[-2:]
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), METHODS + VARIANTS, ids=NAMES)
def test_twice_in_two_folders(
    name: str, options: dict[str, Any], tmp_path: Path, networks: list
) -> None:
    torch.manual_seed(1)
    one = tiny.run(tiny.trial(name, options), tmp_path / "a")
    torch.manual_seed(2)  # the global random state plays no part
    torch.rand(7)
    other = tiny.run(tiny.trial(name, options), tmp_path / "b")
    assert_same(one, other, networks)


def test_another_seed_gives_another_result(tmp_path: Path, networks: list) -> None:
    outcomes = [tiny.run(tiny.trial("darts", seed=seed), tmp_path) for seed in (0, 1)]
    one, other = (outcome.record.evaluation.test.nll for outcome in outcomes)
    assert one != other
    assert not torch.equal(networks[0]["stem.layers.0.weight"], networks[1]["stem.layers.0.weight"])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), METHODS, ids=NAMES[: len(METHODS)])
def test_interrupted_and_resumed(
    name: str, options: dict[str, Any], tmp_path: Path, networks: list
) -> None:
    longer = {"search": {"epochs": 3}, "evaluation": {"epochs": 3}}
    chosen = tiny.trial(name, options, **longer)
    whole = tiny.run(chosen, tmp_path / "whole")
    folder = tmp_path / "broken"
    searches = name != "random"
    seen: list[tuple[str, int]] = []
    stops = [("search", 2)] * searches + [("evaluation", 1), ("evaluation", 2)]
    for stop in stops:
        report = Interruption(*stop)
        with pytest.raises(KeyboardInterrupt):
            tiny.run(chosen, folder, report)
        seen += report.seen
    report = Interruption("", 0)
    again = tiny.run(chosen, folder, report)
    seen += report.seen
    assert_same(whole, again, networks)
    # no epoch was trained twice
    stages = ["search"] * searches + ["evaluation"]
    assert seen == [(stage, epoch) for stage in stages for epoch in (1, 2, 3)]
    # killed before its record was written, a finished trial trains nothing again
    report = Interruption("", 0)
    once_more = tiny.run(chosen, folder, report)
    assert not report.seen
    assert tiny.lasting(once_more.record) == tiny.lasting(whole.record)


def test_a_damaged_checkpoint_costs_time_alone(tmp_path: Path, networks: list) -> None:
    chosen = tiny.trial("darts", search={"epochs": 2})
    whole = tiny.run(chosen, tmp_path / "whole")
    folder = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        tiny.run(chosen, folder, Interruption("search", 1))
    (file,) = folder.rglob("*.pt")
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    assert_same(whole, tiny.run(chosen, folder), networks)


def test_the_checkpoint_of_another_trial_is_not_resumed(tmp_path: Path, networks: list) -> None:
    folder = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        tiny.run(tiny.trial("darts", search={"epochs": 2}), folder, Interruption("search", 1))
    other = tiny.trial("darts", seed=3, search={"epochs": 2})
    whole = tiny.run(other, tmp_path / "whole")
    assert_same(whole, tiny.run(other, folder), networks)
