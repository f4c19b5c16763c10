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
    """An operation on one block of a stage's sources, for all lanes that want the same.

    edge: of the stage, says whose weights; mask: the lane whose mask applies, if any.
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

    A row is one distinct state of one node, [batch, channels, height, width]; rows are numbered
    node by node.

    stages: by stage, operation -> work.
    rows: the first row of each node, and at the end how many there are.
    output: for each distinct output of the cell the rows of its nodes, which it joins.
    lanes: lane -> which of these outputs it has.
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
    place = {
        edge: (number, local)
        for number, stage in enumerate(graph.stages)
        for local, edge in enumerate(stage.edges)
    }
    # The first stage's sources are the distinct blocks of input 0 and behind them those of input 1;
    # a later stage's are the rows of one node.
    behind_first = max(inputs[0]) + 1
    stages: list[dict[str, Work]] = [{} for _ in graph.stages]
    states: list[Lanes] = [inputs[0], tuple(behind_first + block for block in inputs[1])]
    rows = [0]
    for node in range(graph.nodes):
        # What a node sums says what its state is: lanes with equal terms share a row. A mask is
        # named by its lane, so that a masked term is a lane's own.
        numbers: dict[tuple[object, ...], int] = {}
        lanes = []
        for lane, by_edge in enumerate(kept):
            terms = tuple(
                (edge, name, states[graph.edges[edge][0]][lane], weight, lane if masked else None)
                for edge in graph.of_node(node)
                for name, weight, masked in by_edge[edge]
            )
            if terms not in numbers:
                numbers[terms] = len(numbers)
                for edge, name, block, weight, mask in terms:
                    number, local = place[edge]
                    work = stages[number].setdefault(name, Work())
                    work.add(Job(block, local, weight, mask), rows[-1] + numbers[terms])
            lanes.append(numbers[terms])
        states.append(tuple(lanes))
        rows.append(rows[-1] + len(numbers))
    outputs: dict[tuple[int, ...], int] = {}
    lanes = []
    for lane in range(len(parts)):
        nodes = tuple(row + state[lane] for row, state in zip(rows, states[2:], strict=False))
        lanes.append(outputs.setdefault(nodes, len(outputs)))
    return CellPlan(stages, rows, list(outputs), tuple(lanes))


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
