"""The verb `init`: a study file to go on from, by flags or by questions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from click import argument, option

from bench.cli.completion import complete_method, complete_study
from bench.cli.options import DONE, PATH, RESULTS, SEEDS, verb
from bench.errors import ConfigurationError, ResultsError

_DEFAULTS: dict[str, Any] = {
    "methods": "darts,vinnas,random",
    "datasets": "digits",
    "seeds": 3,
    "like": "quickstart",
}


@verb("init", "mine.yaml", "mine.yaml --methods darts,drnas,random --datasets mnist --seeds 5")
@argument(
    "path",
    required=False,
    default=Path("mine.yaml"),
    type=PATH,
    metavar="[FILE]",
    help="The file to write.  [default: mine.yaml]",
)
@option(
    "--methods",
    metavar="NAMES",
    show_default=_DEFAULTS["methods"],
    shell_complete=complete_method,
    help="What is compared, with commas.",
)
@option("--datasets", metavar="NAMES", show_default="digits", help="On which data, with commas.")
@option(
    "--seeds",
    type=SEEDS,
    metavar="N",
    show_default="3",
    help="Searches of each method on each data set.",
)
@option(
    "--like",
    metavar="STUDY",
    show_default="quickstart",
    shell_complete=complete_study,
    help="Whose scale and space it begins with.",
)
def init(path: Path, **given: Any) -> int:
    """Write a study file of your own to begin with.

    Every option is in it with its meaning, those at their defaults as comments. At a terminal and
    without options it asks. It overwrites nothing.
    """
    if path.exists():
        raise ConfigurationError(f"{path} exists already, and is left as it is: name another file")
    answers = {name: value for name, value in given.items() if value is not None}
    if not answers and sys.stdin.isatty() and sys.stdout.isatty():
        answers = _ask()
    answers = {**_DEFAULTS, **answers}
    text = _draft(path, answers)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ResultsError(f"{path} cannot be written: {error.strerror}") from error
    print(f"{path}\nnext:\n  bench run {path} --dry-run")
    return DONE


def _draft(path: Path, answers: dict[str, Any]) -> str:
    """The content of the file, checked as `bench run` would. Raises ConfigurationError."""
    from bench.records.transfer.loading import load
    from bench.study import file, writing

    like = load(answers["like"], (), RESULTS)
    lines = writing.write_draft(
        path.name.removesuffix(".yaml").removesuffix(".yml"),
        _check_methods(answers["methods"]),
        _check_datasets(answers["datasets"]),
        answers["seeds"],
        like,
    )
    text = "\n".join([*lines, ""])
    file.parse(text, str(path))
    return text


def _ask() -> dict[str, Any]:
    """What is to be in the study, question by question; a wrong answer is asked for again."""
    from bench.records.transfer.loading import load

    questions: dict[str, tuple[str, Callable[[str], Any]]] = {
        "methods": ("Which methods? (bench list methods)", _check_methods),
        "datasets": ("On which data sets? (bench list datasets)", _check_datasets),
        "seeds": ("How many seeds?", lambda answer: SEEDS.convert(answer, None, None)),
        "like": (
            "With the space and scale of which study? (bench list studies)",
            lambda name: load(name, (), RESULTS),
        ),
    }
    answers = {}
    for name, (question, check) in questions.items():
        while name not in answers:
            try:
                answer = click.prompt(question, default=str(_DEFAULTS[name]))
                value = check(answer)
            except click.Abort:
                raise KeyboardInterrupt("interrupted; nothing was written") from None
            except (ConfigurationError, click.BadParameter) as error:
                text = error.message if isinstance(error, click.BadParameter) else str(error)
                print(f"  {text}")
            else:
                answers[name] = value if name == "seeds" else answer
    return answers


def _check_methods(names: str) -> Sequence[str]:
    from bench import plugins

    methods = _split(names, "--methods")
    for name in methods:
        plugins.load_method(name)
    return methods


def _check_datasets(names: str) -> Sequence[str]:
    from bench.data import registry
    from bench.data.config import DataConfig

    datasets = _split(names, "--datasets")
    for name in datasets:
        registry.check(DataConfig(name=name))
    return datasets


def _split(names: str, what: str) -> list[str]:
    parts = list(dict.fromkeys(filter(None, map(str.strip, names.split(",")))))
    if not parts:
        raise ConfigurationError(f"{what} {names!r}: name at least one")
    return parts
