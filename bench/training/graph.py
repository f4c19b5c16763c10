"""A training step as one CUDA graph: captured once an epoch, replayed for every batch.

A step of these networks is thousands of small kernels, whose launches cost a GPU more than their
work does. The graph bakes in what Python computes once an epoch: learning rates, annealing factors,
drop path. tests/gpu compares it with steps that are not captured, and times both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch

from bench.data.splits import Batch
from bench.errors import ConfigurationError
from bench.method import Batches

Step = Callable[[Batches], torch.Tensor]
"""A whole step: batches -> the step's values, one vector."""

WARM_UP = 3
"""Steps run as they are before the first capture: libraries choose algorithms, states are made."""


class StaticBatches:
    """Batches that stay in the same memory; every step's images are copied into it."""

    def __init__(self, batches: Batches) -> None:
        self.batches: Mapping[str, Batch] = {
            part: Batch(batch.images.clone(), batch.labels.clone())
            for part, batch in batches.items()
        }

    def fill(self, batches: Batches) -> None:
        """Raises ValueError for other parts or shapes: a graph has one form."""
        if {p: b.images.shape for p, b in batches.items()} != {
            p: b.images.shape for p, b in self.batches.items()
        }:
            raise ValueError("a captured step needs batches of the same parts and shapes")
        for part, batch in batches.items():
            self.batches[part].images.copy_(batch.images, non_blocking=True)
            self.batches[part].labels.copy_(batch.labels, non_blocking=True)


class GraphedStep:
    """Calls `step`, from the fourth call on as a graph.

    Args:
        step: reads nothing from the device and moves nothing to it
            (tests/training/test_graph_capture.py holds the methods to that).
        generators: all that the step draws from.
    """

    def __init__(self, step: Step, generators: Callable[[], Iterable[torch.Generator]]) -> None:
        self.step, self.generators = step, generators
        self._ran = 0
        self._static: StaticBatches | None = None
        self._graph: torch.cuda.CUDAGraph | None = None
        self._values: torch.Tensor | None = None
        self._stream: torch.cuda.Stream | None = None

    def begin_epoch(self) -> None:
        """What Python computes may have changed: capture anew."""
        self._graph = self._values = None

    def __call__(self, batches: Batches) -> torch.Tensor:
        """One step; the vector returned is the caller's to keep."""
        if self._ran < WARM_UP:
            self._ran += 1
            return self._aside(batches)
        if self._static is None:
            self._static = StaticBatches(batches)
        self._static.fill(batches)
        if self._graph is None:
            self._capture(self._static.batches)
        assert self._graph is not None and self._values is not None
        self._graph.replay()
        return self._values.clone()

    def _aside(self, batches: Batches) -> torch.Tensor:
        """As it is, on a stream of its own, as capture wants its warm-up."""
        if self._stream is None:
            self._stream = torch.cuda.Stream()
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            values = self.step(batches)
        torch.cuda.current_stream().wait_stream(self._stream)
        return values

    def _capture(self, batches: Batches) -> None:
        graph = torch.cuda.CUDAGraph()
        for generator in self.generators():
            graph.register_generator_state(generator)
        try:
            with torch.cuda.graph(graph):
                self._values = self.step(batches)
        except RuntimeError as error:  # torch's has many lines
            raise ConfigurationError(
                "graph = true: this step cannot be captured (it reads from the device, or makes"
                f" tensors from numbers); leave it false: {str(error).splitlines()[0]}"
            ) from error
        self._graph = graph


def check(device: torch.device) -> None:
    """Raises ConfigurationError where there is nothing to capture on."""
    if device.type != "cuda":
        raise ConfigurationError(
            f"graph = true: captures CUDA graphs, and the device is {device.type}; leave it false"
        )
