"""Reading a study: YAML and overrides in, a checked Study out; one line for whatever is wrong.

name: quickstart
description: one line
methods: [darts, vinnas]       # or label -> options: {no_kl: {method: vinnas, kl_weight: 0}}
datasets: [digits]             # or name -> overrides of `data`
seeds: [0, 1, 2]
baseline: darts                # optional, a label
ablations: {...}               # optional, with `base`: see bench.study.ablations
notes: free text               # optional
data: {...}                    # bench.data.config.DataConfig, without name
space: {...}                   # by `name`: bench.space.registry; SpaceConfig by default
search: {...}                  # bench.training.config.SearchConfig
evaluation: {...}              # bench.training.config.EvaluationConfig, or, with
                               # `kind: tabular`, bench.tabular.config.TabularConfig
gate: {...}                    # reference cells, see bench.study.gate_file
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from bench.data import registry
from bench.data.config import DataConfig
from bench.errors import ConfigurationError, show, suggest
from bench.options import Mark, fields, has, resolved
from bench.space import registry as registry_of_spaces
from bench.space.config import SpaceConfig, no_auxiliary_head
from bench.space.nas_bench_201.config import NasBench201Config
from bench.study import ablations as variations
from bench.study import gate_file
from bench.study import yaml as yaml_file
from bench.study.model import Study, Trial
from bench.study.validation import build, require_mapping
from bench.tabular.config import TabularConfig
from bench.training.config import EvaluationConfig, SearchConfig

_KEYS = (
    *("name", "description", "notes", "methods", "datasets", "seeds", "baseline"),
    *("base", "ablations"),
)
_SECTIONS = ("data", "space", "search", "evaluation")
_GATE = "gate"
_FILE_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SAFE_RULE = "must be letters, digits, '.', '_' or '-' (it names files)"


def shipped() -> dict[str, str]:
    """The studies that come with the package: name -> description."""
    folder = resources.files("bench") / "studies"
    found = {}
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".yaml"):
            data = yaml_file.read_text(entry.read_text(encoding="utf-8"), entry.name)
            found[entry.name.removesuffix(".yaml")] = str(data.get("description", ""))
    return found


def load(reference: str, overrides: Sequence[str] = ()) -> Study:
    """The study of a shipped name or a path, with `key=value` overrides laid over it.

    Raises ConfigurationError, in one line, for anything in it that cannot be meant.
    """
    where, data = _read(reference)
    _write_out(data)
    for assignment in overrides:
        yaml_file.override(data, assignment)
    _write_out(data)
    return _check(data, where)


def _read(reference: str) -> tuple[str, dict[str, Any]]:
    entry = resources.files("bench") / "studies" / f"{reference}.yaml"
    if _FILE_SAFE.fullmatch(reference) and entry.is_file():
        where = f"study {reference}"
        return where, yaml_file.read_text(entry.read_text(encoding="utf-8"), where)
    path = Path(reference)
    if path.is_file():
        return reference, yaml_file.read(path)
    if path.suffix in (".yaml", ".yml") or "/" in reference:
        problem = "is a folder, not a file" if path.is_dir() else "does not exist"
        raise ConfigurationError(f"study file {reference} {problem}")
    raise ConfigurationError(
        f"study {reference!r} is neither shipped nor a file; {suggest(reference, shipped())}"
    )


def _write_out(data: dict[str, Any]) -> None:
    """`[a, b]` becomes `{a: {}, b: {}}`, so that `--set methods.a.option=1` has where to go.

    So `evaluation: tabular` becomes `{kind: tabular}`.
    """
    for key in ("methods", "datasets"):
        value = data.get(key)
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            repeated = sorted({item for item in value if value.count(item) > 1})
            if repeated:
                raise ConfigurationError(f"{key}: {repeated[0]!r} is listed twice")
            data[key] = {item: {} for item in value}
    if isinstance(data.get("evaluation"), str):
        data["evaluation"] = {"kind": data["evaluation"]}


def _check(data: dict[str, Any], where: str) -> Study:
    for key in data:
        if key not in (*_KEYS, *_SECTIONS, _GATE):
            raise ConfigurationError(
                f"{where}: {key}: unknown key; {suggest(str(key), (*_KEYS, *_SECTIONS, _GATE))}"
            )
    name = _text(data, "name", where)
    if not _FILE_SAFE.fullmatch(name):
        raise ConfigurationError(f"{where}: name = {show(name)}: {_SAFE_RULE}")
    by_label = _trials(data, name, where)
    base, changes = variations.read(data, where)
    baseline = data.get("baseline", base)
    if baseline is not None and not (isinstance(baseline, str) and baseline in by_label):
        raise ConfigurationError(
            f"{where}: baseline = {show(baseline)}: must be one of the study's methods;"
            f" {suggest(str(baseline), by_label)}"
        )
    for label, changed in changes.items():
        assert base is not None
        by_label[label] = _variation(data, name, base, label, changed, by_label[base], where)
    return Study(
        name=name,
        description=_text(data, "description", where, default=""),
        notes=_text(data, "notes", where, default=""),
        labels=tuple(by_label),
        datasets=tuple(data["datasets"]),
        seeds=tuple(data["seeds"]),
        baseline=baseline,
        trials=tuple(trial for cell in zip(*by_label.values(), strict=True) for trial in cell),
        base=base,
        variations=changes,
        gate=gate_file.read(
            require_mapping(data.get(_GATE), where=where, key=_GATE),
            name,
            by_label[next(iter(by_label))],
            where,
        ),
    )


def _trials(data: dict[str, Any], study: str, where: str) -> dict[str, list[Trial]]:
    """By label, the trials of a study's methods, seed by seed and in each data set by data set."""
    methods = _methods(data, where)
    sections = {key: require_mapping(data.get(key), where=where, key=key) for key in _SECTIONS}
    datasets = _datasets(data, sections["data"], where)
    seeds = _seeds(data, where)
    space = _space(sections["space"], where)
    search = build(SearchConfig, sections["search"], where=where, prefix="search")
    evaluation = _evaluation(sections["evaluation"], space, where)
    return {
        label: [
            Trial(study, label, method, dataset, seed, options, config, space, search, evaluation)
            for seed in seeds
            for dataset, config in datasets.items()
        ]
        for label, (method, options) in methods.items()
    }


