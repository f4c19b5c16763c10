"""What there is to use in a study, with one line about each."""

from __future__ import annotations

import inspect

from bench.errors import ConfigurationError


def of(kind: str) -> dict[str, str]:
    """name -> description, of "methods", "spaces", "datasets" or "studies"."""
    found: dict[str, str] = {}
    if kind == "methods":
        from bench import method

        for name in sorted(method.names()):
            try:
                found[name] = (inspect.getdoc(method.load(name)) or "").partition("\n")[0]
            except ConfigurationError as error:  # a package that is broken hides no other
                found[name] = str(error)
    elif kind == "spaces":
        from bench.space import registry as spaces

        found = dict(spaces.names())
    elif kind == "datasets":
        from bench.data import registry as datasets

        found = datasets.names()
    else:
        from bench.study.file import shipped

        found = shipped()
    return found
