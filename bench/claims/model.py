"""What a claim is: a sentence, its source, and one of the rules that records can decide.

A rule names methods: in a study file by label, in papers.yaml by the method's name, which stands
for the label of that name or, where there is none, a label of the method with default options.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from bench.options import NonNegative, Positive, Whole, options

GATES = ("setting", "search")
"""`setting`: the study's gate (bench.records.gate) passed on the data set. `search`: the searches
learned on most seeds of each method that is named (bench.records.learning)."""

Fraction = Annotated[float, Field(ge=0, le=1)]


@options
class Compare:
    """A method's values against another's, over seeds."""

    method: str
    against: str
    says: Literal["better", "not worse", "equivalent"]
    metric: Literal["accuracy", "parameters", "nonzero_parameters", "flops"] = "accuracy"
    region: NonNegative = 0.5
    """Differences up to this do not matter: points of accuracy, percent of anything else."""


@options
class Ratio:
    """A method's non-zero parameters over another's, at an accuracy that is not worse."""

    method: str
    against: str
    at_most: Positive = 0.6
    region: NonNegative = 0.5
    """Differences of accuracy (points) up to this do not matter."""


@options
class Share:
    """The share of seeds whose architecture collapsed."""

    method: str
    at_most: Fraction | None = None
    at_least: Fraction | None = None
    control: str | None = None
    """Has to collapse on most seeds of the same study before a low share means anything."""
    epochs: Whole = 0
    """Only searches of at least so many."""

    def __post_init__(self) -> None:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("one of at_most and at_least is needed")


@options
class Diversity:
    """How much the cells of different seeds differ, against those of another method."""

    method: str
    against: str = "random"
    region: NonNegative = 0.1
    """Differences up to this share of a cell's edges do not matter."""


@options
class Guided:
    """Candidates drawn from the learned posterior against uniform ones, with inherited weights."""

    method: str


@options
class Inheritance:
    """Spearman's correlation of candidates' inherited accuracies with retrained ones."""

    method: str
    at_least: Annotated[float, Field(ge=-1, le=1)] = 0.5


@options
class Predict:
    """A method's way of predicting against another, with the networks of the same searches."""

    method: str
    by: Literal["deterministic", "draws", "ensemble"]
    rather_than: Literal["deterministic", "draws", "ensemble"]
    metric: Literal["nll", "brier", "ece", "aurc"] = "nll"
    """Of the test images; the smaller is the better."""
    says: Literal["better", "not worse", "equivalent"] = "better"
    region: NonNegative = 5.0
    """Differences up to this do not matter: percent of the measure."""

    def __post_init__(self) -> None:
        if self.by == self.rather_than:
            raise ValueError("by and rather_than have to be two different ways of predicting")


@options
class OptionCount:
    """A method's options with a number as their value against another's."""

    method: str
    against: str


Rule = Compare | Ratio | Share | Diversity | Guided | Inheritance | Predict | OptionCount
RULES: dict[str, type[Rule]] = {
    "compare": Compare,
    "ratio": Ratio,
    "share": Share,
    "diversity": Diversity,
    "guided": Guided,
    "inheritance": Inheritance,
    "predict": Predict,
    "options": OptionCount,
}
"""By the `kind` that a file names."""
_NAMES = ("method", "against", "control")


@dataclass(frozen=True)
class Claim:
    """A sentence and how it is decided; `gates`: those of `GATES` that have to be passed."""

    name: str
    sentence: str
    source: str
    rule: Rule
    gates: tuple[str, ...] = GATES
    is_of_paper: bool = False
    """From papers.yaml: its rule names methods, not labels."""

    @property
    def names(self) -> dict[str, str]:
        """The labels or methods that the rule names, by what each is in it."""
        values: dict[str, Any] = dataclasses.asdict(self.rule)
        return {part: values[part] for part in _NAMES if values.get(part) is not None}
