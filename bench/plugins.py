"""Installed methods, ours and others': the entry-point group `bench.methods`."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping

from bench.errors import ConfigurationError, suggest
from bench.method import Method

GROUP = "bench.methods"

_adopted: dict[str, importlib.metadata.EntryPoint] = {}


def adopt(methods: Mapping[str, str]) -> None:
    """Know another machine's methods, "module:class" by name: code may come without metadata."""
    _adopted.update(
        {name: importlib.metadata.EntryPoint(name, at, GROUP) for name, at in methods.items()}
    )


def list_methods() -> dict[str, importlib.metadata.EntryPoint]:
    """Installed methods by name; a name that two packages claim is an error."""
    found: dict[str, importlib.metadata.EntryPoint] = {}
    for entry in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda e: e.name):
        if entry.name in found and found[entry.name].value != entry.value:
            raise ConfigurationError(
                f"method {entry.name!r} is claimed by {found[entry.name].value} and by"
                f" {entry.value}: uninstall one of them"
            )
        found[entry.name] = entry
    return {**_adopted, **found}


def load_method(name: str) -> type[Method]:
    """The class of a method. Raises ConfigurationError for an unknown or broken one."""
    known = list_methods()
    if name not in known:
        raise ConfigurationError(f"unknown method {name!r}; {suggest(name, known)}")
    try:
        method = known[name].load()
    except Exception as error:
        raise ConfigurationError(f"method {name!r} cannot be imported: {error}") from error
    if not (isinstance(method, type) and issubclass(method, Method)):
        raise ConfigurationError(f"method {name!r} is not a subclass of bench.method.Method")
    return method
