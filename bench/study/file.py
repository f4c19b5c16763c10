"""Reading a study: YAML and overrides in, a checked Study out; one line for whatever is wrong.

name: quickstart
description: one line
architectures: {from: STUDY}   # optional, cells that it found: see bench.study.architectures
methods: [darts, vinnas]       # or label -> options: {no_kl: {method: vinnas, kl_weight: 0}}
datasets: [digits]             # or name -> overrides of `data`; {name: pets, folder: PATH}
seeds: [0, 1, 2]
baseline: darts                # optional, a label
ablations: {...}               # optional, with `base`: see bench.study.ablations
notes: free text               # optional
data: {...}                    # bench.data.config.DataConfig, without name
space: {...}                   # by `name`: bench.space.registry; SpaceConfig by default
search: {...}                  # bench.training.config.SearchConfig
evaluation: {...}              # bench.training.config.EvaluationConfig (cells and channels may be
                               # lists: see bench.study.sections), or, with
                               # `kind: tabular`, bench.tabular.config.TabularConfig
gate: {...}                    # reference cells, see bench.study.gate_file
claims: {...}                  # sentences and the rules that decide them, see bench.claims.file
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from bench.claims import file as claims_file
from bench.data import registry
from bench.data.config import OWN, DataConfig
from bench.errors import ConfigurationError, show, suggest
from bench.options import Mark, fields, has, resolved
from bench.space.config import SpaceConfig
from bench.study import ablations, architectures, gate_file, sections, uncertainty
from bench.study import yaml as yaml_file
from bench.study.architectures import Cells, FindCells
from bench.study.model import Origin, Study, Trial, needs_table
from bench.study.sections import known
from bench.study.validation import FILE_SAFE, SAFE_RULE, SEEDS_RULE, Place, are_seeds, build
from bench.tabular.config import TabularConfig
from bench.training.config import SearchConfig

_KEYS = (
    *("name", "description", "notes", "methods", "datasets", "seeds", "baseline"),
    *("base", "ablations", architectures.KEY),
)
_SECTIONS = ("data", "space", "search", "evaluation")


def shipped() -> dict[str, str]:
    """The studies that come with the package: name -> description."""
    folder = resources.files("bench") / "studies"
    descriptions = {}
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".yaml"):
            data = yaml_file.read_text(entry.read_text(encoding="utf-8"), entry.name)
            descriptions[entry.name.removesuffix(".yaml")] = str(data.get("description", ""))
    return descriptions


def load(
    reference: str, overrides: Sequence[str] = (), find_cells: FindCells | None = None
) -> Study:
    """The study of a shipped name or a path, with `key=value` overrides laid over it.

    find_cells: finds the cells that a section `architectures` names (`bench.records.transfer`
    has the loader that knows them). Raises ConfigurationError, in one line, for anything in it that
    cannot be meant.
    """
    where, data = read(reference, overrides)
    study = _check(data, Place(where), find_cells)
    return dataclasses.replace(study, origin=_find_origin(reference))


def parse(text: str, where: str) -> Study:
    """The study of a file's content; raises as `load`."""
    data = yaml_file.read_text(text, where)
    _write_out(data)
    return _check(data, Place(where), None)


def read(reference: str, overrides: Sequence[str] = ()) -> tuple[str, dict[str, Any]]:
    """(where it is, what it says) of a study, with the overrides, before it is checked.

    Methods and data sets are mappings. Raises ConfigurationError.
    """
    where, data = _read(reference)
    _write_out(data)
    for assignment in overrides:
        yaml_file.override(data, assignment)
    _write_out(data)
    return where, data


def _read(reference: str) -> tuple[str, dict[str, Any]]:
    entry = resources.files("bench") / "studies" / f"{reference}.yaml"
    if FILE_SAFE.fullmatch(reference) and entry.is_file():
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


def _find_origin(reference: str) -> Origin:
    path = Path(reference)
    if FILE_SAFE.fullmatch(reference):
        entry = resources.files("bench") / "studies" / f"{reference}.yaml"
        if entry.is_file():
            text = entry.read_bytes()
            return Origin(reference, None, hashlib.sha256(text).hexdigest())
    return Origin(path.stem, path.resolve(), hashlib.sha256(path.read_bytes()).hexdigest())