def _evaluation(
    values: dict[str, Any], space: SpaceConfig, where: str
) -> EvaluationConfig | TabularConfig:
    """`kind: tabular` looks accuracies up; `kind: training`, the default, trains networks."""
    kind = values.get("kind", "training")
    if kind not in ("training", "tabular"):
        raise ConfigurationError(
            f"{where}: evaluation.kind = {show(kind)}: must be one of training, tabular"
        )
    if kind == "tabular":
        if not isinstance(space, NasBench201Config):
            raise ConfigurationError(
                f"{where}: evaluation.kind = tabular: accuracies are known in the space"
                f" nas-bench-201 alone, not in {space.name}"
            )
        return build(TabularConfig, values, where=where, prefix="evaluation")
    values = {key: value for key, value in values.items() if key != "kind"}
    evaluation = build(EvaluationConfig, values, where=where, prefix="evaluation")
    if evaluation.auxiliary_weight > 0 and not space.has_auxiliary_head:
        raise ConfigurationError(
            f"{where}: evaluation.auxiliary_weight = {evaluation.auxiliary_weight:g}:"
            f" {no_auxiliary_head(space.name)}"
        )
    return evaluation


def _variation(
    data: dict[str, Any],
    study: str,
    base: str,
    label: str,
    changes: dict[str, Any],
    unchanged: list[Trial],
    where: str,
) -> list[Trial]:
    """The trials of a variation; what it changes for the evaluation alone leaves the search be."""
    from bench import method as loader

    key = f"{where}: ablations.{label}"
    if not _FILE_SAFE.fullmatch(label):
        raise ConfigurationError(f"{key}: the label {_SAFE_RULE}")
    trials = _trials(variations.varied(data, base, label, changes), study, key)[label]
    apart = {
        name
        for name, field in fields(loader.load(trials[0].method).Config).items()
        if has(field, Mark.EVALUATION_ONLY)
    }
    made = []
    for trial, before in zip(trials, unchanged, strict=True):
        own = {name: v for name, v in trial.options.items() if v != before.options.get(name)}
        late = {name: value for name, value in own.items() if name in apart}
        early = {name: value for name, value in trial.options.items() if name not in late}
        early |= {name: before.options[name] for name in late if name in before.options}
        trial = dataclasses.replace(trial, options=early, evaluation_options=late)
        if trial.id == before.id:
            raise ConfigurationError(f"{key}: changes nothing: {show(changes)} is {base}'s")
        made.append(trial)
    return made


