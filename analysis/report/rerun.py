"""How to run one trial of a study again, from its record."""

from __future__ import annotations

import shlex
from typing import Any

from bench.options import settable
from bench.records.schema import RunRecord
from bench.space import registry as spaces
from bench.study import yaml


def describe(record: RunRecord) -> dict[str, str]:
    """A study file with the record's trial alone, the name to save it under, and the commands."""
    name = f"{record.trial.stem}.yaml"
    commit = record.provenance.git_commit if record.provenance else None
    commands = [f"git checkout {commit}"] if commit else []
    commands.append(f"bench run {shlex.quote(name)} --results rerun")
    study_file = format_study_file(record)
    return {"file_name": name, "study_file": study_file, "commands": "\n".join(commands)}


def format_study_file(record: RunRecord) -> str:
    """YAML that `bench run` takes; it expands into exactly the record's trial."""
    trial, configuration = record.trial, record.configuration
    data = {key: value for key, value in configuration["data"].items() if key != "name"}
    space = configuration["space"]
    study: dict[str, Any] = {
        "name": f"{trial.study[:90]}-{trial.id[:8]}",  # a study of its own, with its own tables
        "description": f"one trial: {trial.label} on {trial.dataset}, seed {trial.seed}",
        "methods": {trial.label: {"method": trial.method, **configuration["method"]}},
        "datasets": {str(configuration["data"]["name"]): data},
        "seeds": [trial.seed],
        "space": settable(spaces.config(space["name"]), space),
        "search": configuration["search"],
        "evaluation": configuration["evaluation"],
    }
    return yaml.dump(study)
