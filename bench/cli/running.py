"""Verbs that compute: run a study, see where it stands, gate it, tune it, send its records."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from click import argument, option

from bench.cli import options
from bench.cli.options import COUNT, DONE, PATH, SOME_FAILED, OneOf, StudyArguments, verb
from bench.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    from bench.records.store import Standing, Store
    from bench.run.session import Settings
    from bench.study.model import Study

_PER = ("trial", "method", "study")
_PRUNERS = ("median", "hyperband", "none")
_ESTIMATES = ("auto", "records", "measure", "none")
_GOALS = ("accuracy", "accuracy,nonzero")
_workers = option(
    "--workers", type=COUNT, show_default="fastest here; cuda: 1", help="Trials at a time."
)
_stale = option(
    "--stale", is_flag=True, help="Run trials again that another engine version or data made."
)


@verb(
    "run",
    "quickstart",
    "quickstart --set search.epochs=5 --set 'seeds=[0]' --dry-run",
    "quickstart --until-decided --max-seeds 8",
)
@options.study
@option("--dry-run", is_flag=True, help="Print the trials and what they would cost; run nothing.")
@option(
    "--estimate",
    type=OneOf(_ESTIMATES),
    default="auto",
    help="Times of a dry run; auto: from records, else measured.",
)
@_stale
@_workers
@options.cluster
@options.device
@option("--evaluation", type=PATH, help="Settings of bench tune to evaluate with, too.")
@option("--until-decided", is_flag=True, help="Add seeds until verdicts are reached.")
@option(
    "--max-seeds",
    type=options.SEEDS,
    metavar="N",
    show_default="20",
    help="Add them up to N.",
)
@options.region
@option("--system-metrics", is_flag=True, help="Show what the machine did in MLflow (psutil).")
@option("--nats-bench", type=PATH, show_default="$BENCH_NATS_BENCH", help="The NATS-Bench file.")
@options.data_root
@options.tracking_uri
def run(
    arguments: StudyArguments,
    *,
    dry_run: bool,
    estimate: str,
    evaluation: Path | None,
    until_decided: bool,
    max_seeds: int | None,
    region: float | None,
    nats_bench: Path | None,
    **settings: Any,
) -> int:
    """Run the trials that have not finished, then write the tables.

    Each trial leaves a record and is not run again, so the same command continues after an
    interruption. Exit status 1 where trials failed; the others' records are kept.

    --until-decided: after 5, 8, 13, ... seeds each method is tested against the study's baseline,
    and the claims that the study names are judged; what is undecided gets more seeds. The tests
    share an error of 5 % over all looks. The study has these seeds from then on, for every verb.
    """
    from bench.run.display import Display

    with Display() as display:
        display.note("reading the study")
        import analysis
        from bench.cli import deciding
        from bench.forecast import throughput
        from bench.records import sequential
        from bench.run import session

        wanted = deciding.read(until_decided, max_seeds, region)
        study, store = arguments.open(evaluation)
        deciding.refuse_tuned(study, store, wanted, evaluation)
        if wanted is not None:
            own = arguments.read()[0]
            looked = deciding.prepare(own, store, wanted)
            study = sequential.extend(own, looked)
        plan, remarks = session.Settings(evaluation=evaluation, **settings), list[str]()
        if dry_run:
            display.note("working out what it would cost")
            return _print_forecast(study, store, plan, estimate)
        if nats_bench is not None:
            os.environ["BENCH_NATS_BENCH"] = str(nats_bench.absolute())  # workers inherit it
        throughput.measure_once(study, store, plan, display.say)
        if wanted is None:
            standing = session.run(study, store, plan, analysis.write_all, display=display)
        else:
            study, standing, remarks = deciding.run(arguments, looked, plan, display)
    _print_outcome(arguments, study, store, standing, plan.tracking_uri, remarks)
    return SOME_FAILED if standing.failed else DONE


@verb("status", "quickstart")
@options.study
@options.data_root
def show_status(arguments: StudyArguments, data_root: Path | None) -> int:
    """Say which trials are finished, missing, failed or stale.

    A stale record is of another configuration or engine version, or of images of your own that
    have changed since; its line says which.
    """
    return _print_status(*arguments.open(), data_root)


@verb("gate", "quickstart", "collapse --workers 2 --data-root ~/data")
@options.study
@_stale
@_workers
@options.cluster
@options.device
@options.data_root
def gate(arguments: StudyArguments, **settings: Any) -> int:
    """Check that a study's setting tells good cells from bad ones.

    Trains reference cells of known quality in that setting. It passes where their order comes out
    by more than the noise; exit status 1 where it does not, or where a training failed.
    """
    from bench.run.display import Display

    with Display() as display:
        display.note("reading the study")
        from bench.records import gate as verdicts
        from bench.run import session

        study, store = arguments.open(tuned=False)
        verdict = session.run_gate(study, store, session.Settings(**settings), display)
    if verdict is None:
        print(f"gate of {study.name}: a training failed, so there is no verdict; run it again")
        return SOME_FAILED
    print("\n".join(verdict.describe()))
    print(f"verdict: {store.folder / verdicts.FILE}")
    return DONE if verdict.passed else SOME_FAILED


@verb("tune", "quickstart --trials 10 --only learning_rate", "fashion-mnist --epochs 6 --workers 2")
@options.study
@option("--per", type=OneOf(_PER), default="method", help="What gets settings of its own.")
@option("--trials", type=COUNT, default=20, help="Settings to try, the study's own first.")
@option("--epochs", type=COUNT, show_default="the study's", help="Epochs of a training.")
@option("--architectures", type=COUNT, show_default="all", help="How many per method to tune on.")
@option("--only", metavar="NAMES", show_default="all", help="These alone, several with commas.")
@option("--pruner", type=OneOf(_PRUNERS), default="median", help="What stops poor settings early.")
@option("--objectives", type=OneOf(_GOALS), default="accuracy", help="What to optimise.")
@option("--storage", metavar="URL", show_default="SQLite in the results", help="Optuna database.")
@option("--timeout", type=COUNT, metavar="SECONDS", help="Begin no setting after this time.")
@option("--seed", type=options.Whole(min=0), default=0, help="Seed of the sampler, TPE.")
@_workers
@options.cluster
@options.device
@options.data_root
@options.tracking_uri
def tune(arguments: StudyArguments, only: str | None, objectives: str, **settings: Any) -> int:
    """Search evaluation hyper-parameters on validation images.

    Run the study first: settings are searched for the architectures that it found, by default for
    each method on a data set; --per trial: for each architecture, --per study: for all methods on
    a data set. The best are written to tuning/ in the results, for `bench run --evaluation`. Exit
    status 1 where settings are left to try; the same command continues.

    --only: learning_rate, weight_decay, batch_size, drop_path, auxiliary_weight, cutout,
    label_smoothing, warm_up, and options of a method (method.NAME). --objectives: nonzero is for
    few non-zero parameters (a Pareto front). --pruner: hyperband wants more than 20 trials.
    --storage: any URL of Optuna's, as postgresql+psycopg://USER@HOST/NAME; one command at a time.
    """
    from bench.run.display import Display

    with Display() as display:
        display.note("reading the study")
        import analysis
        from bench.tuning import session

        study, store = arguments.open(tuned=False)
        names = tuple(dict.fromkeys(filter(None, (only or "").split(","))))
        if only is not None and not names:
            raise ConfigurationError("--only: names no hyper-parameter; leave it out for all")
        goals = tuple(objectives.split(","))
        plan = session.Settings(only=names, objectives=goals, **settings)
        is_done = session.run(study, store, plan, analysis.write_tuning, display)
    return DONE if is_done else SOME_FAILED


@verb("sync", "quickstart --tracking-uri http://127.0.0.1:5000")
@options.study
@options.tracking_uri
def sync(arguments: StudyArguments, tracking_uri: str | None) -> int:
    """Send a study's records to MLflow.

    For records of a run whose server did not answer, or to copy them to another server. What is
    there already is not sent again.
    """
    from bench.run import session

    study, store = arguments.open()
    counts = session.sync(study, store, tracking_uri)
    print(
        f"{study.name}: {counts.logged} runs sent, {counts.updated} completed,"
        f" {counts.present} were there"
    )
    return DONE


@verb(
    "rerun",
    "results/collapse --pick 3",
    "results/collapse/records/darts-*-s0-*.json",
    "quickstart --pick 1 --seed 7 --output /tmp/again",
)
@argument(
    "paths",
    nargs=-1,
    required=True,
    metavar="RECORD...",
    type=PATH,
    help="A record's file; with --pick, a folder with records/ or a study.",
)
@option("--pick", type=COUNT, metavar="N", help="Draw N of the records.")
@option("--seed", type=options.Whole(min=0), default=0, help="Seed of the drawing.")
@_workers
@options.device_option(help="Where to compute; auto: as the record did.")
@options.data_root
@options.results
@option(
    "--output", type=PATH, metavar="DIR", show_default="kept nowhere", help="For the new records."
)
def rerun(
    paths: Sequence[Path],
    pick: int | None,
    seed: int,
    results: Path,
    output: Path | None,
    **settings: Any,
) -> int:
    """Run the trials of records again and compare.

    A record holds the whole configuration, so no study file is needed. Genotypes are compared
    exactly, the numbers of every epoch and of the evaluation to the last bit and within 1e-5,
    relative to numbers above 1. Where they differ it says where first, and what else differs:
    code, packages, machine, data. Exit status 1 where a result differs.
    """
    from bench.run.display import Display

    with Display() as display:
        display.note("reading the records")
        from bench.rerun import session
        from bench.rerun.outcome import summarise
        from bench.run.session import Settings

        records = session.find_records(paths, results, pick, seed)
        outcomes = session.rerun(records, Settings(**settings), output, display)
    print(summarise(outcomes))
    return DONE if all(outcome.is_same for outcome in outcomes) else SOME_FAILED


def _print_status(study: Study, store: Store, data_root: Path | None) -> int:
    from bench.records import status
    from bench.run import beforehand

    standing = store.standing(study.trials)
    digests = beforehand.read_own_digests(study, standing, data_root)
    for line in status.describe(study, standing, store.folder, digests):
        print(line)
    return DONE


def _print_forecast(study: Study, store: Store, plan: Settings, estimate: str) -> int:
    from bench.forecast import forecast
    from bench.run import beforehand

    lines, problems = beforehand.preview_data(study.trials, plan.data_root)
    for line in lines:
        print(line)
    _print_status(study, store, plan.data_root)
    for line in forecast.describe(study, store, plan, estimate):
        print(line)
    if problems:  # as the run itself would be refused
        raise DataError("; ".join(problems))
    return DONE


def _print_outcome(
    arguments: StudyArguments,
    study: Study,
    store: Store,
    standing: Standing,
    tracking_uri: str | None,
    remarks: Sequence[str],
) -> None:
    """What came out, in a screenful, and how it was stopped (remarks); then what to do next."""
    from bench.cli import summary
    from bench.records import facts

    done, of = len(standing.finished), len(study.trials)
    failed = f", {len(standing.failed)} failed" if standing.failed else ""
    print(f"{study.name}: {done} of {of} trials finished{failed}\n")
    if standing.finished:
        known = facts.collect(study, store.folder, standing)
        lines = summary.describe(standing.finished, known, arguments, options.thresholds({}))
        print("\n".join([*lines, ""]))
    if remarks:
        print("\n".join([*remarks, ""]))
    for record in standing.failed:
        print(f"failed: {store.record_path(record.trial)}: {record.error.message}")
    print("\n".join(summary.describe_next(arguments, store.folder, tracking_uri)))