def _methods(data: dict[str, Any], where: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """label -> (method's name, all its options)."""
    from bench import method as loader

    entries = _entries(data, "methods", where)
    methods = {}
    for label, values in entries.items():
        key = f"methods.{label}"
        if not _FILE_SAFE.fullmatch(label):
            raise ConfigurationError(f"{where}: {key}: the label {_SAFE_RULE}")
        options = dict(require_mapping(values, where=where, key=key))
        name = options.pop("method", label)
        _known(name, loader.names(), f"{where}: {key}", "method")
        config: Any = build(loader.load(name).Config, options, where=where, prefix=key)
        methods[label] = (name, json.loads(json.dumps(resolved(config))))
    return methods


def _datasets(data: dict[str, Any], common: dict[str, Any], where: str) -> dict[str, DataConfig]:
    if "name" in common:
        raise ConfigurationError(f"{where}: data.name: name the data sets under datasets")
    build(DataConfig, common, where=where, prefix="data")
    configs = {}
    for name, values in _entries(data, "datasets", where).items():
        key = f"datasets.{name}"
        own = require_mapping(values, where=where, key=key)
        if "name" in own:
            raise ConfigurationError(f"{where}: {key}.name: the data set's name is its key")
        try:
            registry.check_name(name)
        except ConfigurationError as error:
            raise ConfigurationError(f"{where}: {key}: {error}") from error
        config = build(DataConfig, {**common, **own}, where=where, prefix=key)
        configs[name] = dataclasses.replace(config, name=name)
    return configs


def _entries(data: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    value = data.get(key)
    if not isinstance(value, dict) or not value or not all(isinstance(k, str) for k in value):
        raise ConfigurationError(
            f"{where}: {key} = {show(value)}: must be a list of names or a mapping of names to"
            " options, with at least one"
        )
    return value


def _seeds(data: dict[str, Any], where: str) -> tuple[int, ...]:
    seeds = data.get("seeds")
    if (
        not isinstance(seeds, list)
        or not seeds
        or not all(type(seed) is int and seed >= 0 for seed in seeds)
        or len(set(seeds)) != len(seeds)
    ):
        raise ConfigurationError(
            f"{where}: seeds = {show(seeds)}: must be a list of different whole numbers, at least 0"
        )
    return tuple(seeds)


def _text(data: dict[str, Any], key: str, where: str, default: str | None = None) -> str:
    value = data.get(key, default)
    if not isinstance(value, str):
        raise ConfigurationError(f"{where}: {key} = {show(value)}: must be text")
    return value.strip()


def _known(name: object, known: Mapping[str, Any], where: str, kind: str) -> None:
    if not isinstance(name, str) or name not in known:
        raise ConfigurationError(f"{where}: unknown {kind} {name!r}; {suggest(str(name), known)}")


def _space(values: dict[str, Any], where: str) -> SpaceConfig:
    """The options of the space that `name` names (by default the DARTS space)."""
    name = values.get("name", SpaceConfig.name)
    _known(name, registry_of_spaces.names(), f"{where}: space.name", "space")
    return build(registry_of_spaces.config(name), values, where=where, prefix="space")
