"""A genotype: the architecture that a search found, as plain data.

A cell is, for every intermediate node in order, any number of (operation, source) pairs; sources
count the cell's inputs first and then its nodes. Cells are keyed by cell type ("normal",
"reduce", ...) or, where positions differ, by position ("0", "1", ...).

JSON form:

    {"space": "darts",
     "cells": {"normal": [[["sep_conv_3x3", 0], ["skip_connect", 1]], ...], "reduce": [...]}}

An edge that is not named is empty: what other notations call the operation `none`, which is left
out. A cell's output is all its nodes side by side, unless `outputs` names some of them:

    {"space": "darts", "cells": {...}, "outputs": {"normal": [2, 3]}}
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.space import genotype_text
from bench.space.genotype_text import Cell as Cell
from bench.space.genotype_text import Node as Node
from bench.space.genotype_text import Pair as Pair

PARAMETER_FREE = frozenset({"none", "skip_connect", "max_pool_3x3", "avg_pool_3x3", "noise"})
"""By the field's custom. A skip_connect at stride 2, in a reduction cell, is a factorised reduction
and has parameters, but is counted with the others, as in the papers on collapse."""


@dataclass(frozen=True)
class Genotype:
    """Cells by key; canonical (pairs sorted, no `none`), hashable and comparable.

    outputs: by cell key the nodes (from 0) that make the cell's output, where these are not all;
    what the published notation calls concat, which counts the cell's inputs first.
    """

    space: str
    cells: Mapping[str, Cell]
    outputs: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        canonical = {
            key: tuple(
                tuple(
                    sorted(
                        ((str(op), int(source)) for op, source in node if op != "none"),
                        key=_by_source,
                    )
                )
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
        object.__setattr__(self, "outputs", self._canonical_outputs())

    def _canonical_outputs(self) -> dict[str, tuple[int, ...]]:
        """Sorted, without those that are all nodes. Raises ValueError."""
        kept = {}
        for key, nodes in sorted(self.outputs.items()):
            there = len(self.cells.get(key, ()))
            chosen = tuple(sorted(int(node) for node in nodes))
            if len(set(chosen)) != len(chosen) or not set(chosen) <= set(range(there)):
                raise ValueError(
                    f"cell {key!r} has {there} nodes; its output cannot be made of nodes"
                    f" {list(nodes)}"
                )
            if not chosen:
                raise ValueError(f"cell {key!r} has no output")
            if len(chosen) < there:
                kept[key] = chosen
        return kept

    def __hash__(self) -> int:
        return hash((self.space, tuple(self.cells.items()), tuple(self.outputs.items())))

    def key(self, position: int, kind: str) -> str:
        """The key of a position's cell: its own where there is one, else that of its type."""
        for key in (str(position), kind):
            if key in self.cells:
                return key
        raise ValueError(
            f"the genotype has cells for {', '.join(self.cells)}, but none for position"
            f" {position} or type {kind!r}: cells found by position need a network of as many"
            " cells (evaluation.cells = space.cells)"
        )

    def cell(self, position: int, kind: str) -> Cell:
        """The cell for a position. Raises ValueError where there is none."""
        return self.cells[self.key(position, kind)]

    def output_nodes(self, key: str) -> tuple[int, ...]:
        """The nodes, from 0, whose concatenation is the output of the cell of this key."""
        return self.outputs.get(key, tuple(range(len(self.cells[key]))))

    def pairs(self) -> Iterator[tuple[str, int, str, int]]:
        """(cell key, node, operation, source) of everything selected."""
        for key, cell in self.cells.items():
            for index, node in enumerate(cell):
                for operation, source in node:
                    yield key, index, operation, source

    def to_json(self) -> dict[str, Any]:
        """Plain lists and dictionaries, in canonical order."""
        data: dict[str, Any] = {
            "space": self.space,
            "cells": {
                key: [[list(pair) for pair in node] for node in cell]
                for key, cell in self.cells.items()
            },
        }
        if self.outputs:
            data["outputs"] = {key: list(nodes) for key, nodes in self.outputs.items()}
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Genotype:
        """The inverse of `to_json`. Raises ValueError where the form is another."""
        try:
            cells = {str(key): cell for key, cell in data["cells"].items()}
            outputs = {str(key): nodes for key, nodes in data.get("outputs", {}).items()}
            return cls(str(data["space"]), cells, outputs)  # which makes tuples of lists
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a genotype: {error}") from error

    @property
    def digest(self) -> str:
        """First 12 hexadecimal digits of the SHA-256 of the canonical JSON."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def to_darts_text(self) -> str:
        """The published form: `Genotype(normal=[('op', source), ...], normal_concat=[...], ...)`.

        Raises ValueError for a genotype with other cells than normal and reduce.
        """
        return genotype_text.write_darts(self.cells, self.outputs)

    @classmethod
    def from_darts_text(cls, text: str) -> Genotype:
        """Read the published form (`genotype_text.read_darts`). Raises ValueError for another."""
        cells, outputs = genotype_text.read_darts(text)
        try:
            return cls("darts", cells, outputs)
        except ValueError as error:
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
        if self.outputs:
            raise ValueError("the NAS-Bench-201 form has one output, the cell's last node")
        return genotype_text.write_nas_bench_201(*self.cells.values())

    @classmethod
    def from_nas_bench_201_text(cls, text: str) -> Genotype:
        """Read the published form. Raises ValueError where the text is another."""
        return cls("nas-bench-201", {"normal": genotype_text.read_nas_bench_201(text)})

    @classmethod
    def from_text(cls, text: str) -> Genotype:
        """Read any of the published forms, or JSON, by how they begin. Raises ValueError."""
        start = text.strip()[:1]
        if start == "|":
            return cls.from_nas_bench_201_text(text)
        if start == "{":
            return cls.from_json(json.loads(text))
        return cls.from_darts_text(text)

    def to_text(self) -> str:
        """The published form, or JSON where that does not say all; `from_text` reads both."""
        write = self.to_nas_bench_201_text if len(self.cells) == 1 else self.to_darts_text
        with contextlib.suppress(ValueError):
            text = write()
            if Genotype.from_text(text) == self:
                return text
        return json.dumps(self.to_json())


def _by_source(pair: Pair) -> tuple[int, str]:
    return pair[1], pair[0]