def _write_out(data: dict[str, Any]) -> None:
    """`[a, b]` becomes `{a: {}, b: {}}`, so that `--set methods.a.option=1` has where to go.

    So `[{name: a, folder: b}]` becomes `{a: {folder: b}}`, of data sets, and `evaluation: tabular`
    becomes `{kind: tabular}`.
    """
    for key in ("methods", "datasets"):
        value = data.get(key)
        items = [_split_name(item, key) for item in value] if isinstance(value, list) else []
        named = [(name, options) for name, options in items if name is not None]
        if named and len(named) == len(items):
            names = [name for name, _ in named]
            repeated = sorted({name for name in names if names.count(name) > 1})
            if repeated:
                raise ConfigurationError(f"{key}: {repeated[0]!r} is listed twice")
            data[key] = dict(named)
    if isinstance(data.get("evaluation"), str):
        data["evaluation"] = {"kind": data["evaluation"]}


def _split_name(item: object, key: str) -> tuple[str | None, dict[str, Any]]:
    """(name, options) of an item of a list; (None, {}) of one that is neither form."""
    if isinstance(item, str):
        return item, {}
    if key == "datasets" and isinstance(item, dict) and isinstance(item.get("name"), str):
        return item["name"], {option: value for option, value in item.items() if option != "name"}
    return None, {}


def _check(data: dict[str, Any], file: Place, find_cells: FindCells | None) -> Study:
    file.only(data, (*_KEYS, *_SECTIONS, "gate", "claims"))
    name = _text(data, "name", file)
    if not FILE_SAFE.fullmatch(name):
        raise (file / "name").wrong(name, SAFE_RULE)
    data, cells = architectures.expand(data, file, find_cells)
    by_label = _trials(data, name, file, cells)
    first = next(iter(by_label.values()))
    base, changes = ablations.read(data, file)
    baseline = data.get("baseline", base)
    if baseline is not None and not (isinstance(baseline, str) and baseline in by_label):
        rule = f"must be one of the study's methods; {suggest(str(baseline), by_label)}"
        raise (file / "baseline").wrong(baseline, rule)
    for label, changed in changes.items():
        assert base is not None
        at = file / "ablations" / label
        if not FILE_SAFE.fullmatch(label):
            raise at.error(f"the label {SAFE_RULE}")
        varied = ablations.vary(data, base, label, changed)
        trials = _trials(varied, name, Place(f"{at.file}: {at.key}"), {})[label]
        pairs = zip(trials, by_label[base], strict=True)
        by_label[label] = [_share_search(trial, before) for trial, before in pairs]
        if by_label[label][0].id == by_label[base][0].id:
            raise at.error(f"changes nothing: {show(changed)} is {base}'s")
    return Study(
        name=name,
        description=_text(data, "description", file, default=""),
        notes=_text(data, "notes", file, default=""),
        labels=tuple(by_label),
        datasets=tuple(dict.fromkeys(trial.dataset for trial in by_label[next(iter(by_label))])),
        seeds=tuple(data["seeds"]),
        baseline=baseline,
        trials=tuple(trial for cell in zip(*by_label.values(), strict=True) for trial in cell),
        base=base,
        variations=changes,
        gate=gate_file.read(file.section(data, "gate"), first, file / "gate"),
        claims=claims_file.read(file.section(data, "claims"), file / "claims", by_label),
    )


