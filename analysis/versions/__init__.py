"""The exact package versions of records as constraints files, which pip takes."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.common.outputs import Outputs
from analysis.common.versions import PYTHON, group_versions
from bench.records.schema import FinishedRecord


def make(records: Sequence[FinishedRecord]) -> Outputs:
    """constraints.txt; where versions are mixed, that of most records, and constraints-2.txt, ...

    `pip install --constraint constraints.txt PACKAGE` installs what the records were made with.
    """
    files = {}
    for number, (versions, count) in enumerate(group_versions(records), 1):
        name = "constraints.txt" if number == 1 else f"constraints-{number}.txt"
        lines = [
            f"# Package versions of {count} of {len(records)} records, Python {versions[PYTHON]}.",
            *(f"{name}=={version}" for name, version in versions.items() if name != PYTHON),
        ]
        files[name] = "\n".join([*lines, ""])
    return files
