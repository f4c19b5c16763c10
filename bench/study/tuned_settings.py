"""Evaluation settings from a file, as `bench tune` writes it, beside those of the study.

    study: fashion-mnist
    settings:
    - for: {method: vinnas, dataset: fashion-mnist, seed: 0}     # what is left out matches all
      evaluation: {learning_rate: 0.03, cutout: 4}               # over the study's evaluation
      method: {evaluation_beta: 0.2}                             # options, in the evaluation alone
      tuning: {trials: 20, seconds: 1800.0}                      # what it cost; optional

Every trial that an entry is for gets a second one beside it, with the same label and search and
this evaluation; its record has `tuning`: what that cost. `bench run STUDY --evaluation FILE` keeps
the file as results/<study>/evaluation.yaml, and from then on these trials belong to the study, for
every verb.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import files
from bench.errors import suggest
from bench.options import Mark, fields, has, tunable
from bench.study import yaml as yaml_file
from bench.study.hyperparameters import split
from bench.study.model import Study, Trial
from bench.study.validation import Place, build
from bench.training.config import EvaluationConfig

ADOPTED = "evaluation.yaml"
LONGEST = 1e12  # seconds
_SIGNIFICANT = 6  # digits of a setting
_KEYS = ("for", "evaluation", "method", "tuning")
_ATTRIBUTES = {"method": "label", "dataset": "dataset", "seed": "seed"}


def with_settings(study: Study, folder: Path, given: Path | None) -> Study:
    """The study with tuned trials, from a given file, else from the one that `folder` keeps.

    Raises ConfigurationError, in one line, for what cannot be meant.
    """
    if given is not None:
        return extended(study, given, strict=True)
    kept = folder / ADOPTED
    return extended(study, kept, strict=False) if kept.is_file() else study


def settings_text(tuning: Mapping[str, Any]) -> str:
    """The best settings of a tuning's record (`bench.tuning.records`) as such a file."""
    study = tuning["study"]
    head = (
        f"# The best of {tuning['trials']} settings for each {tuning['per']} of study {study}, by"
        " accuracy on validation images.\n"
        f"# bench run {study} --evaluation THIS_FILE evaluates the found architectures with them.\n"
    )
    entries = [_entry(group, tuning) for group in tuning["groups"]]
    return head + yaml_file.dump({"study": study, "settings": entries})


def _entry(group: Mapping[str, Any], tuning: Mapping[str, Any]) -> dict[str, Any]:
    rows = group["rows"]
    best = rows[group["best"]]
    evaluation, own = split(best["parameters"], group["evaluation_epochs"])
    default = rows[0]["values"]
    return {
        "for": dict(group["for"]),
        "evaluation": _round(evaluation),
        **({"method": _round(own)} if own else {}),
        "tuning": {
            "per": tuning["per"],
            "trials": tuning["trials"],
            "seconds": round(sum(row["seconds"] for row in rows), 3),
            "epochs": group["epochs"],
            "architectures": len(group["architectures"]),
            "validation_accuracy": best["values"][0],
            "default_validation_accuracy": None if default is None else default[0],
        },
    }


def _round(values: Mapping[str, float | int]) -> dict[str, float | int]:
    return {
        name: float(f"{value:.{_SIGNIFICANT}g}") if isinstance(value, float) else value
        for name, value in values.items()
    }


def adopt(given: Path, folder: Path) -> None:
    """Keep a file of settings with the study's results."""
    kept = folder / ADOPTED
    if not (kept.is_file() and kept.samefile(given)):
        files.write(kept, given.read_text(encoding="utf-8"))


def extended(study: Study, path: Path, *, strict: bool) -> Study:
    """The study with a tuned trial beside each trial that an entry of the file is for.

    strict: what matches no trial of the study is an error (else, with other methods, it is none).
    """
    added: dict[tuple[str, str], Trial] = {}
    for index, entry in enumerate(_entries(path, study)):
        at = Place(str(path), f"settings[{index}]")
        matching = [trial for trial in study.trials if _matches(trial, entry["for"])]
        if strict and not matching:
            rule = f"matches no trial of study {study.name} (methods: {', '.join(study.labels)})"
            raise (at / "for").wrong(entry["for"], rule)
        for trial in matching:
            if trial.key in added:
                raise at.error(f"{trial} is in an earlier entry too")
            added[trial.key] = _tune(trial, entry, len(matching), at)
    trials = tuple(both for t in study.trials for both in (t, added.get(t.key)) if both is not None)
    return dataclasses.replace(study, trials=trials)


def _entries(path: Path, study: Study) -> list[dict[str, Any]]:
    file, data = Place(str(path)), yaml_file.read(path)
    file.only(data, ("study", "settings"))
    if data.get("study", study.name) != study.name:
        rule = f"these settings are not of study {study.name}"
        raise (file / "study").wrong(data["study"], rule)
    entries = data.get("settings")
    if not isinstance(entries, list) or not entries:
        raise (file / "settings").error("must be a list of at least one entry")
    checked = []
    for index, entry in enumerate(entries):
        at = file / f"settings[{index}]"
        at.only(at.mapping(entry), _KEYS)
        parts = {name: at.section(at.mapping(entry), name) for name in _KEYS}
        (at / "for").only(parts["for"], _ATTRIBUTES)
        checked.append(parts)
    return checked


def _matches(trial: Trial, wanted: Mapping[str, Any]) -> bool:
    """Whether it has all the attributes; true is no seed, though it equals 1."""
    return all(
        not isinstance(value, bool) and getattr(trial, _ATTRIBUTES[name]) == value
        for name, value in wanted.items()
    )


def _tune(trial: Trial, entry: Mapping[str, Any], shared: int, at: Place) -> Trial:
    """shared: how many trials the entry is for, and its cost with them."""
    if not isinstance(trial.evaluation, EvaluationConfig):
        raise at.error(f"{trial} trains no network: nothing to set")
    values = {**dataclasses.asdict(trial.evaluation), **entry["evaluation"]}
    options = check_options(trial, entry["method"], at / "method")
    seconds = entry["tuning"].get("seconds", 0.0)
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not number or not 0 <= seconds < LONGEST:
        raise (at / "tuning" / "seconds").wrong(seconds, "must be seconds")
    try:
        json.dumps(entry["tuning"], allow_nan=False)
    except (TypeError, ValueError) as error:  # a date, or bytes
        raise (at / "tuning").error(f"cannot be kept in a record: {error}") from error
    return dataclasses.replace(
        trial,
        evaluation=build(EvaluationConfig, values, at / "evaluation"),
        evaluation_options={**trial.evaluation_options, **options},
        tuning={**entry["tuning"], "seconds": seconds / shared, "shared_by": shared},
    )


def check_options(trial: Trial, changed: Mapping[str, Any], at: Place) -> dict[str, Any]:
    """Options of a method that may be others in the evaluation. Raises ConfigurationError."""
    from bench import plugins

    config = plugins.load_method(trial.method).Config
    allowed = [
        name
        for name, field in fields(config).items()
        if tunable(field) or has(field, Mark.EVALUATION_ONLY)
    ]
    for name in changed:
        if name not in allowed:
            known = suggest(name, allowed) if allowed else "it has none"
            raise (at / name).error(
                f"no option of {trial.method} that the evaluation can have apart from the search;"
                f" {known}"
            )
    whole: Any = build(config, {**trial.options, **changed}, at)
    return {name: getattr(whole, name) for name in changed}