def _trials(data: dict[str, Any], study: str, file: Place, cells: Cells) -> dict[str, list[Trial]]:
    """By label, the trials of a study's methods, seed by seed and in each data set by data set.

    Several evaluations make several settings of a data set, each with a name of its own.
    """
    space = sections.read_space(file.section(data, "space"), file / "space")
    search = build(SearchConfig, data.get("search"), file / "search")
    at = file / "evaluation"
    evaluations = sections.read_evaluations(file.section(data, "evaluation"), space, at)
    architectures.check(cells, space, list(evaluations.values()), file)
    methods = _methods(data, space, search, file)
    datasets = _datasets(data, file)
    for evaluation in evaluations.values():
        place = file / "evaluation.uncertainty.outside"
        uncertainty.refuse_own(evaluation, datasets.values(), place)
    seeds = _seeds(data, file)
    for label, (method, _) in methods.items():
        looked_up = all(isinstance(one, TabularConfig) for one in evaluations.values())
        if needs_table(method) and not looked_up:
            raise (file / "methods" / label).error(
                f"{method} asks for known accuracies: it needs evaluation.kind = tabular, in the"
                " space nas-bench-201"
            )
    settings = [
        (", ".join(filter(None, [dataset, point])), config, evaluation)
        for dataset, config in datasets.items()
        for point, evaluation in evaluations.items()
    ]
    trials = {
        label: [
            Trial(study, label, method, name, seed, options, config, space, search, evaluation)
            for seed in seeds
            for name, config, evaluation in settings
        ]
        for label, (method, options) in methods.items()
    }
    return {
        label: [architectures.place(one, cells) for one in own] for label, own in trials.items()
    }


def _share_search(trial: Trial, base: Trial) -> Trial:
    """A variation's trial, with the base's search if what it changes acts in the evaluation."""
    from bench import plugins

    if base.source is not None:  # a given cell: nothing was searched
        return dataclasses.replace(trial, options=base.options, source=base.source)
    config = fields(plugins.load_method(trial.method).Config)
    changed = {name: v for name, v in trial.options.items() if v != base.options.get(name)}
    late = {name: v for name, v in changed.items() if has(config[name], Mark.EVALUATION_ONLY)}
    early = {name: value for name, value in trial.options.items() if name not in late}
    early |= {name: base.options[name] for name in late if name in base.options}
    return dataclasses.replace(trial, options=early, evaluation_options=late)


def _methods(
    data: dict[str, Any], space: SpaceConfig, search: SearchConfig, file: Place
) -> dict[str, tuple[str, dict[str, Any]]]:
    """label -> (method's name, all its options); they have to make sense in this search."""
    from bench import plugins

    methods = {}
    for label, values in _entries(data, "methods", file).items():
        at = file / "methods" / label
        if not FILE_SAFE.fullmatch(label):
            raise at.error(f"the label {SAFE_RULE}")
        options = dict(at.mapping(values))
        name = known(options.pop("method", label), plugins.list_methods(), at, "method")
        kind = plugins.load_method(name)
        config: Any = build(kind.Config, options, at)
        if problem := kind.find_problem(config, space, search):
            raise at.error(problem)
        methods[label] = (name, json.loads(json.dumps(resolved(config))))
    return methods


def _datasets(data: dict[str, Any], file: Place) -> dict[str, DataConfig]:
    common = file.section(data, "data")
    for key in ("name", *OWN):
        if key in common:
            raise (file / "data" / key).error(
                "name the data sets under datasets, with where they are"
            )
    build(DataConfig, common, file / "data")
    configs = {}
    for name, values in _entries(data, "datasets", file).items():
        at = file / "datasets" / name
        own = at.mapping(values)
        if "name" in own:
            raise (at / "name").error("the data set's name is its key")
        configs[name] = build(DataConfig, {**common, **own, "name": name}, at)
        try:
            registry.check(configs[name])
        except ConfigurationError as error:
            raise at.error(str(error)) from error
    return configs


def _entries(data: dict[str, Any], key: str, file: Place) -> dict[str, Any]:
    value = data.get(key)
    if not isinstance(value, dict) or not value or not all(isinstance(k, str) for k in value):
        raise (file / key).wrong(
            value, "must be a list of names or a mapping of names to options, with at least one"
        )
    return value


def _seeds(data: dict[str, Any], file: Place) -> tuple[int, ...]:
    seeds = data.get("seeds")
    if not seeds or not are_seeds(seeds):
        raise (file / "seeds").wrong(seeds, f"must be a list of {SEEDS_RULE}")
    return tuple(seeds)


def _text(data: dict[str, Any], key: str, file: Place, default: str | None = None) -> str:
    value = data.get(key, default)
    if not isinstance(value, str):
        raise (file / key).wrong(value, "must be text")
    return value.strip()
