"""Ablations: what each variation of a study changes, against the base."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analysis.ablation import figure, markdown
from analysis.ablation.table import list_differences, tabulate
from analysis.common.outputs import Outputs
from analysis.common.plots import Looks
from analysis.common.trials import name_accuracy
from bench.errors import ConfigurationError
from bench.records.facts import StudyFacts
from bench.records.schema import FinishedRecord


def make(records: Sequence[FinishedRecord], facts: StudyFacts, looks: Looks) -> Outputs:
    """ablation.md, ablation.csv and, with records, the forest plot ablation.png.

    Raises ConfigurationError where the study has no variations.
    """
    if not facts.variations:
        raise ConfigurationError(
            f"study {facts.name} has no ablations: name variations under `ablations`"
        )
    rows = tabulate(records, facts)
    outputs: dict[str, Any] = {
        "ablation.md": markdown.format_page(rows, facts, name_accuracy(records)),
        "ablation.csv": rows,
    }
    if len(rows):
        differences = list_differences(records, facts, looks)
        outputs["ablation.png"] = figure.draw(
            rows, differences, facts, name_accuracy(records), looks
        )
    return outputs
