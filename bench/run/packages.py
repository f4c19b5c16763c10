"""The packages that this one depends on, and their versions here."""

from __future__ import annotations

import re
from functools import cache
from importlib import metadata

DISTRIBUTION = "bench-bayesian-nas"
EXTRAS = ("tabular", "nats-bench")
"""Optional packages that results depend on where they are used: those of known accuracies."""


def list_requirements(*extras: str) -> dict[str, str]:
    """Package -> requirement ("pandas>=2.2"), of the package itself and of `extras`.

    Raises PackageNotFoundError where it is not installed, as in a checkout on the path alone.
    """
    named = {}
    for line in metadata.requires(DISTRIBUTION) or []:
        requirement, _, marker = (part.strip() for part in line.partition(";"))
        if not marker or any(f'extra == "{extra}"' in marker for extra in extras):
            named[re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]] = requirement
    return named


def installed_version(name: str) -> str | None:
    """The version of a package; None where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


@cache
def list_versions() -> dict[str, str]:
    """Package -> version, of everything that results may depend on and that is installed."""
    try:
        names = list(list_requirements(*EXTRAS))
    except metadata.PackageNotFoundError:
        names = ["torch", "torchvision", "numpy", "scikit-learn"]
    return {name: version for name in sorted(names) if (version := installed_version(name))}
