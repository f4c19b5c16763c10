"""What came of running a record's trial again, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.records.schema import FailedRecord, FinishedRecord, RunRecord
from bench.rerun.comparison import TOLERANCE, Comparison, Verdict, compare
from bench.rerun.surroundings import list_changes


@dataclass(frozen=True)
class Outcome:
    """A record, the record of its rerun, and options that the older one does not name."""

    where: str
    record: FinishedRecord
    rerun: RunRecord
    assumed: Mapping[str, Any]

    @cached_property
    def comparison(self) -> Comparison | None:
        """None where the rerun failed."""
        return None if isinstance(self.rerun, FailedRecord) else compare(self.record, self.rerun)

    @property
    def is_same(self) -> bool:
        """Whether everything came out within the tolerance."""
        return self.comparison is not None and self.comparison.verdict is not Verdict.DIFFERENT

    def describe(self) -> list[str]:
        """The verdict, the values that decide it, and what else differs."""
        if isinstance(self.rerun, FailedRecord):
            error = self.rerun.error
            return [f"{self.where}: FAILED in {error.stage}: {error.type}: {error.message}"]
        assert self.comparison is not None
        changes = "; ".join(map(str, list_changes(self.record, self.rerun, self.assumed)))
        return [
            f"{self.where}: {self.comparison.verdict.value}",
            *(f"  {line}" for line in self._list_results(self.comparison)),
            f"  what else differs: {changes or 'nothing that the record says'}",
        ]

    def _list_results(self, comparison: Comparison) -> list[str]:
        record, differences = self.record, comparison.differences
        name, accuracy = record.evaluation.accuracy_name, record.evaluation.test.accuracy
        if not differences:
            return [
                f"all of {comparison.values} values, among them the genotype"
                f" ({record.genotype_digest}) and the {name} ({accuracy:.4f})"
            ]
        lines = [f"{len(differences)} of {comparison.values} values differ"]
        lines.append(f"the first that differs: {differences[0]}")
        large = [difference for difference in differences if not difference.is_small]
        if not large:
            most = max(differences, key=lambda difference: difference.size or 0.0)
            lines.append(f"the one that differs most: {most}")
        elif large[0] is not differences[0]:
            lines.append(f"the first that differs by more than {TOLERANCE:g}: {large[0]}")
        places = {difference.place: difference for difference in differences}
        genotype = places.get("genotype", f"genotype is {record.genotype_digest} both times")
        quality = places.get("evaluation: test.accuracy", f"{name} is {accuracy:.4f} both times")
        return [*lines, str(genotype), str(quality)]


def summarise(outcomes: Sequence[Outcome]) -> str:
    """How many came out how, in one line."""
    counts = Counter(
        "failed" if outcome.comparison is None else outcome.comparison.verdict.value
        for outcome in outcomes
    )
    parts = [f"{count} {words}" for words, count in sorted(counts.items())]
    return f"{len(outcomes)} run again: {'; '.join(parts)}"
