"""YAML as studies are written in: the file, and the `--set a.b=c` overrides laid over it.

PyYAML reads YAML 1.1, where `1e-3` is text; here it is a number, as in YAML 1.2. A key given
twice is an error, not silently the last one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from bench.errors import ConfigurationError


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is not None and key != "<<" and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is given twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


# besides YAMLError, what PyYAML raises at a wrong word behind a tag (`!!bool x`) and deep nesting
_PROBLEMS = (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError)


def parse(text: str, where: str) -> Any:
    """The value that a YAML text means; `where` (a file, an option) begins the error's line."""
    try:
        value = yaml.load(text, Loader=_Loader)
        json.dumps(value, default=str, skipkeys=True)  # neither endless nor too long to be shown
        return value
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        position = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = " ".join(str(error.problem or error.context or error).split())
        raise ConfigurationError(f"{where}{position}: not valid YAML: {problem}") from error
    except _PROBLEMS as error:
        problem = " ".join(str(error).split())
        raise ConfigurationError(f"{where}: not valid YAML: {problem}") from error


def read(path: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    return read_text(text, str(path))


def read_text(text: str, where: str) -> dict[str, Any]:
    """The mapping that a YAML text holds."""
    data = parse(text, where)
    if not isinstance(data, dict):
        raise ConfigurationError(f"{where}: must be a mapping of keys to values, as name: ...")
    return data


def override(data: dict[str, Any], assignment: str) -> None:
    """Set a dotted key of nested mappings, `a.b=value`, in place; missing mappings are made."""
    where = f"--set {assignment}"
    key, equals, text = assignment.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise ConfigurationError(f"{where}: must have the form key=value, as search.epochs=5")
    target = data
    for depth, part in enumerate(parts[:-1]):
        if target.get(part) is None:
            target[part] = {}
        target = target[part]
        if not isinstance(target, dict):
            path = ".".join(parts[: depth + 1])
            raise ConfigurationError(f"{where}: {path} holds a single value, so it has no keys")
    target[parts[-1]] = parse(text, where)
