"""A study file as text: every option with its meaning beside it.

What it writes `bench.study.file` reads; options can be written as comments, at their defaults.
"""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Iterator, Mapping, Sequence, Sized
from typing import Any

from pydantic.fields import FieldInfo

from bench.data.config import OWN
from bench.options import fields, from_resolved, meaning, settable
from bench.space import registry as spaces
from bench.study.architectures import KEY
from bench.study.model import Study
from bench.study.sections import find_axes
from bench.study.validation import allowed
from bench.study.yaml import dump_line
from bench.tabular.config import TabularConfig
from bench.training.config import EvaluationConfig

COLUMNS = 96
_OF_DATASETS = {"name", *OWN}
"""Options of a data set that stand under `datasets`, not under `data`."""


def explain(cls: type, name: str) -> str:
    """The meaning of an option, what it can be and its default, in a line."""
    field = fields(cls)[name]
    default = "" if field.is_required() else f"; default {dump_line(get_default(field))}"
    return f"{meaning(cls, name)} ({allowed(field)}{default})".strip()


def get_default(field: FieldInfo) -> Any:
    """What an option is where nothing is said."""
    return field.get_default(call_default_factory=True)


def write_options(
    values: Mapping[str, Any], cls: type | None, indent: int, active: bool = True
) -> Iterator[str]:
    """A line for each option, what it means behind it or above it; `cls` knows the meanings.

    active: False writes them as comments.
    """
    space = " " * indent
    for name, value in values.items():
        line = f"{space}{'' if active else '#'}{dump_line(name)}: {dump_line(value)}"
        about = explain(cls, name) if cls is not None and name in fields(cls) else ""
        if not about:
            yield line
        elif len(line) + len(about) + 4 <= COLUMNS:
            yield f"{line}  # {about}"
        else:
            yield from textwrap.wrap(
                about, COLUMNS, initial_indent=f"{space}# ", subsequent_indent=f"{space}# "
            )
            yield line


def write_resolved(study: Study, written: Mapping[str, Any]) -> Iterator[str]:
    """A study with every option of every section, and what the options mean.

    written: what its file says, for the parts that are not options.
    """
    first = study.trials[0]
    counts: dict[str, Sized] = {
        "method": study.labels,
        "data set": written["datasets"],
        "seed": study.seeds,
    }
    points = len(study.datasets) // len(written["datasets"])
    if points > 1:
        counts["evaluation"] = range(points)
    product = " x ".join(f"{len(v)} {k}{'' if len(v) == 1 else 's'}" for k, v in counts.items())
    yield f"# {product} = {len(study.trials)} trials; every option, with its default"
    for key in ("name", "description"):
        yield f"{key}: {dump_line(written.get(key, ''))}"
    if written.get(KEY):
        yield f"{KEY}: {dump_line(written[KEY])}"
    if written.get("methods"):
        yield "methods:"
    for label in written.get("methods") or ():
        trial = next(trial for trial in study.trials if trial.label == label)
        yield from _write_method(label, trial.method, trial.options)
    yield f"datasets: {dump_line(written['datasets'])}"
    if "seeds" in written:
        yield f"seeds: {dump_line(written['seeds'])}"
    for key in ("baseline", "base", "ablations", "notes"):
        if written.get(key):
            yield f"{key}: {dump_line(written[key])}"
    data = {**dataclasses.asdict(first.data), **(written.get("data") or {})}
    own = {name for values in written["datasets"].values() for name in values or ()}
    own |= _OF_DATASETS
    data = {name: value for name, value in data.items() if name not in own}
    yield from ["data:", *write_options(data, type(first.data), 2)]
    for key, config in (("space", first.space), ("search", first.search)):
        values = settable(type(config), dataclasses.asdict(config))
        values = {"name": first.space.name, **values} if key == "space" else values
        yield from [f"{key}:", *write_options(values, type(config), 2)]
    values = dataclasses.asdict(first.evaluation)
    values |= find_axes(written.get("evaluation") or {})
    if not isinstance(first.evaluation, TabularConfig):
        values = {"kind": "training", **values}
    yield from ["evaluation:", *write_options(values, type(first.evaluation), 2)]
    yield from _write_gate(study, written)
    if written.get("claims"):
        yield f"claims: {dump_line(written['claims'])}"


def _write_method(label: str, method: str, options: Mapping[str, Any]) -> Iterator[str]:
    from bench import plugins

    cls: Any = plugins.load_method(method).Config
    values = settable(cls, dataclasses.asdict(from_resolved(cls, options)))
    yield f"  {dump_line(label)}:"
    yield f"    method: {method}"
    yield from write_options(values, cls, 4)


def _write_gate(study: Study, written: Mapping[str, Any]) -> Iterator[str]:
    from bench.study.gate_file import GateConfig

    if study.gate is None:
        return
    gate = study.gate
    seeds = list(dict.fromkeys(trial.seed for trial in gate.trials))
    yield "gate:"
    yield from write_options({"seeds": seeds, "factor": gate.factor}, GateConfig, 2)
    yield f"  cells: {dump_line(gate.cells)}"
    yield f"  levels: {dump_line(gate.levels)}"
    changes = (written.get("gate") or {}).get("evaluation")
    if changes:
        yield f"  evaluation: {dump_line(changes)}"


def write_draft(
    name: str, methods: Sequence[str], datasets: Sequence[str], seeds: int, like: Study
) -> Iterator[str]:
    """A study file to go on from: the sections are those of the study `like`.

    Options that it leaves at their defaults are written as comments. baseline: `random` where it is
    compared, else the first method.
    """
    first = like.trials[0]
    yield "# A study: `bench run` runs it, and with --dry-run says first what that would cost."
    yield "# Options that are at their defaults stand behind a #; take it away to change one."
    yield f"name: {dump_line(name)}"
    about = f"{', '.join(methods)} on {', '.join(datasets)}"
    yield f"description: {dump_line(about)}"
    yield "methods:  # `bench list methods`; options of one: {learning_rate: 0.1, ...}"
    for method in methods:
        several = " --kind method" if method in spaces.names() else ""
        yield f"  {dump_line(method)}: {{}}  # `bench show {method}{several}`"
    yield f"datasets: {dump_line(list(datasets))}  # `bench list datasets`"
    yield f"seeds: {dump_line([*range(seeds)])}  # of the searches; intervals need several"
    baseline = "random" if "random" in methods else methods[0]
    yield f"baseline: {dump_line(baseline)}  # whom the others are compared with"
    sections = (
        ("data", first.data),
        ("space", first.space),
        ("search", first.search),
        ("evaluation", first.evaluation),
    )
    for key, config in sections:
        yield ""
        yield from _write_section(key, config)


def _write_section(key: str, config: Any) -> Iterator[str]:
    cls, values = type(config), settable(type(config), dataclasses.asdict(config))
    yield f"{key}:"
    if key == "data":
        values = {name: value for name, value in values.items() if name not in _OF_DATASETS}
    if key == "space":
        values = {"name": config.name, **values}
    if isinstance(config, EvaluationConfig):
        yield "  kind: training  # or tabular, in nas-bench-201: accuracies are looked up"
    for name, value in values.items():
        active = name in ("name", "kind") or value != get_default(fields(cls)[name])
        yield from write_options({name: value}, cls, 2, active=active)
