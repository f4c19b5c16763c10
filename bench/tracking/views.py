"""What MLflow's pages show of a study at first sight: tags of its experiment.

MLflow 3 decides between its layouts "GenAI" and "Model training" in the browser, by what the
address says (`workflowType`) and else by the visitor's last choice, which begins with GenAI (but
see `bench.tracking.pages`); the tag `mlflow.experimentKind` counts in versions without that switch.
No tag turns the switch. So the description of the experiment, which stands above both layouts,
links to the tables, and these links do. The tables are saved views: MLflow lists them under
"Views".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

SAVED = "mlflow.sharedViewState."
METHODS, TRIALS = "methods", "trials"
"""Keys of the saved views, as in their addresses."""
_COLUMNS = {
    METHODS: (
        *("metrics.`accuracy`", "metrics.`accuracy_low`", "metrics.`accuracy_high`"),
        *("metrics.`seeds`", "params.`label`", "params.`dataset`"),
    ),
    TRIALS: (
        *("metrics.`accuracy`", "metrics.`search_seconds`"),
        *("params.`label`", "params.`dataset`", "params.`seed`"),
    ),
}
"""MLflow shows metrics first; few of them, so that the parameters are seen without scrolling."""
_STAGE = {METHODS: "method", TRIALS: "trial"}
_NAMES = {METHODS: "Methods, mean and interval", TRIALS: "Trials, by method"}


def link(experiment: str, view: str) -> str:
    """The address of a saved view, below that of the server."""
    query = f"workflowType=machine_learning&viewStateShareKey={view}"
    return f"#/experiments/{experiment}/runs?{query}"


def make_tags(experiment: str) -> dict[str, str]:
    """Tags of a study's experiment, whose id the links in its description need."""
    links = " | ".join(f"[{_NAMES[view]}]({link(experiment, view)})" for view in _NAMES)
    note = (
        f"Architecture-search study: {links}\n\nA run per method has its trials nested in it, and a"
        " trial its search and its evaluation. The leaderboard and the report are artifacts of the"
        " run `results`."
    )
    return {
        "mlflow.experimentKind": "custom_model_development",
        "mlflow.experiment.primaryMetric.name": "accuracy",
        "mlflow.note.content": note,
        **{f"{SAVED}{view}": _describe_view(view) for view in _NAMES},
    }


def _describe_view(view: str) -> str:
    """A saved view as MLflow's pages write it; its times are milliseconds, and order the list."""
    state: dict[str, Any] = {
        "searchFilter": f"tags.stage = '{_STAGE[view]}'",
        "orderByKey": "metrics.`accuracy`",
        "orderByAsc": False,
        "selectedColumns": list(_COLUMNS[view]),
    }
    if view == TRIALS:
        state["groupBy"] = _group_by("label", "dataset")
    created = list(_NAMES)[::-1].index(view)
    times = {"createdAt": created, "updatedAt": created}
    return json.dumps({"name": _NAMES[view], **times, "state": json.dumps(state)})


def _group_by(*parameters: str) -> Mapping[str, Any]:
    keys = [{"mode": "param", "groupByData": name} for name in parameters]
    return {"aggregateFunction": "average", "groupByKeys": keys}
