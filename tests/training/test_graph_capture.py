"""What CUDA graphs need of a step, as far as a machine without a CUDA device can tell."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from bench.data.splits import Batch
from bench.errors import ConfigurationError
from bench.speed.scales import Scale
from bench.speed.steps import Mode, make
from bench.training import graph

CPU = torch.device("cpu")
TINY = Scale("tiny", cells=3, channels=4, shape=(1, 8, 8), batch=4, nodes=2)

FORBIDDEN = {
    "aten::lift_fresh": "makes a tensor from Python's numbers",
    "aten::_local_scalar_dense": "reads a number",
    "aten::nonzero": "has an output whose size depends on values",
    "aten::masked_select": "has an output whose size depends on values",
}


class HostTraffic(TorchDispatchMode):
    """Collects calls that would copy from or to the host, or wait for the device."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if function.name() in FORBIDDEN:
            self.found.append(function.name())
        return function(*args, **kwargs or {})


CAPTURED: list[tuple[str, dict[str, Any]]] = [
    ("darts", {}),
    ("darts", {"order": 2}),
    ("vinnas", {}),
    ("vinnas", {"variational_weights": True}),
    ("vinnas", {"variational_weights": True, "estimator": "flipout", "draw": "element"}),
    ("vinnas", {"draw": "batch", "sharing": "position"}),
    ("pgnas", {}),
    ("pgnas", {"granularity": "slice", "draw": "batch"}),
    ("pgnas", {"objective": "paper"}),
    ("pgnas", {"granularity": "single_path"}),
    ("snas", {}),
    ("drnas", {}),
    ("pc-darts", {}),
    ("r-darts", {}),
    ("bayesnas", {}),
    ("bayesnas", {"updates": "every_epoch"}),
    ("balenas", {}),
]


@pytest.mark.parametrize(("method", "options"), CAPTURED)
def test_a_step_has_no_traffic_with_the_host(method: str, options: dict[str, Any]) -> None:
    step = make(method, TINY, CPU, options)
    step.step()  # optimisers and cached indices are made in the warm-up
    traffic = HostTraffic()
    with traffic:
        step.step()
    assert traffic.found == []


def test_host_traffic_is_noticed() -> None:
    traffic = HostTraffic()
    x = torch.arange(4.0)
    with traffic:
        x[[0, 1]].sum().item()
        x.nonzero()
    assert set(traffic.found) == set(FORBIDDEN) - {"aten::masked_select"}


def batches(value: float) -> dict[str, Batch]:
    images = torch.full((2, 1, 3, 3), value).contiguous(memory_format=torch.channels_last)
    return {"train": Batch(images, torch.full((2,), int(value)))}


def test_static_batches_keep_their_memory_and_take_every_value() -> None:
    static = graph.StaticBatches(batches(1.0))
    place = static.batches["train"].images.data_ptr()
    given = batches(2.0)
    static.fill(given)
    assert static.batches["train"].images.data_ptr() == place
    assert torch.equal(static.batches["train"].images, given["train"].images)
    assert static.batches["train"].images.stride() == given["train"].images.stride()
    assert static.batches["train"].labels.tolist() == [2, 2]
    given["train"].images.fill_(7.0)
    assert float(static.batches["train"].images.max()) == 2.0


def test_static_batches_refuse_another_form() -> None:
    static = graph.StaticBatches(batches(1.0))
    other = {"train": Batch(torch.zeros(3, 1, 3, 3), torch.zeros(3, dtype=torch.long))}
    for wrong in (other, {"weights": batches(1.0)["train"]}):
        with pytest.raises(ValueError, match="same parts and shapes"):
            static.fill(wrong)


def test_a_cpu_has_no_graphs() -> None:
    with pytest.raises(ConfigurationError, match=r"graph = true: .*the device is cpu"):
        make("darts", TINY, CPU, mode=Mode(graph=True))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("method", "options"), CAPTURED)
def test_graphed_steps_equal_eager_ones(method: str, options: dict[str, Any]) -> None:
    device = torch.device("cuda")
    found: list[list[Tensor]] = []
    for captured in (False, True):
        step = make(method, TINY, device, options, Mode(graph=captured))
        values = []
        for epoch in range(2):
            step.supernet.noise.reseed("epoch", epoch)
            if isinstance(step.trainer.run_step, graph.GraphedStep):
                step.trainer.run_step.begin_epoch()
            values += [step.step() for _ in range(5)]
        found.append([*values, *(p.detach() for p in step.supernet.parameters())])
    for eager, replayed in zip(*found, strict=True):
        torch.testing.assert_close(replayed, eager, rtol=1e-3, atol=1e-4)
