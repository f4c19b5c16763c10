"""The parts of a record that say how good the architecture is; as in `bench.records.parts`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bench.records.parts import Count, Part, Quality, Seconds, Stage, TableSource, Truth


class Layer(Part):
    """A weight tensor that is deployed."""

    name: str
    operation: str
    parameters: Count
    zeros: Count


class ZeroingLevel(Part):
    """The network with everything zeroed that is dead at a threshold."""

    threshold: float
    nonzero_parameters: Count
    test: Quality
    validation: Quality | None


class Compact(Part):
    """The network without its dead channels."""

    test: Quality
    parameters: Count
    flops: Count


class Inference(Part):
    """Seconds of one batch's prediction, before and after zeroing."""

    images: int
    before_seconds: Seconds
    after_seconds: Seconds | None = None


class Repeat(Part):
    """The architecture once more, with another evaluation seed."""

    seconds: Seconds
    test: Quality
    parameters: Count
    nonzero_parameters: Count


class Evaluation(Stage):
    """How good the architecture is.

    With `kind` "tabular" nothing was trained: `test` is the table's number on `dataset`, `sources`
    says of what, and `truth` has every data set of the table (bench.tabular.evaluation).
    """

    kind: Literal["training", "tabular"] = "training"
    test: Quality
    validation: Quality | None
    test_before_zeroing: Quality
    parameters: Count
    nonzero_parameters: Count
    flops: Count
    layers: list[Layer]
    repeats: list[Repeat] = Field(default_factory=list)
    threshold: float | None = None
    zeroing_path: list[ZeroingLevel] = Field(default_factory=list)
    compact: Compact | None = None
    inference: Inference | None = None
    dataset: str = ""
    truth: dict[str, Truth] = Field(default_factory=dict)
    sources: dict[str, TableSource] = Field(default_factory=dict)

    @property
    def all(self) -> list[Evaluation | Repeat]:
        """Every evaluation of the architecture: one for each evaluation seed."""
        return [self, *self.repeats]

    @property
    def total_seconds(self) -> float:
        """Seconds of every evaluation of the architecture together."""
        return sum(evaluation.seconds for evaluation in self.all)

    @property
    def accuracy_name(self) -> str:
        """What the accuracy is: of test images, or known from a table."""
        if self.kind == "training":
            return "test accuracy"
        return f"known {self.sources[self.dataset].split} accuracy ({self.dataset})"
