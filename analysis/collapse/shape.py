"""Depth and width of a found cell (Shu, Wang and Cai, arXiv 1909.09569, section 3)."""

from __future__ import annotations

from collections.abc import Collection

from bench.space import registry
from bench.space.genotype import Cell, Genotype


def measure_in_space(genotype: Genotype, key: str, space: str) -> tuple[int, float]:
    """`measure` of a genotype's cell in a space, given by its name."""
    options = registry.config(space)
    outputs = genotype.output_nodes(key)
    return measure(genotype.cells[key], options().graph.inputs, options.concatenates, outputs)


def measure(
    cell: Cell, inputs: int, concatenates: bool, outputs: Collection[int] | None = None
) -> tuple[int, float]:
    """(depth in connections, width in units of the cell's channels).

    Depth: the longest way from a cell input to its output; the step from a node into a
    concatenated output is a connection, as in the paper, where DARTS's cell has depth 3. Width:
    the sum over nodes of the share of their incoming connections that are from cell inputs (3.5
    for that cell). Where the output is the last node, that node counts, too. `none` is no
    connection; connections that no input reaches, or that do not reach the output, do not count.
    outputs: the nodes that are concatenated, where these are not all.
    """
    reached: dict[int, int] = dict.fromkeys(range(inputs), 0)
    live: list[list[int]] = []
    for node, pairs in enumerate(cell):
        sources = [source for name, source in pairs if name != "none" and source in reached]
        live.append(sources)
        if sources:
            reached[inputs + node] = 1 + max(reached[source] for source in sources)
    if not concatenates:
        outputs = [len(cell) - 1]
    elif outputs is None:
        outputs = range(len(cell))
    used = {inputs + node for node in outputs} & set(reached)
    for node in reversed(range(len(cell))):
        if inputs + node in used:
            used.update(live[node])
    nodes = [node for node in range(len(cell)) if inputs + node in used]
    if not nodes:
        return 0, 0.0
    width = sum(sum(source < inputs for source in live[n]) / len(live[n]) for n in nodes)
    return max(reached[inputs + node] for node in nodes) + concatenates, width
