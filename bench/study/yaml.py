"""YAML as studies are written in: the file, and the `--set a.b=c` overrides laid over it.

Plain words mean what they mean in YAML 1.2 (core schema), where PyYAML reads YAML 1.1: `1e-3` is a
number, `010` is ten and `0o10` eight; `yes`, `off`, `1_000`, `1:30` and dates are text. A key given
twice is an error, not silently the last one. A text may begin with a bar, as genotypes of
NAS-Bench-201 do, where the bar cannot begin a block: `|nor_conv_3x3~0|+...`.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from bench.errors import ConfigurationError, as_text


class _Loader(yaml.SafeLoader):
    def check_plain(self) -> bool:
        return super().check_plain() or self._is_barred()

    def fetch_literal(self) -> None:
        if self._is_barred():
            self.fetch_plain()
        else:
            super().fetch_literal()

    def _is_barred(self) -> bool:
        return bool(self.peek() == "|" and self.peek(1).isalpha())

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


_Loader.yaml_implicit_resolvers = {}  # none of YAML 1.1's

_WORDS = {  # kind: (what it looks like, first characters)
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+0123456789."),
    ),
    "merge": (r"<<", ["<"]),
}


def _construct_integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    """Raises ValueError for more digits than Python reads, and for a wrong word behind `!!int`."""
    text = str(loader.construct_scalar(node))
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    return int(text, base)


def _construct_number(loader: _Loader, node: yaml.ScalarNode) -> float:
    text = str(loader.construct_scalar(node)).lower()
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


_Loader.add_constructor("tag:yaml.org,2002:int", _construct_integer)
_Loader.add_constructor("tag:yaml.org,2002:float", _construct_number)


class _Dumper(yaml.SafeDumper):
    """Quotes what either version of YAML would take for something else than text."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """Unicode's other ends of line are escaped: read as they are, they become spaces."""
        style = '"' if re.search("[\x85\u2028\u2029]", data) else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style)


_Dumper.add_representer(str, _Dumper.represent_str)


for _kind, (_form, _first) in _WORDS.items():
    for _reader in (_Loader, _Dumper):
        _reader.add_implicit_resolver(
            f"tag:yaml.org,2002:{_kind}", re.compile(rf"^(?:{_form})$"), _first
        )


def dump(data: Any) -> str:
    """The YAML text of plain data, keys in their order, which `parse` reads as the same data."""
    return _write(data, default_flow_style=None)


def dump_line(data: Any) -> str:
    """The same in one line; lists and mappings in brackets."""
    text = _write(data, default_flow_style=True, width=sys.maxsize)
    return text.removesuffix("...\n").strip()


def _write(data: Any, **style: Any) -> str:
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, **style)
    return text


# besides YAMLError, what PyYAML raises at a wrong word behind a tag (`!!bool x`) and deep nesting
_PROBLEMS = (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError)


MOST = 100_000
"""Values in a file, those of an alias (`*name`) counted at each place where it stands."""


def _count(value: object, known: dict[int, float]) -> float:
    if not isinstance(value, dict | list | tuple):
        return 1
    if id(value) not in known:
        known[id(value)] = math.inf  # met again within itself, it is endless
        own = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_count(one, known) for one in own)
    return known[id(value)]


def parse(text: str, where: str) -> Any:
    """The value that a YAML text means; `where` (a file, an option) begins the error's line."""
    try:
        value = yaml.load(text, Loader=_Loader)
        if _count(value, {}) > MOST:
            raise ValueError(f"aliases make it endless, or more than {MOST:,} values")
        json.dumps(value, default=str, skipkeys=True)  # no number is too long to be shown
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
    """Set a dotted key of nested mappings, `a.b=value`, in place; missing mappings are made.

    Bytes that the locale could not read are read as UTF-8, as in a file.
    """
    assignment = as_text(assignment)
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
