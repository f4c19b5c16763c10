"""YAML that nobody means: one line says what is wrong, whatever PyYAML raises."""

from __future__ import annotations

import pytest

from bench.errors import ConfigurationError
from bench.study import yaml
from bench.study.file import load

ODD = {
    "deep": "[" * 3000,
    "deep and closed": "[" * 3000 + "]" * 3000,
    "a number too long": "0x" + "f" * 5000,
    "refers to itself": "&a {b: *a}",
    "aliases of aliases": "[&a0 [x], "
    + ", ".join(f"&a{n} [{', '.join(9 * [f'*a{n - 1}'])}]" for n in range(1, 12))
    + "]",
    "wrong bool": "!!bool x",
    "wrong integer": "!!int ''",
    "wrong float": "!!float ''",
    "wrong time": "!!timestamp x",
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^here.*: not valid YAML: "):
        yaml.parse(text, "here")


@pytest.mark.parametrize("section", ["data", "space", "search", "evaluation", "methods.darts"])
@pytest.mark.parametrize("value", ["{? [1, 2] : 1}", "{2001-01-01: 1}", "{1: 1}", "{x: {2: {}}}"])
def test_keys_that_are_no_text_are_refused(section: str, value: str) -> None:
    for assignment in (f"{section}={value}", f"{section}.betas={value}"):
        with pytest.raises(ConfigurationError):
            load("quickstart", [assignment])
