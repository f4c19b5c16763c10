"""Odd values and texts, as hypothesis strategies: what no one means, and everyone types once."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from importlib import resources
from typing import Any

import yaml
from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]
NUMBERS = (0, -1, 1, 2**31, 2**63, 10**30, 10**400, 1e-320, 1e308, -0.0)
WORDS = (
    "", " ", "null", "yes", "010", "0o17", "1e3", "1_000", "0x10", "NaN", ".inf", "~", "../../x",
    "/etc/passwd", "a/b", "..", ".", "con", "x" * 300, "é", "日本", "\U0001f600", "\u202e", "a\nb",
    "a\tb", "\x1b[31m", "\u2028", "\x85", "%s", "{0}", "$HOME", "'", '"', "|op~0|", "{}", "[]",
    "darts", "digits", "tabular", "training", "cuda", "-", "--set",
)  # fmt: skip
GARBAGE = (
    *WORDS, "\x00", "\ufeff", "\r", "\r\n", "\t", "\x07", "\x7f", "&a [*a]", "&a {b: *a}",
    "*nothing", "!!python/object/apply:os.system ['touch hacked']", "!!binary aGk=", "!!set {a}",
    "!x y", "<<: *x", "? ", ": ", "- ", "---\n", "...\n", "%YAML 9.9\n---\n", "{", "}",
    "[", "]", "#", "|", ">", "@", "`", "[" * 3000, "[" * 400 + "]" * 400,
    "{a: " * 400 + "}" * 400, "9" * 5000, "0x" + "f" * 5000, "2001-01-01",
    "2001-01-01 25:61:61", "12:30:45", "name: again\n",
    "seeds: [0]\nseeds: [1]\n", "a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: [*b,*b,*b,*b]\n",
)  # fmt: skip

_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_AS_WRITTEN: dict[str, Any] = {"sort_keys": False, "allow_unicode": True}

texts = st.one_of(st.sampled_from(WORDS), st.text(max_size=20))
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.sampled_from(NUMBERS), st.floats(), texts
)
values = st.one_of(
    scalars,
    st.lists(scalars, max_size=4),
    st.dictionaries(st.one_of(texts, st.integers(), st.none()), scalars, max_size=3),
    st.lists(st.lists(scalars, max_size=2), max_size=2),
)


def paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in plain data."""
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, inner in items:
        yield (*at, key)
        yield from paths(inner, (*at, key))


def mutate(draw: Draw, data: Any) -> Any:
    """Plain data with one thing in it changed, taken away, renamed, added or put elsewhere."""
    data = copy.deepcopy(data)
    places = list(paths(data))
    if not places:
        return draw(values)
    *above, last = draw(st.sampled_from(places))
    holder = data
    for key in above:
        holder = holder[key]
    change = draw(st.sampled_from(("value", "value", "value", "delete", "add", "rename", "copy")))
    if change == "value":
        holder[last] = draw(values)
    elif change == "delete":
        del holder[last]
    elif change == "copy":
        *_, other = draw(st.sampled_from(places))
        holder[last] = copy.deepcopy(holder.get(other) if isinstance(holder, dict) else data)
    elif isinstance(holder, dict):
        held = holder.pop(last) if change == "rename" else draw(values)
        holder[draw(texts)] = held
    else:
        holder.insert(0, draw(values))
    return data


