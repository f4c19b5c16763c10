"""The `bench` command: one function a verb, no logic. Heavy imports wait for the verb."""

from __future__ import annotations

import argparse
import functools
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bench.cli import arguments
from bench.errors import BenchError

if TYPE_CHECKING:
    from bench.records.store import Standing, Store
    from bench.study.model import Study

DONE, SOME_FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130


def main(given: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0 done, 1 some trials failed, 2 wrong."""
    try:
        chosen = arguments.parse(sys.argv[1:] if given is None else given)
        code = _VERBS[chosen.verb](chosen)
        sys.stdout.flush()
        return code
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return WRONG
    except KeyboardInterrupt as error:
        print(
            str(error) or "interrupted; nothing is lost: run the same command again",
            file=sys.stderr,
        )
        return INTERRUPTED
    except BrokenPipeError:  # what read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def run(chosen: argparse.Namespace) -> int:
    """bench run STUDY"""
    from bench.cli import plain_analysis as analysis
    from bench.run import session
    from bench.study import tuned_settings as tuned

    study, store = _study(chosen)
    if chosen.dry_run:
        return _print_status(study, store)
    if chosen.evaluation is not None:
        tuned.adopt(chosen.evaluation, store.folder)
    if chosen.nats_bench is not None:
        os.environ["BENCH_NATS_BENCH"] = str(chosen.nats_bench.absolute())  # workers inherit it
    settings = session.Settings(
        device=chosen.device,
        workers=chosen.workers,
        data_root=chosen.data_root,
        tracking_uri=chosen.tracking_uri,
        batch_seeds=chosen.batch_seeds,
        stale=chosen.stale,
    )
    standing = session.run(study, store, settings, analysis.write_all)
    _print_leaderboard(store, standing)
    return SOME_FAILED if standing.failed else DONE


def status(chosen: argparse.Namespace) -> int:
    """bench status STUDY"""
    return _print_status(*_study(chosen))


def tune(chosen: argparse.Namespace) -> int:
    """bench tune STUDY"""
    from bench.cli import plain_analysis as analysis
    from bench.tuning import session as tuning_session

    study, store = _study(chosen, tuned=False)
    settings = tuning_session.Settings(
        per=chosen.per,
        trials=chosen.trials,
        epochs=chosen.epochs,
        architectures=chosen.architectures,
        only=tuple(filter(None, (chosen.only or "").split(","))),
        pruner=chosen.pruner,
        objectives=tuple(chosen.objectives.split(",")),
        storage=chosen.storage,
        timeout=chosen.timeout,
        seed=chosen.seed,
        device=chosen.device,
        data_root=chosen.data_root,
        tracking_uri=chosen.tracking_uri,
        workers=chosen.workers,
    )
    finished = tuning_session.run(study, store, settings, analysis.write_tuning)
    return DONE if finished else SOME_FAILED


def ablate(chosen: argparse.Namespace) -> int:
    """bench ablate STUDY"""
    from bench.cli import plain_analysis as analysis
    from bench.run import session

    study, store = _study(chosen)
    standing = session.finished_or_error(study, store)
    for path in session.write_study_tables(study, store, standing, analysis.write_ablation):
        print(path)
    return DONE


def gate(chosen: argparse.Namespace) -> int:
    """bench gate STUDY"""
    from bench.records import gate as verdicts
    from bench.run import session

    study, store = _study(chosen, tuned=False)
    settings = session.Settings(
        device=chosen.device, workers=chosen.workers, data_root=chosen.data_root
    )
    verdict = session.run_gate(study, store, settings)
    if verdict is None:
        print(f"gate of {study.name}: a training failed, so there is no verdict; run it again")
        return SOME_FAILED
    print("\n".join(verdict.describe()))
    print(f"verdict: {store.folder / verdicts.FILE}")
    return DONE if verdict.passed else SOME_FAILED


def leaderboard(chosen: argparse.Namespace) -> int:
    """bench leaderboard STUDY..."""
    from bench.cli import plain_analysis as analysis
    from bench.records import gather as sources

    found = sources.gather(
        chosen.study, chosen.results, chosen.set, chosen.from_mlflow, chosen.baseline
    )
    folder = chosen.output or found.folder
    written = analysis.write_leaderboard(
        folder, found.records, found.facts, thresholds=_thresholds(chosen), files=found.files
    )
    print(written[0].read_text(encoding="utf-8"))
    print("\n".join(map(str, written)))
    return DONE


def verify(chosen: argparse.Namespace) -> int:
    """bench verify STUDY"""
    from bench.cli import plain_analysis as analysis
    from bench.records import gather as sources
    from bench.records import verify as verification

    found = sources.gather([chosen.study], chosen.results, chosen.set)
    write = analysis.write_all if chosen.all else analysis.write_leaderboard
    wrong, compared = verification.compare(
        found.folder,
        lambda folder: write(
            folder, found.records, found.facts, thresholds=_thresholds(chosen), files=found.files
        ),
    )
    for line in wrong:
        print(line)
    right = f"{compared - len(wrong)} of {compared} files are what the records say"
    print(f"{found.facts.name}: {right} ({found.folder})")
    return SOME_FAILED if wrong else DONE


def analyze(chosen: argparse.Namespace) -> int:
    """bench analyze STUDY"""
    from bench.cli import plain_analysis as analysis
    from bench.run import session

    study, store = _study(chosen)
    standing = session.finished_or_error(study, store)

    write = functools.partial(analysis.write_all, thresholds=_thresholds(chosen))
    for path in session.write_study_tables(study, store, standing, write):
        print(path)
    return DONE


def report(chosen: argparse.Namespace) -> int:
    """bench report STUDY"""
    from bench.cli import plain_analysis as analysis
    from bench.records import gather as sources

    found = sources.gather([chosen.study], chosen.results, chosen.set)
    folder = chosen.output or found.folder
    thresholds = _thresholds(chosen)
    print(
        analysis.write_report(
            folder,
            found.records,
            found.failed,
            found.facts,
            thresholds=thresholds,
            files=found.files,
        )
    )
    return DONE


def sync(chosen: argparse.Namespace) -> int:
    """bench sync STUDY"""
    from bench.run import session

    study, store = _study(chosen)
    counts = session.sync(study, store, chosen.tracking_uri)
    print(
        f"{study.name}: {counts.logged} runs sent, {counts.updated} completed,"
        f" {counts.present} were there"
    )
    return DONE


def listing(chosen: argparse.Namespace) -> int:
    """bench list methods|spaces|datasets|studies"""
    from bench.cli import catalogue

    for name, description in catalogue.of(chosen.what).items():
        print(f"{name:20} {description}".rstrip())
    return DONE


def doctor(chosen: argparse.Namespace) -> int:
    """bench doctor"""
    from bench.cli.doctor import examine

    hindered = False
    for finding in examine(chosen.results, chosen.data_root, chosen.tracking_uri):
        print(finding, flush=True)
        hindered |= finding.hinders
    return SOME_FAILED if hindered else DONE


def speed(chosen: argparse.Namespace) -> int:
    """bench speed"""
    from bench.speed import session

    settings = session.Settings(
        only=chosen.only,
        scale=chosen.scale,
        repeats=chosen.repeats,
        threads=chosen.threads,
        device=chosen.device,
        results=chosen.results,
        quick=chosen.quick,
        study=chosen.study,
        data_root=chosen.data_root,
    )
    for path in session.run(settings):
        print(path)
    return DONE


def _study(chosen: argparse.Namespace, tuned: bool = True) -> tuple[Study, Store]:
    """tuned: with the trials of the settings that `bench run --evaluation` has brought in."""
    from bench.records.store import Store
    from bench.study.file import load
    from bench.study.tuned_settings import with_settings

    study = load(chosen.study, chosen.set)
    store = Store(chosen.results / study.name)
    if tuned:
        given = getattr(chosen, "evaluation", None)
        study = with_settings(study, store.folder, given)
    return study, store


def _thresholds(chosen: argparse.Namespace) -> dict[str, float]:
    """The thresholds of collapse that were asked for."""
    given = {"type": chosen.collapse_type, "free": chosen.collapse_free}
    return {name: value for name, value in given.items() if value is not None}


def _print_status(study: Study, store: Store) -> int:
    from bench.records import status

    for line in status.describe(study, store):
        print(line)
    return DONE


def _print_leaderboard(store: Store, standing: Standing) -> None:
    if standing.finished:
        print((store.folder / "leaderboard.md").read_text(encoding="utf-8"))
    for record in standing.failed:
        print(f"failed: {store.record_path(record.trial)}: {record.error.message}")
    print(f"records, tables and figures: {store.folder}")


_VERBS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": run,
    "status": status,
    "gate": gate,
    "tune": tune,
    "ablate": ablate,
    "leaderboard": leaderboard,
    "verify": verify,
    "analyze": analyze,
    "report": report,
    "sync": sync,
    "list": listing,
    "doctor": doctor,
    "speed": speed,
}
