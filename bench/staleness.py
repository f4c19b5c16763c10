"""Whether a record was made by other code, or with another configuration, than there is now.

Code is compared where results come from: the files of `PATHS` at the record's commit and as they
are now. A method of another package is not looked at.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import bench
from bench.differences import differences
from bench.study import Trial

PATHS = (
    "bench/data", "bench/space", "bench/training", "bench/method.py", "bench/noise.py",
    "bench/posterior.py", "bench/seeds.py", "bench/trial.py", "methods",
)  # fmt: skip
_SHOWN = 3


def other_code(record: Mapping[str, Any]) -> str | None:
    """How the code that made a record differs from the code here; None where it does not.

    Where that cannot be known (no checkout, or the commit is not in it) the versions decide.
    """
    made = record["provenance"]
    commit = made.get("git_commit")
    root = Path(bench.__file__).resolve().parent.parent
    changed = changed_since(root, str(commit)) if commit else None
    if changed:
        more = "" if len(changed) == 1 else f" and {len(changed) - 1} other files"
        return f"made by other code: {changed[0]}{more} changed since {str(commit)[:12]}"
    if made["version"] != bench.__version__:
        return f"made by version {made['version']}, this is {bench.__version__}"
    if made.get("git_dirty"):
        return f"made by code that was not committed, on top of {str(commit)[:12]}"
    return None


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


@cache
def changed_since(root: Path, commit: str) -> tuple[str, ...] | None:
    """Files of `PATHS` in a checkout that differ from a commit; None where git cannot say."""
    if not (root / ".git").exists():
        return None
    try:
        changed = _git(root, "diff", "--name-only", commit, "--", *PATHS)
        added = _git(root, "ls-files", "--others", "--exclude-standard", "--", *PATHS)
    except (OSError, subprocess.SubprocessError):
        return None
    return tuple(sorted({*changed, *added}))


def _git(root: Path, *arguments: str) -> list[str]:
    command = ["git", "-C", str(root), *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    return run.stdout.split("\n")[:-1]
