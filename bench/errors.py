"""Errors that a user can act on: one line each, no traceback, exit status 2."""


class BenchError(Exception):
    """Wrong usage, configuration or data. The message is one line: what, where, what is allowed."""


class ConfigurationError(BenchError):
    """A study, an override or an option that cannot be meant."""


class DataError(BenchError):
    """A data set that is missing, truncated or not what its name says."""


class ResultsError(BenchError):
    """A results folder or a record that cannot be read or written."""
