"""The parts of a record: what a trial was, how it was searched and evaluated, where it ran.

Accuracies are fractions, likelihoods nats an image, times seconds, memory bytes.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bench.space.genotype import Genotype
from bench.study.model import stem

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]
Numbers = dict[str, float | None]
"""By name; null where the number was NaN or infinite, which JSON cannot say."""


class Part(BaseModel):
    """A part of a record. What is named here has to be there and right; methods may add more."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())
    _given: ClassVar[dict[frozenset[str], set[str]]] = {}

    def model_post_init(self, context: Any) -> None:
        """Parts with the same keys share one set of them: nearly half of a record's memory."""
        given = self.model_fields_set
        shared = self._given.setdefault(frozenset(given), given)
        object.__setattr__(self, "__pydantic_fields_set__", shared)


class TrialIdentity(Part):
    """Which trial it is. Two trials of one `search_id` have the same search."""

    id: Digest
    search_id: Digest
    study: str
    label: str
    method: str
    dataset: str
    seed: Count

    @property
    def key(self) -> tuple[str, str]:
        """(label, id): of trials of one configuration under two labels each has a record."""
        return self.label, self.id

    @property
    def stem(self) -> str:
        """The name of the trial's files, without suffix."""
        return stem(self.model_dump())

    def __str__(self) -> str:
        return f"{self.label} on {self.dataset}, seed {self.seed}"


class Failure(Part):
    """Why a trial failed, in one line, and in which stage: start, data, search, evaluation."""

    stage: str
    type: str
    message: str
    traceback: str = ""


class Quality(Part):
    """Accuracy, mean negative log-likelihood and expected calibration error on some images."""

    accuracy: Fraction
    nll: float | None
    ece: Fraction | None = None
    images: Annotated[int, Field(ge=1)]


class Truth(Part):
    """What a table knows of a cell: see `bench.tabular.table.Truth`. Percentiles are percent."""

    accuracy: Fraction
    deviation: float
    seeds: int
    rank: int
    regret: float
    percentile: float
    percentile_without_none: float


class TableSource(Part):
    """What a table's numbers are: see `bench.tabular.table.Source`; `text` says it in words.

    Ranks and percentiles count the `cells` of the table, which may be fewer than `cells_of_space`.
    """

    provider: str
    dataset: str
    split: str
    epochs: int
    images: int
    cells: int
    cells_of_space: int = 15_625
    text: str


class Epoch(Part):
    """One epoch of a stage: its mean loss terms and metrics, and what was found by its end."""

    epoch: Annotated[int, Field(ge=1)]
    seconds: Seconds
    terms: Numbers = {}
    metrics: Numbers = {}
    diagnostics: Numbers = {}
    """What the method reports of itself."""
    collapse: Numbers = {}
    """Signals that the study asked for (bench.training.signals)."""
    movement: Numbers = {}
    """Of a search: `entropy` and `sum_of_rates`, as in `Architecture`, of this epoch."""
    genotype: dict[str, Any] | None = None
    """What would be selected now."""
    truth: dict[str, Truth] = {}
    """Of that genotype, by data set of the table."""

    @cached_property
    def architecture(self) -> Genotype | None:
        """The genotype as an object."""
        return None if self.genotype is None else Genotype.from_json(self.genotype)


class Stage(Part):
    """A search or an evaluation: its epochs and what they cost."""

    epochs: list[Epoch]
    seconds: Seconds
    peak_memory_bytes: Count | None


class Reused(Part):
    """Whose search was taken over: trial id and code."""

    trial: str
    git_commit: str | None = None


class Learned(Part):
    """Accuracies of validation images at the end of a search, with the super-network's weights.

    Of the whole super-network under the mixture without its noise, and of the selected genotype.
    chance: share of the most frequent class.
    """

    supernet_accuracy: Fraction
    discretised_accuracy: Fraction
    chance: Fraction
    images: Count


class Architecture(Part):
    """How far a search moved its architecture.

    entropy: mean over cell types and edges of the entropy of an edge's distribution over operations
    at the end, nats; null where the method has no such distribution. sum_of_rates: over all steps,
    of the scheduled learning rate of the architecture, which is its paper's times rate_factor.
    """

    entropy: float | None
    maximum_entropy: float | None
    rate_factor: float
    sum_of_rates: float


