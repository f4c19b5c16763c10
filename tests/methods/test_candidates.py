"""Candidates with inherited weights: their accuracies do not depend on how they are computed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support import small_tasks, tiny

from bench.forecast.timing import count_retrainings
from bench.run.messages import EpochDone
from bench.space.network import DiscreteNetwork
from bench.space.options import NetworkOptions
from bench.training.search import build
from methods.guided.candidates import Candidate, accuracies
from methods.pgnas import Pgnas, PgnasConfig


@pytest.mark.parametrize("granularity", ["operation", "slice", "single_path"])
def test_accuracies_do_not_depend_on_the_number_of_lanes(granularity: str) -> None:
    """Those of PGNAS's own candidates, one at a time through the super-network as the reference."""
    options = PgnasConfig(granularity=granularity, initial_drop=0.4)  # type: ignore[arg-type]
    data = small_tasks.data()
    method, supernet = build(small_tasks.search_arguments(Pgnas, options))
    assert isinstance(method, Pgnas)
    candidates = method.draw_candidates(7, uniform=False)
    supernet.eval()
    expected = []
    for one in candidates:
        mixture = one.mixture(supernet.space.operations, torch.device("cpu"))
        with torch.no_grad():
            right = [
                (supernet(images, mixture).argmax(-1) == labels).sum()
                for images, labels in data.validation.sequential(8)
            ]
        expected.append(sum(map(int, right)) / len(data.validation))
    assert len(set(expected)) > 1
    for lanes in (1, 3, None):
        assert accuracies(candidates, supernet, data.validation, 8, lanes) == expected


def test_the_native_architecture_is_what_is_kept() -> None:
    """A node may have several operations, or none."""
    task = small_tasks.task(small_tasks.space(nodes=2))
    kept = torch.zeros(len(task.graph.edges), len(task.space.operations), dtype=torch.bool)
    kept[0, 1] = kept[1, 3] = kept[1, 4] = kept[1, 0] = True  # node 0; column 0 is `none`
    found = Candidate({"normal": kept, "reduce": kept}, {}).genotype(task.space, task.graph)
    node = (("max_pool_3x3", 0), ("dil_conv_3x3", 1), ("sep_conv_3x3", 1))
    assert found.cells == {"normal": (node, ()), "reduce": (node, ())}
    network = DiscreteNetwork(found, task.space, NetworkOptions(3, 2, task.data.shape, 3))
    assert network(torch.randn(2, *task.data.shape))[0].shape == (2, 3)


def test_a_surrogate_gives_every_operation_weights() -> None:
    options = PgnasConfig(surrogate="pointwise", objective="paper", norm_scale=1.0)
    method, supernet = build(small_tasks.search_arguments(Pgnas, options))
    for cell in supernet.fused_cells():
        assert all(stage.shared == [] for stage in cell.fused_stages())
    method.penalty()["norm"].backward()
    pointwise = supernet.get_parameter("cells.0.stages.0.operations.skip_connect.pointwise.weight")
    keep, edges = 1 - options.initial_drop, 4
    assert pointwise.grad is not None and len(pointwise) == 2 * edges
    # of l^2 (1 - p) / 2 * |m|^2
    torch.testing.assert_close(pointwise.grad, options.l2 * keep * pointwise.detach())


@pytest.mark.parametrize("name", ["pgnas", "darts"])
def test_a_study_trains_the_first_candidates_from_scratch_as_well(
    name: str, tmp_path: Path
) -> None:
    """Nothing else in the record differs; a method without candidates has none to train."""
    plain = tiny.lasting(tiny.run(tiny.trial(name), tmp_path).record)
    asked = {"retrained": 2, "retrained_epochs": 1, "retrained_seeds": 2}
    reports: list[EpochDone] = []
    trial = tiny.trial(name, search=asked)
    record = tiny.lasting(tiny.run(trial, tmp_path, reports.append).record)
    found = record["selection"].pop("retrained", None)
    told = [(one.epoch, one.epochs) for one in reports if one.stage == "retraining"]
    if name == "darts":
        assert found is None and told == [] and count_retrainings(trial) == 0
    else:
        assert told == [(epoch, 8) for epoch in range(9)] and count_retrainings(trial) == 8
        assert {kind: len(values) for kind, values in found.items()} == {"guided": 2, "uniform": 2}
        trainings = [own for candidates in found.values() for own in candidates]
        assert all(len(own) == 2 and 0 <= min(own) <= max(own) <= 1 for own in trainings)
        assert any(one != other for one, other in trainings)  # of another seed
    for part in ("selection", "search", "evaluation"):
        assert record[part] == plain[part]
