"""The command line's grammar: verbs, options, and what to say about a wrong one."""

from __future__ import annotations

import argparse
import difflib
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from bench import __version__
from bench.errors import ConfigurationError

LISTABLE = ("methods", "spaces", "datasets", "studies")


class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        raise ConfigurationError(f"{message} (see {self.prog} --help)")


def parse(given: Sequence[str]) -> argparse.Namespace:
    """The verb and its arguments. Raises ConfigurationError, in one line, for what is not known."""
    parser, verbs = _parser()
    if not given:
        parser.print_help(sys.stderr)
        raise ConfigurationError("a verb is needed")
    if not given[0].startswith("-"):
        _one_of("verb", given[0], list(verbs))
    chosen, unknown = parser.parse_known_args(given)
    if unknown:
        options = list(verbs[chosen.verb]._option_string_actions)
        name = unknown[0].partition("=")[0]
        near = difflib.get_close_matches(name, options, n=1)
        hint = f"did you mean {near[0]}?" if near else f"see bench {chosen.verb} --help"
        raise ConfigurationError(f"bench {chosen.verb} does not take {unknown[0]!r}; {hint}")
    return chosen


def _one_of(kind: str, name: str, known: Sequence[str]) -> str:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ConfigurationError(f"no {kind} {name!r}; {hint}(there are {', '.join(known)})")
    return name


def _parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    parser = _Parser(
        prog="bench",
        description="Which Bayesian architecture-search method is worth using?",
        epilog="STUDY is a shipped study's name (bench list studies) or a YAML file's path. Exit"
        " status: 0 done, 1 some trials failed (the rest are saved), 2 wrong usage.",
    )
    parser.add_argument("--version", action="version", version=f"bench {__version__}")
    group = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    verbs: dict[str, argparse.ArgumentParser] = {}

    def verb(name: str, help: str, of_study: bool = True) -> argparse.ArgumentParser:
        added = group.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
        if of_study:
            several: dict[str, Any] = {"nargs": "+"} if name == "leaderboard" else {}
            added.add_argument(
                "study", metavar="STUDY", help="a shipped study or a YAML file", **several
            )
            added.add_argument(
                "--set",
                action="append",
                default=[],
                metavar="KEY=VALUE",
                help="override a key of the study, as search.epochs=5; may be repeated",
            )
        if name != "list":
            added.add_argument(
                "--results",
                type=Path,
                default=Path("results"),
                metavar="DIR",
                help="where results are kept (default: ./results)",
            )
        verbs[name] = added
        return added

    running = verb("run", "run what is not finished, then write tables and figures")
    gating = verb("gate", "train reference cells: does this setting tell good cells from bad ones?")
    for added in (running, gating):
        added.add_argument(
            "--workers", type=_count("--workers"), metavar="N", help="trials at a time"
        )
        _device_option(added, "where to train")
    running.add_argument(
        "--batch-seeds",
        type=_count("--batch-seeds"),
        default=1,
        metavar="S",
        help="search S seeds of a method in one program (default: 1)",
    )
    running.add_argument(
        "--nats-bench",
        type=Path,
        metavar="PATH",
        help="the NATS-Bench file or folder (default: the variable BENCH_NATS_BENCH)",
    )
    running.add_argument("--dry-run", action="store_true", help="print the trials and stop")
    running.add_argument(
        "--stale", action="store_true", help="run trials again that another engine version made"
    )
    running.add_argument(
        "--evaluation",
        type=Path,
        metavar="FILE",
        help="also evaluate with these settings (of bench tune); the study keeps them",
    )
    verb("status", "say what is finished, missing, failed, stale")
    tuning = verb("tune", "search evaluation hyper-parameters, on validation images")
    _tuning_options(tuning)
    verb("ablate", "write the differences of a study's variations from its base")
    _leaderboard_options(verb("leaderboard", "write the leaderboard again, from the records"))
    verifying = verb("verify", "check that the leaderboard's files are what the records say")
    verifying.add_argument(
        "--all", action="store_true", help="every table and figure, not the leaderboard alone"
    )
    analyzing = verb("analyze", "write all tables and figures again, from the records")
    reporting = verb("report", "write one web page with everything in it, from the records")
    reporting.add_argument(
        "--output", type=Path, metavar="DIR", help="where to write (default: the study's results)"
    )
    for added in (verifying, analyzing, reporting):
        _collapse_options(added)
    syncing = verb("sync", "send records to an MLflow server")
    listed = verb("list", "list what there is to use", of_study=False)
    listed.add_argument(
        "what",
        type=lambda name: _one_of("list", name, LISTABLE),
        metavar="|".join(LISTABLE),
        help="of what",
    )
    checking = verb("doctor", "say what this machine has and lacks", of_study=False)
    timing = verb("speed", "measure what a step costs on this machine", of_study=False)
    _speed_options(timing)
    for added in (running, gating, tuning, checking, timing):
        added.add_argument(
            "--data-root",
            type=Path,
            metavar="DIR",
            help="where data sets are (default: the variable BENCH_DATA)",
        )
    for added in (running, tuning, syncing, checking):
        added.add_argument(
            "--tracking-uri",
            metavar="URI",
            help="an MLflow server (default: a database in the study's results)",
        )
    return parser, verbs