class Search(Stage):
    """A search. `selection_seconds`: of the choice of its result, which may train, too."""

    steps: Count
    selection_seconds: Seconds = 0.0
    architecture: Architecture | None = None
    """None: there was nothing to train, or the record is older."""
    reused: Reused | None = None
    learned: Learned | None = None
    """None: no super-network was trained, or the record is older than this."""

    @property
    def total_seconds(self) -> float:
        """Training and selection together."""
        return self.seconds + self.selection_seconds


class Candidates(Part):
    """Inherited validation accuracies of candidates of one kind."""

    mean: float
    std: float
    best: float
    accuracies: list[float]


class Improvement(Part):
    """The best of the architectures that a search had trained so far.

    accuracy: on validation images, as it was asked for; seconds: of their trainings together, by
    the table; truth: by data set of the table.
    """

    architectures: Count
    accuracy: Fraction
    seconds: Seconds | None = None
    genotype: dict[str, Any]
    truth: dict[str, Truth] = {}


def _as_list(value: Any) -> Any:
    """Records of before there were several trainings of a candidate have a number."""
    return [value] if isinstance(value, int | float) else value


Trainings = Annotated[list[Fraction], BeforeValidator(_as_list)]
"""Validation accuracies of an architecture, one for each training; none where a table lacks it."""


class SelectionPart(Part):
    """How the genotype was chosen; methods add what is theirs."""

    rule: str = ""
    alive: int | None = None
    candidates: int | None = None
    guided: Candidates | None = None
    uniform: Candidates | None = None
    inherited_test: Quality | None = None
    retrained: dict[str, list[Trainings]] | None = None
    """By kind, each candidate's validation accuracies after trainings, its own or a table's."""
    asks: str = ""
    """Which known accuracies the search asked for, in words."""
    architectures: Count | None = None
    """Trained by the search, one after another."""
    table_seconds: Seconds | None = None
    """Of these trainings, by the table."""
    trajectory: list[Improvement] = []


class DataFacts(Part):
    """What was said of a data set before it was trained on: see `bench.data.facts.Facts`.

    Parts are training, validation and test; the number of images is in `Data`.
    """

    smallest: dict[str, Count]
    largest: dict[str, Count]
    values: dict[str, list[int]]
    ignored: dict[str, Count] = {}
    changed: dict[str, Count] = {}
    duplicates: dict[str, Count] = {}
    contradictions: Count = 0
    notes: list[str] = []


class Data(Part):
    """The images used: how many of each part; `digest` is of all of them."""

    name: str
    digest: Digest
    train: Count
    validation: Count
    test: Count
    classes: Count
    shape: list[int]
    facts: DataFacts | None = None
    """None: the record is older."""


class Environment(Part):
    """Where and with which versions the trial ran."""

    device: str
    hardware: str
    threads: int
    python: str
    platform: str = ""
    instructions: str | None = None
    """Of the CPU, the newest that torch uses: AVX2, AVX512, ...; None: not recorded."""
    packages: dict[str, str] = {}

    @property
    def model(self) -> str:
        """The kind of hardware on which numbers may depend: the GPU, or the CPU without its cores,
        with its instructions where they are recorded.
        """
        name = re.sub(r", \d+ cores?$", "", self.hardware)
        vectors = f" ({self.instructions})" if self.instructions and self.device == "cpu" else ""
        return name + vectors


class Provenance(Part):
    """Which code ran, when (ISO 8601, UTC) and by which command."""

    version: str
    engine_version: int = 0
    git_commit: str | None = None
    git_dirty: bool | None = None
    started: str
    finished: str
    command: str = ""
    host: str = ""
    """Name of the machine; empty in records from before it was kept."""
    storage: str | None = None
    """Where the images were held: device, host or disk; None: not recorded."""


class Source(Part):
    """Of a cell that another study has found: which trial of it, and how the cell was chosen.

    study: the folder of its results. digest: of the trial's record (`bench.records.schema.digest`)
    when the cell was taken from it; another one now means that the record has changed since.
    """

    study: str
    rule: str
    trial: Digest
    digest: str
    label: str
    method: str
    dataset: str
    seed: Count
    validation_accuracy: Fraction | None = None


class Tuning(Part):
    """Of a trial whose evaluation settings were tuned: this trial's share of what that cost."""

    seconds: Seconds = 0.0
