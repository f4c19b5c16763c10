"""RunRecord: what a trial leaves behind, as a typed schema with a version.

Records are plain JSON; `check` says whether one is what this version reads.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bench.errors import ResultsError
from bench.space.genotype import Genotype
from bench.study.model import stem

SCHEMA = 1

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
Numbers = dict[str, float | None]
"""By name; null where the number was NaN or infinite, which JSON cannot say."""


class _Part(BaseModel):
    """Methods may record more than is named here; what is named has to be there and right."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())


class TrialIdentity(_Part):
    id: Digest
    search_id: Digest
    study: str
    label: str
    method: str
    dataset: str
    seed: Count


class Failure(_Part):
    stage: str
    type: str
    message: str
    traceback: str = ""


class Epoch(_Part):
    epoch: Annotated[int, Field(ge=1)]
    seconds: Seconds
    terms: Numbers = {}
    metrics: Numbers = {}


class Search(_Part):
    epochs: list[Epoch]
    seconds: Seconds
    peak_memory_bytes: Count | None
    steps: Count


class Quality(_Part):
    """Accuracy as a fraction; negative log-likelihood in nats an image; calibration error."""

    accuracy: Annotated[float, Field(ge=0, le=1)]
    nll: float | None
    ece: Annotated[float, Field(ge=0, le=1)] | None = None
    images: Annotated[int, Field(ge=1)]


class Layer(_Part):
    name: str
    operation: str
    parameters: Count
    zeros: Count


class Repeat(_Part):
    """The architecture once more, with another evaluation seed."""

    seconds: Seconds
    test: Quality
    parameters: Count
    nonzero_parameters: Count


class Evaluation(_Part):
    """With `kind` "tabular" nothing was trained: `test` is a table's number, `sources` says of
    what, and `truth` has every data set of the table (bench.tabular.evaluation).
    """

    epochs: list[Epoch]
    seconds: Seconds
    peak_memory_bytes: Count | None
    test: Quality
    validation: Quality | None
    test_before_zeroing: Quality
    parameters: Count
    nonzero_parameters: Count
    flops: Count
    layers: list[Layer]
    repeats: list[Repeat] = []


class Data(_Part):
    name: str
    digest: Digest
    train: Count
    validation: Count
    test: Count
    classes: Count
    shape: list[int]


class RunRecord(_Part):
    """Schema 1. Of a failed trial, what was not reached is null."""

    schema_: Literal[1] = Field(alias="schema")
    trial: TrialIdentity
    configuration: dict[str, dict[str, Any]]
    status: Literal["finished", "failed"]
    error: Failure | None
    genotype: dict[str, Any] | None
    genotype_digest: str | None
    selection: dict[str, Any] | None
    search: Search | None
    evaluation: Evaluation | None
    data: Data | None
    environment: dict[str, Any] | None
    provenance: dict[str, Any] | None

    @model_validator(mode="after")
    def _complete(self) -> RunRecord:
        if self.status == "failed":
            if self.error is None:
                raise ValueError("it failed, but error is null")
            return self
        needed = ("genotype", "search", "evaluation", "data", "environment", "provenance")
        absent = [name for name in needed if getattr(self, name) is None]
        if absent:
            raise ValueError(f"it finished, but {', '.join(absent)} is null")
        if self.error is not None:
            raise ValueError("it finished, but error is not null")
        if Genotype.from_json(self.genotype or {}).digest != self.genotype_digest:
            raise ValueError("genotype_digest is not the genotype's")
        return self


def check(record: Any, where: str | Path) -> dict[str, Any]:
    """`record` itself if it is a record of this schema, else a ResultsError naming the file."""
    found = record.get("schema") if isinstance(record, dict) else None
    if found != SCHEMA:
        raise ResultsError(f"record {where}: schema is {found!r}, this version reads {SCHEMA}")
    try:
        RunRecord.model_validate(record)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "it"
        message = " ".join(str(first["msg"]).split())
        raise ResultsError(
            f"record {where} is damaged: {key}: {message}; delete it to run its trial again"
        ) from error
    return dict(record)


def check_name(record: dict[str, Any], path: Path) -> None:
    """Raise ResultsError where a record's file is not named after its trial."""
    name = f"{stem(record['trial'])}.json"
    if path.name != name:
        raise ResultsError(f"record {path} should be named {name}: renamed or copied by hand?")
