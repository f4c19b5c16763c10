"""A genotype: the architecture that a search found, as plain data.

A cell is, for every intermediate node in order, any number of (operation, source) pairs; sources
count the cell's inputs first and then its nodes. Cells are keyed by cell type ("normal",
"reduce", ...) or, where positions differ, by position ("0", "1", ...).

JSON form:

    {"space": "darts",
     "cells": {"normal": [[["sep_conv_3x3", 0], ["skip_connect", 1]], ...], "reduce": [...]}}

An edge that is not named is empty: what other notations call the operation `none`.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Pair = tuple[str, int]
"""(operation, source)."""
Node = tuple[Pair, ...]
"""What a node sums, sorted by source and then by operation."""
Cell = tuple[Node, ...]


@dataclass(frozen=True)
class Genotype:
    """Cells by key; canonical (pairs sorted), hashable and comparable."""

    space: str
    cells: Mapping[str, Cell]

    def __post_init__(self) -> None:
        canonical = {
            key: tuple(
                tuple(sorted(((str(op), int(source)) for op, source in node), key=_by_source))
                for node in cell
            )
            for key, cell in sorted(self.cells.items())
        }
        object.__setattr__(self, "cells", canonical)
        for key, cell in canonical.items():
            for node in cell:
                if len(set(node)) != len(node):
                    raise ValueError(
                        f"cell {key!r} names the same operation and source twice: {node}"
                    )

    def __hash__(self) -> int:
        return hash((self.space, tuple(self.cells.items())))

    def cell(self, position: int, kind: str) -> Cell:
        """The cell for a position: its own where there is one, else that of its type."""
        cell = self.cells.get(str(position), self.cells.get(kind))
        if cell is None:
            raise ValueError(
                f"the genotype has cells for {', '.join(self.cells)}, but none for position"
                f" {position} or type {kind!r}: cells found by position need a network of as many"
                " cells (evaluation.cells = space.cells)"
            )
        return cell

    def pairs(self) -> Iterator[tuple[str, int, str, int]]:
        """(cell key, node, operation, source) of everything selected."""
        for key, cell in self.cells.items():
            for index, node in enumerate(cell):
                for operation, source in node:
                    yield key, index, operation, source

    def to_json(self) -> dict[str, Any]:
        """Plain lists and dictionaries, in canonical order."""
        return {
            "space": self.space,
            "cells": {
                key: [[list(pair) for pair in node] for node in cell]
                for key, cell in self.cells.items()
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Genotype:
        """The inverse of `to_json`. Raises ValueError where the form is another."""
        try:
            cells = {str(key): cell for key, cell in data["cells"].items()}
            return cls(str(data["space"]), cells)  # which makes tuples of lists
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a genotype: {error}") from error

    @property
    def digest(self) -> str:
        """First 12 hexadecimal digits of the SHA-256 of the canonical JSON."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def to_darts_text(self) -> str:
        """The published form: `Genotype(normal=[('op', source), ...], normal_concat=[...], ...)`.

        It names no nodes, so it can only carry cells with two pairs a node.
        """
        parts = []
        for key in ("normal", "reduce"):
            cell = self.cells[key]
            if any(len(node) != 2 for node in cell):
                raise ValueError(f"the DARTS form needs two pairs a node; cell {key!r} has others")
            pairs = [pair for node in cell for pair in node]
            parts.append(f"{key}={pairs!r}, {key}_concat={list(range(2, 2 + len(cell)))!r}")
        return f"Genotype({', '.join(parts)})"

    @classmethod
    def from_darts_text(cls, text: str) -> Genotype:
        """Read the published form. Raises ValueError where the text is another."""
        try:
            call = ast.parse(text.strip(), mode="eval").body
            if not isinstance(call, ast.Call):
                raise ValueError("not a call")
            values = {
                word.arg: ast.literal_eval(word.value)
                for word in call.keywords
                if word.arg in ("normal", "reduce")
            }
            cells = {
                key: tuple(pairs[start : start + 2] for start in range(0, len(pairs), 2))
                for key, pairs in values.items()
            }
            if set(cells) != {"normal", "reduce"}:
                raise ValueError("normal= and reduce= are needed")
            return cls("darts", cells)
        except (SyntaxError, TypeError, ValueError) as error:
            raise ValueError(f"not a DARTS genotype text: {error}") from error

    def to_nas_bench_201_text(self) -> str:
        """The published form `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`; an empty edge is `none`.

        Raises ValueError for a genotype that is not one cell of three nodes with at most one
        operation an edge.
        """
        if len(self.cells) != 1:
            raise ValueError(
                f"the NAS-Bench-201 form has one cell; this genotype has {', '.join(self.cells)}"
            )
        (cell,) = self.cells.values()
        parts = []
        for node, pairs in enumerate(cell):
            by_source = {source: operation for operation, source in pairs}
            if len(by_source) != len(pairs) or len(cell) != 3:
                raise ValueError(
                    "the NAS-Bench-201 form has three nodes and one operation an edge; this cell"
                    f" has {len(cell)} nodes, the {node + 1}. with {pairs}"
                )
            edges = (f"{by_source.get(source, 'none')}~{source}" for source in range(node + 1))
            parts.append(f"|{'|'.join(edges)}|")
        return "+".join(parts)

    @classmethod
    def from_nas_bench_201_text(cls, text: str) -> Genotype:
        """Read the published form. Raises ValueError where the text is another."""
        cell: list[Node] = []
        for number, part in enumerate(text.strip().split("+")):
            pieces = [piece.partition("~") for piece in part.strip("|").split("|")]
            sources = [source for _, _, source in pieces]
            named = all(operation for operation, _, _ in pieces)
            if not named or sources != [str(source) for source in range(number + 1)]:
                raise ValueError(f"not a NAS-Bench-201 genotype text, at {part!r}: {text!r}")
            cell.append(tuple((o, int(source)) for o, _, source in pieces if o != "none"))
        if len(cell) != 3:
            raise ValueError(f"not a NAS-Bench-201 genotype text, it has three nodes: {text!r}")
        return cls("nas-bench-201", {"normal": tuple(cell)})

    @classmethod
    def from_text(cls, text: str) -> Genotype:
        """Read any of the published forms, by how they begin. Raises ValueError for another."""
        if text.strip().startswith("|"):
            return cls.from_nas_bench_201_text(text)
        return cls.from_darts_text(text)


def _by_source(pair: Pair) -> tuple[int, str]:
    return pair[1], pair[0]
