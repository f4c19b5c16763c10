"""The verb `show`: what a method, a study, a space, a data set or a section of a study file is."""

from __future__ import annotations

import inspect
import shutil
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from click import argument, option

from bench.cli import options
from bench.cli.completion import TOPICS, complete_anything
from bench.cli.options import DONE, RESULTS, OneOf, verb
from bench.errors import ConfigurationError, suggest

_KINDS = ("method", "study", "space", "dataset", "topic")


@verb("show", "vinnas", "quickstart --set search.epochs=5", "darts --kind space", "evaluation")
@argument(
    "name",
    shell_complete=complete_anything,
    help=f"A method, study, space, data set or topic ({', '.join(TOPICS)}).",
)
@option("--kind", type=OneOf(_KINDS), show_default="any", help="Which of them, if several.")
@options.overrides
def show(name: str, kind: str | None, overrides: Sequence[str]) -> int:
    """Explain a method, study, space, data set or topic.

    Of a method, a space and a topic (a section of the study file) it prints the options with their
    meaning, what they can be and their defaults; of a study the whole of it, with every default
    written out, as a study file.
    """
    kind, shown = _find(name, kind)
    for line in _EXPLAIN[kind](shown, overrides):
        print(line)
    return DONE


def _find(name: str, kind: str | None) -> tuple[str, str]:
    """(kind, name) of what is meant. Raises ConfigurationError."""
    from bench.cli import catalogue

    known: dict[str, list[str]] = {
        "method": list(catalogue.list_methods()),
        "study": list(catalogue.describe("studies")),
        "space": list(catalogue.describe("spaces")),
        "dataset": list(catalogue.describe("datasets")),
        "topic": list(TOPICS),
    }
    kinds = [one for one in _KINDS if kind in (None, one)]
    fitting = [one for one in kinds if name in known[one]]
    if not fitting and "dataset" in kinds and name.startswith("image-folder:"):
        fitting = ["dataset"]
    if not fitting and "study" in kinds and (Path(name).suffix in (".yaml", ".yml") or "/" in name):
        fitting = ["study"]
    if not fitting:
        what = kind or "method, study, space, data set or topic"
        names = {other for one in kinds for other in known[one]}
        raise ConfigurationError(f"no {what} is called {name!r}; {suggest(name, names)}")
    if len(fitting) > 1:
        several, which = " and a ".join(fitting), " or ".join(f"--kind {one}" for one in fitting)
        raise ConfigurationError(f"{name} is a {several}: did you mean {which}?")
    return fitting[0], name


def _explain_method(name: str, overrides: Sequence[str]) -> Iterator[str]:
    from bench import plugins

    method = plugins.load_method(name)
    yield f"{name}: a method ({method.__module__})"
    yield from ["", *_wrap_text(inspect.getdoc(method) or "")]
    yield from [
        "",
        f"Options; in a study under methods.{name}, or --set methods.{name}.OPTION=VALUE:",
    ]
    yield from _list_options(method.Config)


def _explain_space(name: str, overrides: Sequence[str]) -> Iterator[str]:
    from bench.space import registry

    cls = registry.config(name)
    yield from _fill(f"{name}: a space; {registry.names()[name]}")
    yield from ["", "operations that it can have:", *_fill(", ".join(cls.known), "  ")]
    yield from ["", "Options; in a study under space, or --set space.OPTION=VALUE:"]
    yield from _list_options(cls)


def _explain_dataset(name: str, overrides: Sequence[str]) -> Iterator[str]:
    from bench.data import registry
    from bench.data.config import DataConfig

    about = registry.names().get(name) or registry.names()["image-folder:PATH"]
    yield from _fill(f"{name}: a data set; {about}")
    yield from ["", "Options; in a study under data, or --set data.OPTION=VALUE:"]
    yield from _list_options(DataConfig)


def _explain_study(name: str, overrides: Sequence[str]) -> Iterator[str]:
    from bench.records.transfer.loading import load
    from bench.study import file, writing

    study = load(name, overrides, RESULTS)
    yield from writing.write_resolved(study, file.read(name, overrides)[1])


def _explain_topic(name: str, overrides: Sequence[str]) -> Iterator[str]:
    from bench.data.config import DataConfig
    from bench.space.config import SpaceConfig
    from bench.study.architectures import ArchitecturesConfig
    from bench.study.gate_file import GateConfig
    from bench.tabular.config import TabularConfig
    from bench.training.config import EvaluationConfig, SearchConfig, UncertaintyConfig

    classes: dict[str, type] = {
        "architectures": ArchitecturesConfig,
        "data": DataConfig,
        "space": SpaceConfig,
        "search": SearchConfig,
        "evaluation": EvaluationConfig,
        "tabular": TabularConfig,
        "gate": GateConfig,
        "uncertainty": UncertaintyConfig,
    }
    section = {"tabular": "evaluation", "uncertainty": "evaluation.uncertainty"}.get(name, name)
    yield f"{section}: a section of the study file"
    yield from ["", *_wrap_text(inspect.getdoc(classes[name]) or "")]
    yield from ["", f"Options; --set {section}.OPTION=VALUE changes one:"]
    yield from _list_options(classes[name])


_EXPLAIN: dict[str, Callable[[str, Sequence[str]], Iterator[str]]] = {
    "method": _explain_method,
    "study": _explain_study,
    "space": _explain_space,
    "dataset": _explain_dataset,
    "topic": _explain_topic,
}


def _list_options(cls: type) -> Iterator[str]:
    """Each option with its default and what it can be, and below it what it means."""
    from bench.options import fields, meaning, tunable
    from bench.study.validation import allowed
    from bench.study.writing import get_default
    from bench.study.yaml import dump_line

    found: dict[str, Any] = fields(cls)
    if not found:
        yield "  none"
    for name, field in found.items():
        default = "required" if field.is_required() else dump_line(get_default(field))
        yield from _fill(f"{name}: {default}  ({allowed(field)})", "  ", hanging="      ")
        ends = tunable(field)
        tuned = f" `bench tune` searches {ends.low:g} to {ends.high:g}." if ends else ""
        if text := f"{meaning(cls, name)}{tuned}".strip():
            yield from _fill(text, "      ")


def _wrap_text(text: str) -> Iterator[str]:
    """A docstring in the terminal's width; indented paragraphs, formulas, stay as they are."""
    for number, paragraph in enumerate(text.split("\n\n")):
        if number:
            yield ""
        lines = paragraph.split("\n")
        if any(line.startswith(" ") for line in lines):
            yield from lines
        else:
            yield from _fill(" ".join(lines))


def _fill(text: str, indent: str = "", hanging: str | None = None) -> list[str]:
    columns = min(shutil.get_terminal_size().columns, 100)
    return textwrap.wrap(
        text,
        columns,
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_on_hyphens=False,
    )
