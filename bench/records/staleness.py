"""Whether a record was made by another engine, or with another configuration, than there is now.

An engine is everything that numbers depend on: data, spaces, training, methods. It carries a
number, `bench.ENGINE_VERSION`; golden records (tests/golden) fail where numbers change without it.
A method of another package is not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench import ENGINE_VERSION
from bench.records.differences import differences
from bench.study.model import Trial

UNNUMBERED = 0
"""The version of every engine from before they were numbered."""
_SHOWN = 3


def engine_of(record: Mapping[str, Any]) -> int:
    """The version of the engine that made a record."""
    return int(record["provenance"].get("engine_version", UNNUMBERED))


def other_engine(record: Mapping[str, Any]) -> str | None:
    """How the engine that made a record differs from the one here; None where it does not."""
    made = engine_of(record)
    if made == ENGINE_VERSION:
        return None
    return f"made by engine version {made}, this is {ENGINE_VERSION}"


def other_configuration(record: Mapping[str, Any], trial: Trial) -> str | None:
    """How a record of the trial's cell was configured otherwise; None where it is another cell."""
    of = record["trial"]
    if (of["label"], of["dataset"], of["seed"]) != (trial.label, trial.dataset, trial.seed):
        return None
    gaps = [
        f"{gap.name} was {gap.one}, is {gap.other}"
        for gap in differences(record["configuration"], trial.configuration())
    ]
    if of["method"] != trial.method:
        gaps.insert(0, f"the method was {of['method']}, is {trial.method}")
    more = f" and {len(gaps) - _SHOWN} more" if len(gaps) > _SHOWN else ""
    return f"made with another configuration: {', '.join(gaps[:_SHOWN])}{more}"