def _collapse_options(added: argparse.ArgumentParser) -> None:
    shares = {"type": "one operation type holds", "free": "parameter-free operations hold"}
    for name, text in shares.items():
        added.add_argument(
            f"--collapse-{name}",
            type=_share(f"--collapse-{name}"),
            metavar="SHARE",
            help=f"collapsed is where {text} this share of the edges (default: 0.75)",
        )


def _leaderboard_options(added: argparse.ArgumentParser) -> None:
    added.epilog = (
        "Several studies, or folders with records/, make one leaderboard where their records"
        " compare: the same data, space, budget and evaluation on a data set."
    )
    _collapse_options(added)
    added.add_argument(
        "--from-mlflow", metavar="URI", help="take the records from an MLflow server's runs"
    )
    added.add_argument(
        "--baseline", metavar="METHOD", help="compare with this one (default: the study's)"
    )
    added.add_argument(
        "--output", type=Path, metavar="DIR", help="where to write (default: the study's results)"
    )


def _device_option(added: argparse.ArgumentParser, help: str) -> None:
    added.add_argument(
        "--device",
        choices=("cpu", "cuda", "auto"),
        default="auto",
        help=f"{help} (default: auto, cuda where there is one)",
    )


def _tuning_options(added: argparse.ArgumentParser) -> None:
    added.add_argument(
        "--per",
        choices=("trial", "method", "study"),
        default="method",
        help="one setting for each found architecture, for each method on a data set, or for all"
        " methods on a data set (default: method)",
    )
    added.add_argument(
        "--trials",
        type=_count("--trials"),
        default=20,
        metavar="N",
        help="settings for each of these, the default one among them (default: 20)",
    )
    added.add_argument(
        "--epochs",
        type=_count("--epochs"),
        metavar="N",
        help="epochs of a training (default: the study's)",
    )
    added.add_argument(
        "--architectures",
        type=_count("--architectures"),
        metavar="N",
        help="tune on the first N architectures of each method alone (default: all)",
    )
    added.add_argument(
        "--only", metavar="NAMES", help="these hyper-parameters alone; several with commas"
    )
    added.add_argument(
        "--pruner",
        choices=("median", "hyperband", "none"),
        default="median",
        help="what stops poor settings early (default: median; Hyperband wants more than 20)",
    )
    added.add_argument(
        "--objectives",
        choices=("accuracy", "accuracy,nonzero"),
        default="accuracy",
        help="also fewer non-zero parameters: a Pareto front (default: accuracy)",
    )
    added.add_argument(
        "--storage",
        metavar="URL",
        help="an Optuna database that several processes may share, as"
        " postgresql+psycopg://USER@HOST/NAME, or journal:FILE (default: SQLite in the results)",
    )
    added.add_argument(
        "--timeout",
        type=_count("--timeout"),
        metavar="SECONDS",
        help="begin no further setting after this time",
    )
    added.add_argument(
        "--seed", type=_whole("--seed"), default=0, metavar="N", help="of TPE (default: 0)"
    )
    added.add_argument(
        "--workers",
        type=_count("--workers"),
        default=1,
        metavar="N",
        help="processes that share the work (default: 1)",
    )
    _device_option(added, "where to train")


def _speed_options(added: argparse.ArgumentParser) -> None:
    added.add_argument(
        "--only",
        metavar="PARTS",
        help="W1, W2 (fused against plain), estimators, methods, variance, data, candidates,"
        " growth; several with commas (default: all)",
    )
    added.add_argument(
        "--scale",
        choices=("W1", "W2"),
        default="W2",
        help="super-network of the other parts (default: W2)",
    )
    added.add_argument(
        "--repeats",
        type=_count("--repeats"),
        default=5,
        metavar="N",
        help="rounds that count (default: 5)",
    )
    added.add_argument(
        "--threads", type=_count("--threads"), metavar="N", help="CPU threads (default: all cores)"
    )
    added.add_argument(
        "--study",
        metavar="STUDY",
        help="measure variance in this study's first search by VINNAS, on its data (default: a"
        " small search on synthetic images)",
    )
    _device_option(added, "where to measure")
    added.add_argument(
        "--quick", action="store_true", help="tiny sizes: shows that it works, says nothing"
    )


def _count(option: str) -> Callable[[str], int]:
    return _whole(option, 1)


def _whole(option: str, lowest: int = 0) -> Callable[[str], int]:
    def whole(text: str) -> int:
        if not text.isdecimal() or int(text) < lowest:
            raise ConfigurationError(f"{option} {text}: must be a whole number, at least {lowest}")
        return int(text)

    return whole


def _share(option: str) -> Callable[[str], float]:
    def share(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 < value <= 1:
            raise ConfigurationError(f"{option} {text}: must be a share above 0 and up to 1")
        return value

    return share
