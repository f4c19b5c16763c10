"""Checks of the product on a GPU, from a checkout and torch alone: see `tests/gpu/run`."""
