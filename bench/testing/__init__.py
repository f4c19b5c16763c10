"""For authors of methods: conformance tests, a toy with a known answer, a reference network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.testing.conformance import MethodConformance

__all__ = ["MethodConformance"]


def __getattr__(name: str) -> Any:
    """`from bench.testing import MethodConformance` imports pytest; the rest of this does not."""
    if name in __all__:
        from bench.testing import conformance

        return getattr(conformance, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
