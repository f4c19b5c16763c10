"""`bench run --until-decided`: look by look, with more seeds for what is not decided yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import analysis
from analysis.common.intervals import FEWEST_SEEDS
from analysis.common.sequential import describe_looks, plan_looks
from bench import locks
from bench.cli.options import StudyArguments
from bench.errors import ConfigurationError
from bench.records import sequential
from bench.records.facts import StudyFacts
from bench.records.schema import FinishedRecord
from bench.records.sequential import Question, Sequential
from bench.records.store import Standing, Store
from bench.run import session
from bench.run.display import Display
from bench.study import tuned_settings
from bench.study.model import REGION, Study

MOST_SEEDS = 20


@dataclass(frozen=True)
class Wanted:
    """What was typed; None: as it was before, else the default."""

    max_seeds: int | None
    region: float | None


def read(until_decided: bool, max_seeds: int | None, region: float | None) -> Wanted | None:
    """The options; None where seeds are fixed. Raises ConfigurationError where one is alone."""
    if until_decided:
        return Wanted(max_seeds, region)
    for name, value in (("--max-seeds", max_seeds), ("--region", region)):
        if value is not None:
            raise ConfigurationError(f"{name} {value:g}: is a part of --until-decided; give both")
    return None


def refuse_tuned(
    study: Study, store: Store, wanted: Wanted | None, evaluation: Path | None
) -> None:
    """Raise ConfigurationError for tuned settings beside looks: these are of the methods alone."""
    kept = store.folder / tuned_settings.ADOPTED
    if (wanted is not None or study.looks) and (evaluation or kept.is_file()):
        raise ConfigurationError(
            f"study {study.name}: verdicts of --until-decided are on the study's own evaluation"
            f" settings, not on those of {evaluation or kept}: give the study another name for one"
            f" of the two (--set name={study.name}-2)"
        )


def prepare(study: Study, store: Store, wanted: Wanted) -> Sequential:
    """What was planned before, where a look was made, else a new plan.

    study: as its file has it. Raises ConfigurationError where there is nothing to decide, or where
    the plan has changed since a look was made.
    """
    before = sequential.read(store.folder, study)
    if before is not None and before.questions:
        _refuse_changes(before, study, store, wanted)
        return before
    is_alone = len(study.labels) < 2
    if is_alone and not study.claims:
        raise ConfigurationError(
            f"study {study.name} has one method, {study.labels[0]}, and no claims: there is nothing"
            " to decide"
        )
    if study.baseline is None and not study.claims:
        methods = f"one of its methods, {', '.join(study.labels)}"
        raise ConfigurationError(
            f"study {study.name} has no claims and no baseline to decide against: name {methods}"
            " (--set baseline=METHOD)"
        )
    most, region = MOST_SEEDS, REGION
    if before is not None and before.is_of(study):  # its first look was not reached
        most, region = before.looks[-1], before.region
    most = wanted.max_seeds or most
    region = region if wanted.region is None else wanted.region
    fewest = max(len(study.seeds), FEWEST_SEEDS)
    if most < fewest:
        why = (
            f"the study has {fewest} already"
            if len(study.seeds) == fewest
            else "fewer allow no verdict"
        )
        raise ConfigurationError(f"--max-seeds {most}: must be at least {fewest}, as {why}")
    pairs = len(study.labels) - 1 if is_alone or study.baseline else 1
    return sequential.plan(study, plan_looks(fewest, most, pairs), region)


def _refuse_changes(before: Sequential, study: Study, store: Store, wanted: Wanted) -> None:
    path = store.folder / sequential.FILE
    made = f"a look was made already ({path})"
    if not before.is_of(study):
        raise ConfigurationError(
            f"study {study.name} has other methods, settings, baseline or seeds than when {made}:"
            f" undo that, or give the study another name (--set name={study.name}-2)"
        )
    for name, now, then in (
        ("--max-seeds", wanted.max_seeds, before.looks[-1]),
        ("--region", wanted.region, before.region),
    ):
        if now is not None and now != then:
            raise ConfigurationError(
                f"{name} {now:g}: was {then:g} when {made}, and the error of 5 % was shared out for"
                f" that; leave the option out, or name another study (--set name={study.name}-2)"
            )


def run(
    arguments: StudyArguments, looked: Sequential, settings: session.Settings, display: Display
) -> tuple[Study, Standing, list[str]]:
    """Run the trials of one look after another, until everything is decided or the last was made.

    Returns the study with all seeds, where its trials stand, and the verdicts in words. Where
    trials fail no look is made. Raises as `session.run`.
    """
    study, store = arguments.read()
    store.prepare()
    if not looked.questions:
        with locks.hold_run(store.folder):
            sequential.write(store.folder, looked)
    while True:
        extended, look = sequential.extend(study, looked), _Look(looked, display)
        standing = session.run(extended, store, settings, look, display=display)
        looked = look.looked
        if look.is_last or standing.failed:
            return extended, standing, [*describe(looked, standing)]


class _Look:
    """Looks at the records of complete trials, keeps what comes out, writes tables at the end.

    It is what `session.run` calls to write tables, while the run's lock is held.
    """

    def __init__(self, looked: Sequential, display: Display) -> None:
        self.looked = looked
        self.is_last = False
        self._display = display

    def __call__(
        self, folder: Path, records: Sequence[FinishedRecord], facts: StudyFacts
    ) -> Sequence[Path]:
        before, self.is_last = self.looked, True
        if not (facts.failed or facts.missing):
            self._display.note("looking at what is decided")
            self.looked = sequential.advance(before, analysis.list_questions(records, facts))
            sequential.write(folder, self.looked)
            self.is_last = self.looked.reached == before.reached
        if self.is_last:
            return analysis.write_all(folder, records, facts)
        undecided = [one.name for one in self.looked.questions if one.is_open]
        self._display.say(
            f"{facts.name}: undecided at {before.most_reached} seeds:"
            f" {', '.join(dict.fromkeys(undecided))}; on to {self.looked.most_reached} seeds"
        )
        return []


def describe(looked: Sequential, standing: Standing) -> Iterator[str]:
    """What each question came to, with how many seeds, and what was saved, line by line."""
    against = f" against {looked.baseline}" if looked.baseline else ""
    yield f"verdicts{against} ({describe_looks(looked.looks)}):"
    if not looked.questions:
        yield f"  none yet: the look at {looked.looks[0]} seeds waits for all its trials"
    for question in looked.questions:
        yield f"  {_describe(question, looked)}"
    waiting = [one.name for one in looked.questions if one.is_open and standing.failed]
    if waiting:
        yield "  the next look waits for the trials that failed: the same command tries them again"
    reached = sum(sum(own.values()) for own in looked.reached.values())
    whole = looked.looks[-1] * sum(len(own) for own in looked.reached.values())
    if reached == whole:
        yield "no method could stop early"
    elif not standing.failed:
        yield (
            f"{reached} trials instead of {whole} with {looked.looks[-1]} seeds of every method:"
            f" {100 * (whole - reached) / whole:.0f} % saved"
        )


def _describe(question: Question, looked: Sequential) -> str:
    name = question.name if question.kind == "pair" else f"claim {question.name}"
    if question.why:
        return f"{question.dataset}: {name}: no more seeds, as {question.why}"
    number = looked.looks.index(question.seeds) + 1
    return (
        f"{question.dataset}: {name} is {question.verdict}, {question.seeds} seeds"
        f" (look {number} of {len(looked.looks)})"
    )
