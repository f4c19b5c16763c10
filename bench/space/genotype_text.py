"""Genotypes as the field's papers and codes write them, to and from cells.

DARTS and what followed it, in any of these spellings; see `read_darts`:

    Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1), ...], normal_concat=range(2, 6), ...)
    PC_DARTS = Genotype(normal=[[('sep_conv_3x3', 1), ('skip_connect', 0)], ...], ...)
    Genotype(normal=[('skip_connect', 0, 0.13), ('skip_connect', 1, 0.129), ...], ...)

NAS-Bench-201: `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

Pair = tuple[str, int]
"""(operation, source)."""
Node = tuple[Pair, ...]
"""What a node sums, sorted by source and then by operation."""
Cell = tuple[Node, ...]

INPUTS = 2
"""Inputs of a DARTS cell: its node 0 is state 2 in the published notation."""
_FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat")
_KEYS = ("normal", "reduce")
NAS_BENCH_201_NODES = 3


def read_darts(text: str) -> tuple[dict[str, Cell], dict[str, tuple[int, ...]]]:
    """(cells, output nodes) of `Genotype(...)`, which may be assigned to a name.

    Pairs stand two a node in one list, or in a list or tuple of their own for each node; a third
    number in a pair, its weight in the search, is passed over. A concat is a list, a range or None
    (all nodes), and counts the cell's two inputs as states 0 and 1. Raises ValueError for another
    text, and for what would say more than a genotype here can.
    """
    try:
        values = _read_fields(text)
        cells = {key: _read_cell(values[key], key) for key in _KEYS}
        outputs = {
            key: _read_concat(values[f"{key}_concat"], key, len(cells[key]))
            for key in _KEYS
            if values.get(f"{key}_concat") is not None
        }
    except (SyntaxError, TypeError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"not a DARTS genotype text: {error}") from error
    return cells, outputs


def write_darts(cells: Mapping[str, Cell], outputs: Mapping[str, Sequence[int]]) -> str:
    """`Genotype(normal=[...], normal_concat=[...], reduce=[...], reduce_concat=[...])`.

    Pairs stand in one list where every node has two, else in a list for each node. Raises
    ValueError for other cells than normal and reduce.
    """
    if set(cells) != set(_KEYS):
        raise ValueError(f"the DARTS form has cells normal and reduce, not {', '.join(cells)}")
    parts = []
    for key in _KEYS:
        cell = cells[key]
        flat = all(len(node) == 2 for node in cell)
        pairs = [pair for node in cell for pair in node] if flat else [list(node) for node in cell]
        concat = [INPUTS + node for node in outputs.get(key, range(len(cell)))]
        parts.append(f"{key}={pairs!r}, {key}_concat={concat!r}")
    return f"Genotype({', '.join(parts)})"


def read_nas_bench_201(text: str) -> Cell:
    """The cell of a NAS-Bench-201 text. Raises ValueError for another text."""
    cell: list[Node] = []
    for number, part in enumerate(text.strip().split("+")):
        pieces = [piece.partition("~") for piece in part.strip("|").split("|")]
        sources = [source for _, _, source in pieces]
        named = all(operation for operation, _, _ in pieces)
        if not named or sources != [str(source) for source in range(number + 1)]:
            raise ValueError(f"not a NAS-Bench-201 genotype text, at {part!r}: {text!r}")
        cell.append(tuple((o, int(source)) for o, _, source in pieces if o != "none"))
    if len(cell) != NAS_BENCH_201_NODES:
        raise ValueError(f"not a NAS-Bench-201 genotype text, it has three nodes: {text!r}")
    return tuple(cell)


def write_nas_bench_201(cell: Cell) -> str:
    """The published form; an empty edge is `none`.

    Raises ValueError for a cell that has not three nodes with at most one operation an edge.
    """
    parts = []
    for node, pairs in enumerate(cell):
        by_source = {source: operation for operation, source in pairs}
        if len(by_source) != len(pairs) or len(cell) != NAS_BENCH_201_NODES:
            raise ValueError(
                "the NAS-Bench-201 form has three nodes and one operation an edge; this cell"
                f" has {len(cell)} nodes, the {node + 1}. with {pairs}"
            )
        edges = (f"{by_source.get(source, 'none')}~{source}" for source in range(node + 1))
        parts.append(f"|{'|'.join(edges)}|")
    return "+".join(parts)


def _read_fields(text: str) -> dict[str, Any]:
    """The fields of the call as plain data; those that say nothing (None, '') are left out."""
    body = ast.parse(text.strip()).body
    statement = body[0] if len(body) == 1 else None
    if not isinstance(statement, ast.Assign | ast.Expr) or not isinstance(
        statement.value, ast.Call
    ):
        raise ValueError("not one Genotype(...)")
    call = statement.value
    named = {str(word.arg): word.value for word in call.keywords}
    given = dict(zip(_FIELDS, call.args, strict=False)) | named
    values = {name: _literal(node) for name, node in given.items()}
    for name, value in values.items():
        if name not in _FIELDS and value not in (None, ""):
            raise ValueError(f"{name}= is nothing that a genotype has: {', '.join(_FIELDS)}")
    missing = [key for key in _KEYS if values.get(key) is None]
    if missing or len(call.args) > len(_FIELDS):
        raise ValueError("normal= and reduce= are needed, each with a list of pairs")
    return values


def _literal(node: ast.expr) -> Any:
    """A literal, or a range of whole numbers, perhaps within list() or tuple()."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        arguments = [_literal(argument) for argument in node.args]
        if node.func.id == "range" and all(type(bound) is int for bound in arguments):
            bounds = range(*arguments)
            return list(bounds[:1000])
        if node.func.id in ("list", "tuple") and len(arguments) == 1:
            return list(arguments[0])
    return ast.literal_eval(node)


def _read_cell(value: Any, key: str) -> Cell:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{key} is not a list of pairs")
    nested = all(
        isinstance(node, list | tuple) and all(isinstance(pair, list | tuple) for pair in node)
        for node in value
    )
    if nested:
        return tuple(tuple(_read_pair(pair, key) for pair in node) for node in value)
    if len(value) % 2:
        raise ValueError(
            f"{key} has {len(value)} pairs: two a node, or a list of pairs for each node"
        )
    pairs = [_read_pair(pair, key) for pair in value]
    return tuple(tuple(pairs[start : start + 2]) for start in range(0, len(pairs), 2))


def _read_pair(value: Any, key: str) -> Pair:
    """(operation, source), without the weight that GDAS's and SETN's codes write behind them."""
    match value:
        case [str(operation), int(source)] | [str(operation), int(source), float()] if (
            type(source) is int
        ):
            return operation, source
    raise ValueError(f"{key} names {value!r}, which is not (operation, source)")


def _read_concat(value: Any, key: str, nodes: int) -> tuple[int, ...]:
    """Nodes, from 0, by the states of the published notation."""
    states = range(INPUTS, INPUTS + nodes)
    right = isinstance(value, list | tuple) and value
    if not right or any(type(state) is not int or state not in states for state in value):
        raise ValueError(
            f"{key}_concat = {value!r}: the output is made of nodes, here states"
            f" {INPUTS} to {INPUTS + nodes - 1}"
        )
    return tuple(state - INPUTS for state in value)
