"""The looks of `bench run --until-decided`: what was planned, and which seeds each method has.

results/<study>/sequential.json has the plan, which does not change once a look was made (the
baseline, the region of equivalence, the numbers of seeds at which to look, the order of the seeds),
the number of seeds that each method has reached on each data set, and what each question (a method
against the baseline, a claim) had come to at the last look. With it these seeds belong to the
study, for every verb. Verdicts in tables do not come from the file: they are the plan applied to
the records.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from bench import files
from bench.errors import ConfigurationError, ResultsError
from bench.records.parts import Count, Digest, Part
from bench.records.schema import explain
from bench.study.architectures import ALL
from bench.study.model import Study, Trial

SCHEMA: Literal[1] = 1
FILE = "sequential.json"


class Question(Part):
    """What seeds are added for: a method against the baseline, or a claim, on a data set.

    labels: that it needs. verdict, seeds: at the look at which it stopped, else at the last one.
    why: where neither more seeds are added nor there is a verdict, the reason.
    """

    kind: Literal["pair", "claim"]
    dataset: str
    name: str
    labels: list[str]
    verdict: str
    seeds: Count
    is_open: bool
    why: str = ""


class Sequential(Part):
    """sequential.json. `seeds`: all that may be used, in their order, the study's own first.

    design: SHA-256 of what is compared. baseline: None where claims alone are decided. reached:
    data set -> label -> number of seeds.
    """

    schema_: Literal[1] = Field(SCHEMA, alias="schema")
    kind: Literal["sequential"] = "sequential"
    design: Digest
    baseline: str | None
    region: Annotated[float, Field(ge=0)]
    looks: Annotated[list[Count], Field(min_length=1)]
    seeds: list[Count]
    reached: dict[str, dict[str, Count]]
    questions: list[Question] = Field(default_factory=list)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.looks != sorted(set(self.looks)) or len(set(self.seeds)) != self.looks[-1]:
            raise ValueError("looks have to ascend, with as many seeds as the last one has")
        if len(self.seeds) != self.looks[-1]:
            raise ValueError("a seed is listed twice")
        numbers = [number for own in self.reached.values() for number in own.values()]
        if not numbers or not set(numbers) <= set(self.looks):
            raise ValueError("each number of seeds that is reached has to be one of the looks")
        if not {question.seeds for question in self.questions} <= {0, *self.looks}:
            raise ValueError("each question's seeds have to be one of the looks, or 0 before them")
        return self

    @property
    def most_reached(self) -> int:
        """The largest number of seeds that a method has."""
        return max(number for own in self.reached.values() for number in own.values())

    def is_of(self, study: Study) -> bool:
        """Whether it is about this study as it is now, without added seeds."""
        own = list(study.seeds)
        return self.design == _digest(study) and self.seeds[: len(own)] == own

    def has_all(self, study: Study) -> bool:
        """Whether it says of each method on each data set how many seeds that has reached."""
        return all(trial.label in self.reached.get(trial.dataset, {}) for trial in study.trials)


def plan(study: Study, looks: Sequence[int], region: float) -> Sequential:
    """Before the first look: further seeds are the next whole numbers after the study's largest.

    Raises ConfigurationError where a trial's seed is that of a cell's search.
    """
    if any(trial.source and trial.source["rule"] == ALL for trial in study.trials):
        raise ConfigurationError(
            f"study {study.name}: no seeds can be added where cells keep those of their searches"
            " (architectures.rule = all)"
        )
    after = max(study.seeds) + 1
    further = range(after, after + looks[-1] - len(study.seeds))
    return Sequential(
        schema=SCHEMA,
        design=_digest(study),
        baseline=study.baseline,
        region=region,
        looks=list(looks),
        seeds=[*study.seeds, *further],
        reached={name: dict.fromkeys(study.labels, looks[0]) for name in study.datasets},
    )


def advance(before: Sequential, questions: Sequence[Question]) -> Sequential:
    """After a look: what an open question needs goes on to the look after its last one.

    All others keep the seeds that they have.
    """
    reached = {dataset: dict(own) for dataset, own in before.reached.items()}
    for question in questions:
        following = [look for look in before.looks if look > question.seeds]
        for label in question.labels if question.is_open and following else ():
            own = reached[question.dataset]
            own[label] = max(own[label], following[0])
    return before.model_copy(update={"reached": reached, "questions": list(questions)})


def extend(study: Study, looked: Sequential) -> Study:
    """The study with the seeds that were reached, its looks and its region of equivalence."""
    first: dict[tuple[str, str], Trial] = {}
    for trial in study.trials:
        first.setdefault((trial.dataset, trial.label), trial)
    own = len(study.seeds)
    added = [
        dataclasses.replace(trial, seed=seed)
        for place, seed in enumerate(looked.seeds)
        for (dataset, label), trial in first.items()
        if own <= place < looked.reached[dataset][label]
    ]
    return dataclasses.replace(
        study,
        seeds=tuple(looked.seeds[: max(own, looked.most_reached)]),
        trials=(*study.trials, *added),
        region=looked.region,
        looks=tuple(looked.looks),
    )


def with_looks(study: Study, folder: Path) -> Study:
    """The study with the seeds of the looks that `folder` keeps of it. Raises ResultsError.

    Of a study that compares something else by now the looks say nothing: it is as it was.
    """
    looked = read(folder, study)
    return extend(study, looked) if looked is not None and looked.is_of(study) else study


def read(folder: Path, study: Study | None = None) -> Sequential | None:
    """The looks of a results folder; None without the file.

    Raises ResultsError where they cannot be read, or are this study's and lack one of its methods.
    """
    path = folder / FILE
    try:
        looked = Sequential.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValidationError) as error:
        raise ResultsError(f"{path} cannot be read: {explain(error)}") from error
    if study is not None and looked.is_of(study) and not looked.has_all(study):
        raise ResultsError(f"{path} cannot be read: reached: a method of the study is missing")
    return looked


def write(folder: Path, looked: Sequential) -> None:
    """Keep the looks in a results folder. Raises ResultsError."""
    text = json.dumps(looked.model_dump(by_alias=True), indent=1)
    files.write(folder / FILE, text + "\n")


def _digest(study: Study) -> str:
    """Of what is compared: the baseline, and every trial of the first seed with all its options."""
    seed = study.seeds[0]
    parts = sorted(
        [trial.dataset, trial.label, trial.id]
        for trial in study.trials
        if trial.seed == seed and not trial.tuning
    )
    return hashlib.sha256(json.dumps([study.baseline, parts]).encode()).hexdigest()
