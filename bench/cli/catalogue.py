"""What there is to use in a study, with one line about each."""

from __future__ import annotations

import inspect

from bench.errors import ConfigurationError


def describe(kind: str) -> dict[str, str]:
    """name -> description, of "methods", "spaces", "datasets" or "studies"."""
    if kind == "methods":
        return _describe_methods()
    if kind == "spaces":
        from bench.space import registry as spaces

        return dict(spaces.names())
    if kind == "datasets":
        from bench.data import registry as datasets

        return datasets.names()
    from bench.study.file import shipped

    return shipped()


def list_methods() -> list[str]:
    """The installed methods' names; imports none of them."""
    from bench import plugins

    return sorted(plugins.list_methods())


def _describe_methods() -> dict[str, str]:
    from bench import plugins

    descriptions = {}
    for name in list_methods():
        try:
            documented = inspect.getdoc(plugins.load_method(name)) or ""
            descriptions[name] = documented.partition("\n")[0]
        except ConfigurationError as error:  # a package that is broken hides no other
            descriptions[name] = str(error)
    return descriptions
