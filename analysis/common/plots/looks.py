"""Each method's colour, marker, line style and name, the same in every figure of a study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from analysis.common import failed_searches
from analysis.common.failed_searches import Trial
from analysis.common.trials import TRIAL_COLUMNS, identify
from bench.records.facts import StudyFacts
from bench.records.schema import FinishedRecord

OKABE_ITO = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C8C8C",
)  # fmt: skip
"""Distinguishable with every common colour vision (Okabe and Ito 2008, without its yellow)."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", ":", "-.")
MOST_PER_PANEL = len(OKABE_ITO)
"""More methods than this share lines over several panels, so that each can be followed."""
DAGGER = "\N{DAGGER}"


@dataclass(frozen=True)
class Looks:
    """How each method is shown.

    `labels`: those of the study, in its order, whether they have records or not, and then any
    others. No two of the first 32 look the same, and colour is never the only difference.
    `judged`: trial -> whether its search failed to train, of the trials that can be judged.
    """

    labels: tuple[str, ...]
    judged: Mapping[Trial, bool] = field(default_factory=dict)

    @classmethod
    def choose(cls, records: Sequence[FinishedRecord], facts: StudyFacts) -> Looks:
        """The looks of a study's methods."""
        present = sorted({record.trial.label for record in records})
        judged = failed_searches.judge(records, facts)
        return cls(
            tuple(dict.fromkeys((*facts.labels, *present))),
            {trial: bool(problems) for trial, problems in judged.items()},
        )

    def colour(self, label: str) -> str:
        """The colour of a method's lines and marks."""
        return OKABE_ITO[self.labels.index(label) % len(OKABE_ITO)]

    def marker(self, label: str) -> str:
        """The marker of a method's points."""
        return MARKERS[self._shifted(label) % len(MARKERS)]

    def line(self, label: str) -> dict[str, Any]:
        """How a method's lines are drawn: colour and style."""
        return {"color": self.colour(label), "ls": DASHES[self._shifted(label) % len(DASHES)]}

    def _shifted(self, label: str) -> int:
        """One further with each round of the colours, so that no colour meets its mark again."""
        index = self.labels.index(label)
        return index + index // len(OKABE_ITO)

    def name(self, label: str) -> str:
        """What a method is called in a figure: of how many of its trials the search failed."""
        own = [failed for trial, failed in self.judged.items() if trial[0] == label]
        count = f"({DAGGER} {sum(own)} of {len(own)})".replace(" ", "\N{NO-BREAK SPACE}")
        return f"{label} {count}" if any(own) else label

    def list_failed(self, rows: pd.DataFrame) -> np.ndarray:
        """Which rows are of trials whose search failed to train: [rows], of a table of trials."""
        keys = rows[list(TRIAL_COLUMNS)].astype(str).itertuples(index=False, name=None)
        return np.array([self.judged.get(key, False) for key in keys], dtype=bool)

    def has_failed(self, record: FinishedRecord) -> bool:
        """Whether a record's search failed to train."""
        return self.judged.get(tuple(map(str, identify(record).values())), False)

    @property
    def remark(self) -> str:
        """What captions say of failed searches; empty where none failed."""
        if not any(self.judged.values()):
            return ""
        return (
            f" {DAGGER} after a method counts its trials whose search failed to train; where marks"
            " are trials, theirs are crossed out."
        )

    def list_present(self, frame: pd.DataFrame) -> list[str]:
        """The methods that have rows in a table, in the study's order."""
        present = set(frame["method"])
        return [label for label in self.labels if label in present]

    def share_out(self, labels: Iterable[str]) -> list[list[str]]:
        """Methods in groups of nearly equal size that one panel can hold, in their order."""
        ordered = list(labels)
        count = max(1, -(-len(ordered) // MOST_PER_PANEL))
        return [list(part) for part in np.array_split(np.array(ordered, dtype=object), count)]