def edit(draw: Draw, text: str) -> str:
    """A text with one to three places of it cut, doubled or replaced by garbage."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        stop = min(len(text), start + draw(st.sampled_from((0, 0, 1, 1, 2, 5, 20, 100000))))
        put = draw(st.one_of(st.sampled_from(GARBAGE), st.just(text[start:stop] * 2), st.just("")))
        text = text[:start] + put + text[stop:]
    return text


def _shipped() -> Iterator[dict[str, Any]]:
    for entry in sorted((resources.files("bench") / "studies").iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".yaml"):
            yield yaml.safe_load(entry.read_text(encoding="utf-8"))


STUDIES: tuple[dict[str, Any], ...] = tuple(_shipped())
KEYS = sorted({".".join(map(str, path)) for study in STUDIES for path in paths(study)})


@st.composite
def study_files(draw: Draw) -> bytes:
    """A study file: a shipped one with changes, in its data or its text; or anything at all."""
    kind = draw(st.sampled_from(("data", "data", "data", "text", "text", "bytes")))
    if kind == "bytes":
        return bytes(draw(st.one_of(st.binary(max_size=60), texts.map(lambda text: text.encode()))))
    study = draw(st.sampled_from(STUDIES))
    for _ in range(draw(st.integers(1, 2)) if kind == "data" else 0):
        study = mutate(draw, study)
    flow = draw(st.sampled_from((None, None, True)))
    text = yaml.dump(study, None, _Dumper, default_flow_style=flow, **_AS_WRITTEN)
    text = edit(draw, text) if kind == "text" else text
    return text.encode(draw(st.sampled_from(("utf-8",) * 8 + ("utf-16", "latin-1"))), "replace")


@st.composite
def overrides(draw: Draw) -> list[str]:
    """`--set` and its value, once or twice: a key of a shipped study, or none of any."""
    words: list[str] = []
    for _ in range(draw(st.integers(1, 2))):
        key = draw(st.one_of(st.sampled_from(KEYS), st.sampled_from(KEYS), texts))
        key = edit(draw, key) if draw(st.integers(0, 5)) == 0 else key
        value = draw(
            st.one_of(
                st.sampled_from(GARBAGE), texts,
                values.map(lambda value: json.dumps(value, default=str, skipkeys=True)),
            )
        )  # fmt: skip
        assignment = draw(st.sampled_from((f"{key}={value}",) * 6 + (key, f"{key}={value}\udcff")))
        words += ["--set", assignment.replace("\0", "")]  # which no process can be handed
    return words


GENOTYPES = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('skip_connect', 0),"
    " ('dil_conv_3x3', 2)], normal_concat=[2, 3], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1),"
    " ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=range(2, 4))",
    "DARTS_V3 = Genotype(normal=[[('sep_conv_3x3', 0), ('none', 1)], [('sep_conv_3x3', 0),"
    " ('dil_conv_3x3', 2)]], normal_concat=[3], reduce=[[('max_pool_3x3', 0), ('skip_connect', 1)],"
    " [('max_pool_3x3', 0), ('skip_connect', 2)]], reduce_concat=[2, 3])",
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|",
    '{"space": "darts", "cells": {"normal": [[["sep_conv_3x3", 0], ["skip_connect", 1]]]}}',
)
_BREAKS = (
    "(" * 200, "(" * 100_000, "-" * 100_000 + "1", "[" * 150 + "]" * 150, "**{}", "*x", "1e999",
    "10**10**10", "__import__('os').system('touch hacked')", "f'{1}'", "b''", "-1", "99999999999",
    "True", "None", "0.0", "~", "|", "+", "||", "~0|", "range(10**9)", "range(0, -1)", "range()",
    "lambda: 0", "\\x00", "\x00", "\u202e", "'", '"', ",", "=", "#", "\n",
    "'none', 0", "normal=[],",
)  # fmt: skip


@st.composite
def genotypes(draw: Draw) -> str:
    """A genotype's text in one of the field's spellings, with something wrong in it."""
    text = draw(st.sampled_from(GENOTYPES))
    for _ in range(draw(st.integers(1, 2))):
        start = draw(st.integers(0, len(text)))
        stop = min(len(text), start + draw(st.sampled_from((0, 0, 1, 3, 10, 40, 1000))))
        put = draw(st.one_of(st.sampled_from(_BREAKS), st.just(text[start:stop] * 2), texts))
        text = text[:start] + put + text[stop:]
    return text
