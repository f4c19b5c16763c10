"""What several candidates have to compute in one cell, each thing once.

A lane is a candidate. Lanes whose state is the same (same sources, same operations kept) share one
block of channels, and an operation that several lanes apply to the same block is one job.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.space.mixture import CellMixture
from bench.space.skeleton import CellGraph

Lanes = tuple[int, ...]
"""lane -> block: which of the distinct states, [batch, channels, height, width] each."""


@dataclass(frozen=True)
class Job:
    """An operation on a block of a stage's merged sources.

    edge: of the stage; mask: the lane whose mask applies, if any.
    """

    block: int
    edge: int
    weight: float
    mask: int | None


@dataclass
class Work:
    """Jobs of one operation, numbered, and where their outputs are added: (job, row)."""

    jobs: dict[Job, int] = field(default_factory=dict)
    uses: list[tuple[int, int]] = field(default_factory=list)

    def add(self, job: Job, row: int) -> None:
        self.uses.append((self.jobs.setdefault(job, len(self.jobs)), row))


@dataclass(frozen=True)
class CellPlan:
    """A cell's work for all lanes.

    stages: by stage, operation -> work; rows are blocks of the nodes, node by node.
    rows: first row of each node, and how many there are.
    output: for each block of the cell's output the rows of its nodes.
    lanes: lane -> block of the output.
    """

    stages: list[dict[str, Work]]
    rows: list[int]
    output: list[tuple[int, ...]]
    lanes: Lanes


def plan_cell(
    graph: CellGraph,
    operations: tuple[str, ...],
    parts: list[CellMixture],
    inputs: tuple[Lanes, Lanes],
) -> CellPlan:
    """The work of one cell; parts: its mixture in each lane, inputs: blocks of its two inputs.

    Raises ValueError for a mixture that lanes cannot have: anything per example, variances, bypass.
    """
    kept = [_kept(part, operations) for part in parts]
    where = {
        edge: (number, local)
        for number, stage in enumerate(graph.stages)
        for local, edge in enumerate(stage.edges)
    }
    stages: list[dict[str, Work]] = [{} for _ in graph.stages]
    states: list[Lanes] = list(inputs)
    rows = [0]
    for node in range(graph.nodes):
        found: dict[object, int] = {}
        lanes = []
        for lane, operations_of in enumerate(kept):
            terms = tuple(
                (edge, name, states[graph.edges[edge][0]][lane], weight, lane if masked else None)
                for edge in graph.of_node(node)
                for name, weight, masked in operations_of[edge]
            )
            if terms not in found:
                found[terms] = len(found)
                for edge, name, block, weight, mask in terms:
                    number, local = where[edge]
                    if graph.edges[edge][0] == 1:  # behind the blocks of the first input
                        block += max(inputs[0]) + 1
                    work = stages[number].setdefault(name, Work())
                    work.add(Job(block, local, weight, mask), rows[-1] + found[terms])
            lanes.append(found[terms])
        states.append(tuple(lanes))
        rows.append(rows[-1] + len(found))
    outputs: dict[tuple[int, ...], int] = {}
    of = []
    for lane in range(len(parts)):
        nodes = tuple(row + state[lane] for row, state in zip(rows, states[2:], strict=False))
        of.append(outputs.setdefault(nodes, len(outputs)))
    return CellPlan(stages, rows, list(outputs), tuple(of))


def _kept(part: CellMixture, operations: tuple[str, ...]) -> list[list[tuple[str, float, bool]]]:
    """By edge: (operation, weight, whether it is masked) of what is computed and weighted."""
    other = (part.variances, part.bypass, part.shift)
    plain = part.weights.dim() == 2 and all(tensor is None for tensor in other)
    if not plain or any(mask.dim() != 2 for mask in part.masks.values()):
        raise ValueError("lanes take weights and masks per batch only, and nothing else")
    kept: list[list[tuple[str, float, bool]]] = []
    for edge, row in enumerate(part.weights.tolist()):
        kept.append(
            [
                (name, weight, name in part.masks)
                for name, weight in zip(operations, row, strict=True)
                if name != "none"
                and weight != 0
                and (part.active is None or edge in part.active.get(name, ()))
            ]
        )
    return kept
