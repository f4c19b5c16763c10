"""The parts of a record that say how good the architecture is; as in `bench.records.parts`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bench.records.parts import Count, Fraction, Part, Quality, Seconds, Stage, TableSource, Truth


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


class Scores(Part):
    """Measures of predictions: see `bench.training.uncertainty.measures.score`."""

    accuracy: Fraction
    nll: float | None
    brier: float
    ece: float
    ece_debiased: float
    selective_80: Fraction
    selective_90: Fraction
    selective_95: Fraction
    aurc: Fraction


class Detector(Part):
    """How well outside images are told from test images: `...measures.detect`."""

    auroc: Fraction
    fpr95: Fraction


class Detection(Part):
    """By the largest probability and by the entropy of a prediction."""

    max_probability: Detector
    entropy: Detector


class Prediction(Part):
    """A way of predicting: its cost, and its measures on test, outside and corrupted images.

    passes: forward passes for an image; training_seconds: of its `trainings` together. corrupted:
    corruption -> strength ("1" to "5") -> measures.
    """

    passes: Count
    trainings: Count
    training_seconds: Seconds
    prediction_seconds: Seconds
    test: Scores
    detection: Detection | None = None
    corrupted: dict[str, dict[str, Scores]] = Field(default_factory=dict)


class OutsideImages(Part):
    """Images of another data set; changes: what brought them to the study's shape."""

    name: str
    digest: str
    images: Count
    changes: list[str] = Field(default_factory=list)


class Uncertainty(Part):
    """Of the trained network's predictions, where the study asks for it.

    predictions: by way of predicting: `deterministic` (the means of Gaussian weights), `draws`
    (only of a network with Gaussian weights), `ensemble`.
    """

    outside: OutsideImages | None = None
    predictions: dict[str, Prediction]

    @property
    def seconds(self) -> float:
        """Seconds of the trainings that the evaluation would not have needed without it."""
        trained = [prediction.training_seconds for prediction in self.predictions.values()]
        return max(trained) - min(trained)


class Repeat(Part):
    """The architecture once more, with another evaluation seed."""

    seconds: Seconds
    test: Quality
    parameters: Count
    nonzero_parameters: Count
    uncertainty: Uncertainty | None = None


class Mobile(Part):
    """Sizes of the mobile network on ImageNet's images: `bench.training.measure.count_mobile`."""

    multiply_adds: Count
    with_normalisation: Count
    parameters: Count


class Width(Part):
    """Channels of the first cell, where a budget of parameters has chosen them."""

    channels: Count
    budget: Count


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
    uncertainty: Uncertainty | None = None
    mobile: Mobile | None = None
    """None: its skeleton is another one."""
    width: Width | None = None
    """None: the configuration says it (`evaluation.channels`)."""
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
    def uncertainty_seconds(self) -> float:
        """Seconds of trainings for ensembles, which `total_seconds` does not count."""
        measured = [evaluation.uncertainty for evaluation in self.all]
        return sum(uncertainty.seconds for uncertainty in measured if uncertainty is not None)

    def list_scores(self, way: str, measure: str) -> list[float]:
        """A measure (of `Scores`) of the test images by a way of predicting, of each evaluation.

        Empty where it was not measured, or the networks do not have that way.
        """
        measured = [one.uncertainty for one in self.all if one.uncertainty is not None]
        ways = [one.predictions[way] for one in measured if way in one.predictions]
        values = [getattr(prediction.test, measure) for prediction in ways]
        return [float(value) for value in values if value is not None]

    @property
    def accuracy_name(self) -> str:
        """What the accuracy is: of test images, or known from a table."""
        if self.kind == "training":
            return "test accuracy"
        return f"known {self.sources[self.dataset].split} accuracy ({self.dataset})"
