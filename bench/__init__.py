"""A benchmarking harness for Bayesian neural architecture search."""

__version__ = "0.1.0"

ENGINE_VERSION = 2
"""Of the code that numbers in records depend on; tests/golden fails when they change without it."""
