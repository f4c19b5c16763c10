"""Whether the records that a study took its cells from have changed since its trials were run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bench.records.parts import Source
from bench.records.schema import RunRecord
from bench.study.model import Study


def describe(study: Study, records: Iterable[RunRecord]) -> Iterator[str]:
    """One line, where records of the study name other records of its cells than there are now."""
    now = {
        (trial.label, trial.dataset, trial.seed): Source(**trial.source)
        for trial in study.trials
        if trial.source
    }
    changed: dict[str, None] = {}
    count = 0
    for record in records:
        trial, then = record.trial, record.source
        source = now.get((trial.label, trial.dataset, trial.seed))
        if then is None or source is None or (then.trial, then.digest) == _name(source):
            continue
        count += 1
        changed[f"{trial.label}: {_show(then)}, now {_show(source)}"] = None
    if changed:
        first, more = next(iter(changed)), len(changed) - 1
        others = f", and {more} more" if more else ""
        studies = ", ".join(sorted({source.study for source in now.values()}))
        yield (
            f"{study.name}: the records of {studies} have changed since {count} of the records here"
            f" took their cells from them ({first}{others}); a cell that is another one now is"
            " evaluated anew, and its old record is stale"
        )


def _name(source: Source) -> tuple[str, str]:
    return source.trial, source.digest


def _show(source: Source) -> str:
    return f"trial {source.trial[:8]}, seed {source.seed}, digest {source.digest[:8]}"
