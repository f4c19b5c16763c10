"""What is said below a leaderboard of given cells, chosen widths and mobile networks."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.common.text import Note
from bench.records.schema import FinishedRecord

BUDGET = 600e6
"""Multiply-adds that a mobile network may have, as papers since NASNet have it."""


def explain(records: Sequence[FinishedRecord]) -> list[Note]:
    """The notes; none where cells were searched, widths are given and no skeleton is mobile."""
    return [*_explain_sources(records), *_explain_widths(records), *_explain_mobile(records)]


def _explain_sources(records: Sequence[FinishedRecord]) -> list[Note]:
    """Where cells come from that another study has found."""
    details: dict[str, None] = {}
    rules: dict[str, None] = {}
    for record in records:
        source = record.source
        if source is None:
            continue
        rules[source.rule] = None
        chosen = ""
        if source.validation_accuracy is not None:
            chosen = f", {100 * source.validation_accuracy:.2f} % of its validation images"
        details[
            f"{record.trial.label}: study {source.study}, {source.label} on {source.dataset}, seed"
            f" {source.seed}{chosen}; trial {source.trial[:8]}, record {source.digest}."
        ] = None
    if not details:
        return []
    counted = (
        " Where the best one was taken, seeds are those of its trainings here: intervals say"
        " nothing of other searches."
        if "all" not in rules
        else " Seeds are those of the searches."
    )
    return [
        Note(
            "Nothing was searched for these methods: their cells are those that another study has"
            f" found (rule: {', '.join(rules)}), trained here from scratch with ordinary layers,"
            f" whatever the method's own are.{counted}",
            tuple(details),
        )
    ]


def _explain_widths(records: Sequence[FinishedRecord]) -> list[Note]:
    """The widths that budgets of parameters have chosen, and the parameters that came of them."""
    sizes: dict[tuple[str, str], list[tuple[int, int]]] = {}
    budgets: dict[str, None] = {}
    for record in records:
        width = record.evaluation.width
        if width is not None:
            own = sizes.setdefault((record.trial.label, record.trial.dataset), [])
            own.append((width.channels, record.evaluation.parameters))
            budgets[f"{width.budget:,}"] = None
    if not sizes:
        return []
    details = []
    for (label, dataset), own in sizes.items():
        channels, parameters = zip(*own, strict=True)
        details.append(
            f"{label} on {dataset}: {_range(channels)} channels, {_range(parameters)} parameters."
        )
    return [
        Note(
            "Cells are compared at equal budgets: every network has as many channels as it can have"
            f" with at most {', '.join(budgets)} parameters (a Gaussian weight counts as one; the"
            " auxiliary head does not count). Over trials:",
            tuple(details),
        )
    ]


def _range(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _explain_mobile(records: Sequence[FinishedRecord]) -> list[Note]:
    """Multiply-adds of mobile networks on ImageNet's images, against the budget."""
    sizes: dict[tuple[str, str], list[tuple[int, int, int]]] = {}
    for record in records:
        size = record.evaluation.mobile
        if size is not None:
            own = sizes.setdefault((record.trial.label, record.trial.dataset), [])
            own.append((size.multiply_adds, size.with_normalisation, size.parameters))
    details = []
    for (label, dataset), own in sizes.items():
        plain, normalised, parameters = (
            sum(column) / len(own) for column in zip(*own, strict=True)
        )
        over = sum(size[1] > BUDGET for size in own)
        verdict = "within the budget" if not over else f"{over} of {len(own)} over the budget"
        details.append(
            f"{label} on {dataset}: {plain / 1e6:.1f} M, {normalised / 1e6:.1f} M with"
            f" normalisation, {parameters / 1e6:.2f} M parameters; {verdict}."
        )
    if not details:
        return []
    return [
        Note(
            "The skeleton is mobile. Multiply-adds are those of the same cells, depth and width on"
            " 224x224 images of 1,000 classes, means over trials: of convolutions and the"
            " classifier, and with two operations for a normalised element and one for a ReLU, as"
            f" papers count that set the budget of {BUDGET / 1e6:.0f} M against it:",
            tuple(details),
        )
    ]
