"""Edges, stages and positions against their definitions."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bench.space.skeleton import CellGraph, darts_positions


@given(st.integers(1, 3), st.integers(1, 8))
def test_edges_lead_from_every_earlier_state_in_order(inputs: int, nodes: int) -> None:
    graph = CellGraph(inputs, nodes)
    assert len(graph.edges) == sum(inputs + node for node in range(nodes))
    assert list(graph.edges) == sorted(graph.edges, key=lambda edge: (edge[1], edge[0]))
    for node in range(nodes):
        assert [graph.edges[i] for i in graph.of_node(node)] == [
            (source, node) for source in range(inputs + node)
        ]


@given(st.integers(1, 3), st.integers(1, 8))
def test_stages_partition_the_edges_and_come_when_their_sources_exist(
    inputs: int, nodes: int
) -> None:
    graph = CellGraph(inputs, nodes)
    merged = [edge for stage in graph.stages for edge in stage.edges]
    assert sorted(merged) == list(range(len(graph.edges)))
    for number, stage in enumerate(graph.stages):
        # stage k runs once node k - 1 is complete; it completes node k
        assert max(stage.sources) == inputs - 1 + number
        assert [graph.edges[edge] for edge in stage.edges] == [
            (source, target) for source in stage.sources for target in stage.targets
        ]
        assert stage.targets[0] == number


def test_reductions_are_at_a_third_and_two_thirds_and_double_the_channels() -> None:
    positions = darts_positions(8, 16, 4, 48)
    assert [p.kind for p in positions] == [
        "reduce" if index in (2, 5) else "normal" for index in range(8)
    ]
    assert [p.channels for p in positions] == [16, 16, 32, 32, 32, 64, 64, 64]
    assert [p.inputs for p in positions[:5]] == [
        (48, 48),
        (48, 64),
        (64, 64),
        (64, 128),
        (128, 128),
    ]
    assert [p.previous_reduces for p in positions] == [i in (3, 6) for i in range(8)]


@given(st.integers(1, 40), st.integers(1, 36), st.integers(1, 5))
def test_inputs_are_the_outputs_of_the_two_positions_before(
    cells: int, channels: int, nodes: int
) -> None:
    positions = darts_positions(cells, channels, nodes, 3 * channels)
    outputs = [3 * channels] * 2 + [nodes * p.channels for p in positions]
    assert [p.inputs for p in positions] == list(pairwise(outputs))[:cells]
    assert sum(p.reduces for p in positions) == len({cells // 3, 2 * cells // 3})
