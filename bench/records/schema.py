"""What a trial leaves behind, as typed objects: a `FinishedRecord` or a `FailedRecord`.

A record is a JSON file; `parse` checks one and returns the object, `plain` is the way back. What a
record is made of is in `bench.records.parts`.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from bench.errors import ResultsError, one_line
from bench.records.evaluation_parts import Evaluation
from bench.records.parts import (
    Data,
    Environment,
    Failure,
    Part,
    Provenance,
    Search,
    SelectionPart,
    Source,
    TrialIdentity,
    Tuning,
)
from bench.space.genotype import Genotype
from bench.study.model import Trial

SCHEMA = 1
REACHED = ("genotype", "genotype_digest", "selection", "search", "evaluation", "data")
"""Parts that a trial comes to one after another; null where it did not."""


def mark_tuned(name: str, is_tuned: bool) -> str:
    """What a method is called whose evaluation has tuned settings, not the study's."""
    return f"{name} (tuned)" if is_tuned else name


class _Common(Part):
    schema_: Literal[1] = Field(1, alias="schema")
    trial: TrialIdentity
    configuration: dict[str, dict[str, Any]]
    provenance: Provenance
    tuning: Tuning | None = None
    source: Source | None = None
    """Of a cell that another study has found."""

    @property
    def is_tuned(self) -> bool:
        """Whether its evaluation has hyper-parameters that `bench tune` chose."""
        return self.tuning is not None


class FinishedRecord(_Common):
    """A trial that has been searched and evaluated."""

    status: Literal["finished"]
    error: None
    genotype: dict[str, Any]
    genotype_digest: str
    selection: SelectionPart = SelectionPart()
    search: Search
    evaluation: Evaluation
    data: Data
    environment: Environment

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, values: dict[str, Any]) -> dict[str, Any]:
        needed = ("genotype", "search", "evaluation", "data", "environment", "provenance")
        absent = [name for name in needed if values.get(name) is None]
        if absent:
            raise ValueError(f"it finished, but {', '.join(absent)} is null")
        return {key: v for key, v in values.items() if key != "selection" or v is not None}

    @model_validator(mode="after")
    def _digest_is_the_genotypes(self) -> FinishedRecord:
        if self.architecture.digest != self.genotype_digest:
            raise ValueError("genotype_digest is not the genotype's")
        return self

    @cached_property
    def architecture(self) -> Genotype:
        """The genotype as an object."""
        return Genotype.from_json(self.genotype)


class FailedRecord(_Common):
    """A trial that failed; what it did not reach is null."""

    @model_validator(mode="before")
    @classmethod
    def _has_an_error(cls, values: dict[str, Any]) -> dict[str, Any]:
        if values.get("error") is None:
            raise ValueError("it failed, but error is null")
        return values

    status: Literal["failed"]
    error: Failure
    genotype: dict[str, Any] | None = None
    genotype_digest: str | None = None
    selection: SelectionPart | None = None
    search: Search | None = None
    evaluation: Evaluation | None = None
    data: Data | None = None
    environment: Environment | None = None


RunRecord = FinishedRecord | FailedRecord

_ADAPTER: TypeAdapter[RunRecord] = TypeAdapter(
    Annotated[FinishedRecord | FailedRecord, Field(discriminator="status")]
)


def parse(values: Any, where: str | Path) -> RunRecord:
    """The record that plain data is; numbers that JSON cannot carry (NaN, infinities) become null.

    Raises ResultsError, naming the file, where it is none.
    """
    version = values.get("schema") if isinstance(values, dict) else None
    if version != SCHEMA:
        raise ResultsError(f"record {where}: schema is {version!r}, this version reads {SCHEMA}")
    try:
        return _ADAPTER.validate_python(finite(values))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = [str(part) for part in first["loc"] if part not in ("finished", "failed")]
        raise ResultsError(
            f"record {where} is damaged: {'.'.join(place) or 'it'}: {one_line(first['msg'])};"
            " delete it to run its trial again"
        ) from error


def explain(error: OSError | ValidationError) -> str:
    """Why a file is not read, in one line: of what is in it the first key that is wrong."""
    if isinstance(error, OSError):
        return one_line(error.strerror or error)
    first = error.errors(include_url=False)[0]
    return one_line(": ".join(filter(None, [".".join(map(str, first["loc"])), first["msg"]])))


def build(
    trial: Trial,
    error: Failure | None,
    reached: Mapping[str, Any],
    environment: Mapping[str, Any] | None,
    provenance: Mapping[str, Any],
) -> RunRecord:
    """The record of a trial that has ended; `reached` are the parts that it has come to.

    Parts may be plain data. Raises ResultsError where they are no record's.
    """
    parts = {"environment": environment, "provenance": provenance}
    if trial.tuning:
        parts["tuning"] = trial.tuning
    if trial.source:
        parts["source"] = trial.source
    values = {
        "schema": SCHEMA,
        "trial": trial.identity(),
        "configuration": trial.configuration(),
        "status": "finished" if error is None else "failed",
        "error": error,
        **dict.fromkeys(REACHED),
        **reached,
        **parts,
    }
    return parse(values, trial.stem)


def plain(record: RunRecord) -> dict[str, Any]:
    """The record as plain data, with what was given and nothing more."""
    values: dict[str, Any] = record.model_dump(by_alias=True, exclude_unset=True)
    return values


MOST_ON_A_LINE = 120
"""The most characters of a part of a record on one line, without its key and indentation."""
_INNERMOST = re.compile(r"[\[{]\n[^\[\]{}]*[\]}]")
"""A list or mapping of an indented JSON with no other in it.

No line break is inside a string. A bracket is, perhaps: then the part ends early, and fewer lines
are joined.
"""


def text(record: RunRecord) -> str:
    """The content of the record's file: what is short and has no further parts is on one line."""
    values = plain(record)
    text = json.dumps(values, sort_keys=True, indent=1, allow_nan=False, ensure_ascii=False)
    return _INNERMOST.sub(_join_lines, text) + "\n"


def _join_lines(part: re.Match[str]) -> str:
    first, *lines, last = (line.strip() for line in part[0].split("\n"))
    joined = first + " ".join(lines) + last
    return joined if len(joined) <= MOST_ON_A_LINE else part[0]


def digest(record: RunRecord) -> str:
    """First 16 hexadecimal digits of the SHA-256 of the record's canonical JSON."""
    text = json.dumps(plain(record), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _intern(key: Any) -> Any:
    return sys.intern(key) if type(key) is str else key


def finite(value: Any) -> Any:
    """Plain data with null in place of NaN and infinities; equal keys are one string."""
    if isinstance(value, Mapping):
        return {_intern(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
