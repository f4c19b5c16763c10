"""Names that readers and writers of records share; imports nothing."""

from __future__ import annotations

POSTERIOR = (
    "epoch",
    "cell",
    "edge",
    "source",
    "target",
    "operation",
    "mean",
    "std",
    "log_alpha",
    "drop_probability",
    "snr",
    "probability",
    "alive",
    "selected",
)
"""Columns of the posterior table: one row an (epoch, cell, edge, operation)."""
