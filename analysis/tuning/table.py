"""A tuning's settings as a table, and which of them are the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

Group = Mapping[str, Any]
"""What was tuned together (a method on a data set, a trial, or a study), of a tuning's record."""
Row = Mapping[str, Any]
"""A setting of a group: its place (0 is the study's own), state, values and hyper-parameters."""

COLUMNS = {"accuracy": "validation_accuracy", "nonzero": "nonzero_parameters"}
"""Objective -> the column that it has."""


def tabulate(record: Mapping[str, Any]) -> pd.DataFrame:
    """One row per setting: what it was for, what came of its objectives, its hyper-parameters.

    validation_accuracy is a fraction, seconds are those of the setting's trainings.
    """
    columns = [COLUMNS[objective] for objective in record["objectives"]]
    names = list_parameters(record["groups"])
    rows = []
    for group in record["groups"]:
        for row in group["rows"]:
            values = row["values"] or [None] * len(columns)
            rows.append(
                {
                    **{key: group["for"].get(key) for key in ("method", "dataset", "seed")},
                    "setting": row["place"],
                    "state": row["state"],
                    **dict(zip(columns, values, strict=True)),
                    "epochs_seen": len(row["steps"]) or None,
                    "seconds": row["seconds"],
                    **{name: row["parameters"].get(name) for name in names},
                }
            )
    return pd.DataFrame(rows)


def list_parameters(groups: Sequence[Group]) -> list[str]:
    """The names of all hyper-parameters, in the order of the groups."""
    return list(dict.fromkeys(p["name"] for group in groups for p in group["parameters"]))


def name_group(group: Group) -> str:
    """What a group's settings are for, in a few words."""
    target = group["for"]
    known = [str(target[key]) for key in ("method", "dataset") if key in target]
    return ", ".join(known + ([f"seed {target['seed']}"] if "seed" in target else []))


def list_complete(group: Group) -> list[Row]:
    """The settings that were trained to the end."""
    return [row for row in group["rows"] if row["values"] is not None]


def find_best(group: Group) -> Row | None:
    """The setting of the highest validation accuracy; None where none is complete."""
    best: Row | None = None if group["best"] is None else group["rows"][group["best"]]
    return best


def find_front(group: Group) -> list[Row]:
    """The complete settings that no other beats in one objective without losing in the other.

    By ascending size; of two with equal values, both.
    """
    complete = list_complete(group)

    def is_beaten(row: Row) -> bool:
        accuracy, size = row["values"]
        return any(
            a >= accuracy and s <= size and (a > accuracy or s < size)
            for a, s in (other["values"] for other in complete)
        )

    kept = [row for row in complete if not is_beaten(row)]
    return sorted(kept, key=lambda row: (row["values"][1], row["place"]))
