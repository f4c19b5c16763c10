"""The search spaces by name."""

from __future__ import annotations


def names() -> dict[str, str]:
    """Name -> one line."""
    return {
        "darts": "cells of two inputs, any set of pooling, skip, separable and dilated operations"
    }
