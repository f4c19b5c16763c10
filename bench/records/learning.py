"""The second gate: did a trial's search learn?

The first gate (`bench.records.gate`) asks whether a study's setting tells good cells from bad ones
by training discrete networks; it says nothing of a super-network. A search whose super-network did
not learn has chosen by noise, whatever its method, so no verdict on the method may rest on it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from bench.records.parts import Epoch
from bench.records.schema import FinishedRecord
from bench.space.genotype import PARAMETER_FREE, Genotype

ERRORS = 2.0
"""Standard errors by which a rise of the loss, or a lead over chance, has to come out."""
LEAST_RISE = 0.01
"""A rise of the training loss below this share of it is none."""
MOST_FREE = 0.5
"""The largest share of parameter-free edges of a selection that is held against chance."""
FEWEST_EPOCHS = 3
"""Of half a search, for a line through its losses to have an error."""


def find_problems(
    record: FinishedRecord, worst_references: Mapping[str, float] | None = None
) -> list[str] | None:
    """What shows that the trial's search failed to train; empty: it learned.

    None where there is nothing to judge: no super-network was trained, or the record is older than
    these measurements. A selection that is mostly parameter-free inherits next to no weights, and
    is not held against chance. worst_references: data set -> validation accuracy (fraction) of the
    worst reference cell of the study's first gate, trained from scratch; without it the
    super-network is held against chance.
    """
    learned = record.search.learned
    if learned is None:
        return None
    problems = []
    chance = learned.chance
    error = math.sqrt(chance * (1 - chance) / max(1, learned.images))
    above_chance = chance + ERRORS * error
    reference = (worst_references or {}).get(record.trial.dataset)
    least = above_chance if reference is None else reference
    if learned.supernet_accuracy <= least:
        what = (
            f"chance {100 * chance:.1f} %"
            if reference is None
            else f"the worst reference cell, trained from scratch, {100 * reference:.1f} %"
        )
        problems.append(
            f"its super-network has {100 * learned.supernet_accuracy:.1f} % of the validation"
            f" images right, {what}"
        )
    if learned.discretised_accuracy <= above_chance and _inherits(record.architecture):
        problems.append(
            f"its selection, with inherited weights, has {100 * learned.discretised_accuracy:.1f} %"
            f" right, chance {100 * chance:.1f} %"
        )
    losses = training_losses(record.search.epochs)
    if rise := measure_rise(losses[len(losses) // 2 :]):
        problems.append(f"its training loss rose by {rise:.3f} nats over the last half")
    return problems


def _inherits(selected: Genotype) -> bool:
    """Whether a selection can be held against chance: at most `MOST_FREE` is parameter-free.

    A cell of skip connections or pools inherits next to no weights. It is near chance however much
    the super-network has learned, which is no sign that the training failed. A cell in which
    nothing was selected is none of these: nothing was learned that a selection could use.
    """
    free = [name in PARAMETER_FREE for _, _, name, _ in selected.pairs()]
    return sum(free) <= MOST_FREE * len(free)


def training_losses(epochs: Sequence[Epoch]) -> list[float]:
    """The cross-entropy (nats) by epoch: of the phases that train weights, where others do not."""
    losses = (mean_cross_entropy(epoch.terms) for epoch in epochs)
    return [loss for loss in losses if loss is not None]


def mean_cross_entropy(terms: Mapping[str, float | None]) -> float | None:
    """The cross-entropy (nats) among an epoch's terms, as in `training_losses`; None: none."""
    entropies = {
        name: value
        for name, value in terms.items()
        if name.endswith("cross_entropy") and value is not None
    }
    weights = [value for name, value in entropies.items() if not name.startswith("architecture.")]
    values = weights or list(entropies.values())
    return sum(values) / len(values) if values else None


def measure_rise(losses: Sequence[float]) -> float:
    """By how much (nats) the least-squares line through the losses rises from end to end.

    0 where that is no more than `LEAST_RISE` of the mean, or no more than noise: at `ERRORS`
    standard errors if these were known; as they are estimated from few losses, at the quantile of
    Student's t that is passed as rarely.
    """
    from scipy import special  # training itself does without it

    count = len(losses)
    if count < FEWEST_EPOCHS:
        return 0.0
    steps = np.arange(count) - (count - 1) / 2
    values = np.asarray(losses) - np.mean(losses)
    slope = float(steps @ values / (steps @ steps))
    deviation = math.sqrt(float(((values - slope * steps) ** 2).sum()) / (count - 2))
    rise, length = slope * (count - 1), count - 1
    errors = float(special.stdtrit(count - 2, special.ndtr(ERRORS)))
    noise = errors * deviation * length / math.sqrt(float(steps @ steps))
    return rise if rise > max(noise, LEAST_RISE * float(np.mean(losses))) else 0.0
