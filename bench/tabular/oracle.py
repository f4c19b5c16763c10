"""What a search may ask of a table: how good an architecture was on validation images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.seeds import derive
from bench.space.genotype import Genotype
from bench.tabular.table import Table


@dataclass(frozen=True)
class Training:
    """One training of an architecture: its validation accuracy (fraction) and its seconds.

    seconds: on the hardware of the table's authors; None where they are not known.
    """

    accuracy: float
    seconds: float | None


Ask = Callable[[Genotype], Training | None]
"""None: the table does not have this architecture."""


class Oracle:
    """Answers with one of the trainings that a table has of an architecture.

    A table has several trainings of one architecture, with different seeds. Which of them answers
    is drawn once for each architecture from `seed`, so that asking again brings nothing new.
    Leaderboards report the mean over all of them. Where they report validation accuracies, too,
    what is asked is therefore part of what is reported; `text` says so.
    """

    def __init__(self, table: Table, seed: int, reported: bool) -> None:
        """table: of validation accuracies; reported: the leaderboard has its accuracies from it."""
        self.table, self.seed = table, seed
        source = table.source
        self.text = (
            f"validation accuracy on {source.dataset} after one training of {source.epochs} epochs,"
            f" from {source.provider}"
        )
        if reported:
            self.text += "; the accuracy that is reported is the mean over this and other trainings"

    def __call__(self, genotype: Genotype) -> Training | None:
        """Raises ValueError for a genotype that has no NAS-Bench-201 form."""
        text = genotype.to_nas_bench_201_text()
        accuracies = self.table.accuracies.get(text)
        if accuracies is None:
            return None
        number = derive(self.seed, "asked", text) % len(accuracies)
        seconds = self.table.seconds.get(text)
        return Training(accuracies[number], seconds[number] if seconds else None)
