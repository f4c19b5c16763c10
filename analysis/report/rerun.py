"""A study file with one trial alone, from its record."""

from __future__ import annotations

from typing import Any

import yaml

from analysis.common.trials import Record


def study_file(record: Record) -> str:
    """YAML that `bench run` takes; it expands into exactly the record's trial, with its id."""
    trial, configuration = record["trial"], record["configuration"]
    data = {key: value for key, value in configuration["data"].items() if key != "name"}
    study: dict[str, Any] = {
        "name": trial["study"],
        "description": f"one trial: {trial['label']} on {trial['dataset']}, seed {trial['seed']}",
        "methods": {trial["label"]: {"method": trial["method"], **configuration["method"]}},
        "datasets": {trial["dataset"]: data},
        "seeds": [trial["seed"]],
        **{section: configuration[section] for section in ("space", "search", "evaluation")},
    }
    return str(yaml.safe_dump(study, sort_keys=False, allow_unicode=True, default_flow_style=None))
