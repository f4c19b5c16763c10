"""Which versions of Python and of packages records were made with, and where they are mixed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bench.records.schema import FinishedRecord

PYTHON = "Python"
Versions = dict[str, str]
"""Package, or `PYTHON` -> version."""


def group_versions(records: Sequence[FinishedRecord]) -> list[tuple[Versions, int]]:
    """Versions that do not contradict each other, and of how many records; most records first.

    Records that name fewer packages, as older ones do, join those with which they agree.
    """
    counts = Counter(tuple(_list_versions(record).items()) for record in records)
    groups: list[tuple[Versions, int]] = []
    for items, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        for place, (known, so_far) in enumerate(groups):
            if all(known.get(name, version) == version for name, version in items):
                groups[place] = known | dict(items), so_far + count
                break
        else:
            groups.append((dict(items), count))
    return sorted(groups, key=lambda group: -group[1])


def count_mixed(records: Sequence[FinishedRecord]) -> dict[str, Counter[str]]:
    """Package -> version -> records, of the packages of which there are several versions."""
    counts: dict[str, Counter[str]] = {}
    for record in records:
        for name, version in _list_versions(record).items():
            counts.setdefault(name, Counter())[version] += 1
    return {name: versions for name, versions in sorted(counts.items()) if len(versions) > 1}


def _list_versions(record: FinishedRecord) -> Versions:
    environment = record.environment
    return {PYTHON: environment.python, **dict(sorted(environment.packages.items()))}
