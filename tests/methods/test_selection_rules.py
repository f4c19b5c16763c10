"""From hand-made posteriors to genotypes, rule by rule."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.small_tasks import OPERATIONS, space, task

from bench.data.config import DataConfig
from bench.space.genotype import Genotype
from bench.space.nas_bench_201.config import NasBench201Config
from bench.space.selection import strongest_edges
from bench.space.skeleton import CellGraph
from bench.testing import planted
from bench.training.config import SearchConfig
from bench.training.search import SearchArguments, search
from methods.alive import remove_idle, select_alive
from methods.darts import Darts, DartsConfig
from methods.pgnas import Pgnas, PgnasConfig
from methods.vinnas import Vinnas, VinnasConfig

NONE, POOL, SKIP, SEP, DIL = OPERATIONS
GRAPH = CellGraph(2, 2)  # edges: (0, 0), (1, 0), (0, 1), (1, 1), (2, 1)
MINUS = -math.inf


def scores(*rows: list[float]) -> torch.Tensor:
    return torch.tensor(rows)


def test_the_strongest_operation_of_the_strongest_edges() -> None:
    table = scores(
        [0.9, 0.1, 0.2, 0.3, 0.0],
        [0.9, 0.1, 0.0, 0.0, 0.4],
        [0.0, 0.5, 0.1, 0.1, 0.1],
        [0.9, 0.2, 0.3, 0.1, 0.2],
        [0.0, 0.1, 0.2, 0.1, 0.6],
    )
    cell, empty = strongest_edges(table, GRAPH, OPERATIONS)
    assert cell == (((DIL, 1), (SEP, 0)), ((DIL, 2), (POOL, 0)))  # `none` has no say
    assert empty == []
    single, _ = strongest_edges(table, GRAPH, OPERATIONS, per_node=1)
    assert single == (((DIL, 1),), ((DIL, 2),))


def test_edges_and_nodes_with_nothing_to_select() -> None:
    dead = [1.0, MINUS, MINUS, MINUS, MINUS]
    table = scores(dead, dead, dead, [0, MINUS, -5.0, MINUS, MINUS], dead)
    cell, empty = strongest_edges(table, GRAPH, OPERATIONS)
    assert cell == ((), ((SKIP, 1),)) and empty == [0]


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 999))
def test_strongest_edges_against_a_search_by_force(nodes: int, per_node: int, seed: int) -> None:
    graph = CellGraph(2, nodes)
    table = torch.rand(
        len(graph.edges), len(OPERATIONS), generator=torch.Generator().manual_seed(seed)
    )
    cell, _ = strongest_edges(table, graph, OPERATIONS, per_node)
    for node, pairs in enumerate(cell):
        best = {graph.edges[e][0]: table[e, 1:].max().item() for e in graph.of_node(node)}
        expected = sorted(best, key=best.__getitem__, reverse=True)[:per_node]
        assert [source for _, source in pairs] == expected
        for operation, source in pairs:
            edge = graph.edges.index((source, node))
            assert table[edge, OPERATIONS.index(operation)].item() == best[source]


def test_dead_operations_are_never_ranked() -> None:
    table = torch.rand(5, 5, generator=torch.Generator().manual_seed(0)) + 10
    alive = torch.zeros(5, 5, dtype=torch.bool)
    alive[1, 2] = alive[2, 3] = alive[2, 1] = alive[4, 4] = True
    table[alive] = torch.tensor([0.1, 0.5, 0.2, 0.3])  # row by row: (1,2) (2,1) (2,3) (4,4)
    genotype, details = select_alive(task(), {"normal": table}, {"normal": alive}, 2)
    assert genotype.cells["normal"] == (((SKIP, 1),), ((POOL, 0), (DIL, 2)))
    assert details == {"alive": 4, "candidates": 20, "forced": [], "dead_edges": 2}


def test_a_node_with_nothing_alive_keeps_its_best_and_says_so() -> None:
    table = scores(
        [99, 1, 2, 3, 4], [99, 1, 2, 9, 4], [9, 9, 9, 9, 9], [0, 0, 0, 0, 0], [0, 0, 0, 0, 7]
    ).float()
    alive = torch.zeros(5, 5, dtype=torch.bool)
    alive[4, 2] = True
    for per_node in (2, None):
        genotype, details = select_alive(task(), {"normal": table}, {"normal": alive}, per_node)
        assert genotype.cells["normal"] == (((SEP, 1),), ((SKIP, 2),))
        assert details["forced"] == ["normal:0"]
        assert details["alive"] == 1 and details["dead_edges"] == 4


def test_everything_alive_keeps_several_operations_of_an_edge() -> None:
    alive = torch.zeros(5, 5, dtype=torch.bool)
    alive[0, 1] = alive[0, 3] = alive[1, 4] = alive[3, 2] = True
    table = torch.zeros(5, 5)
    genotype, details = select_alive(task(), {"reduce": table}, {"reduce": alive}, None)
    assert genotype.cells["reduce"] == (((POOL, 0), (SEP, 0), (DIL, 1)), ((SKIP, 1),))
    assert details["forced"] == [] and details["dead_edges"] == 2


def test_even_scores_of_minus_infinity_can_be_forced() -> None:
    table = torch.full((5, 5), MINUS)
    alive = torch.zeros(5, 5, dtype=torch.bool)
    genotype, details = select_alive(task(), {"normal": table}, {"normal": alive}, 2)
    assert all(len(node) == 1 and node[0][0] != NONE for node in genotype.cells["normal"])
    assert details["forced"] == ["normal:0", "normal:1"]


# -- VINNAS -------------------------------------------------------------------------------------


def vinnas(
    selection: str, means: torch.Tensor, log_alphas: torch.Tensor, empty_edges: str = "posterior"
) -> Vinnas:
    """Both cell types with these means [edges, candidates] and log dropout rates."""
    config = VinnasConfig(selection=selection, empty_edges=empty_edges)  # type: ignore[arg-type]
    method = Vinnas(config, task())
    with torch.no_grad():
        for _, q in method.relevances.items():
            q.mean.copy_(means)
            q.log_variance.copy_(log_alphas + means.square().log())
    return method


MEANS = torch.tensor(
    [
        [0.1, -0.9, 0.2, 0.2],
        [0.1, 0.1, 0.3, 0.2],
        [0.5, 0.1, 0.1, -0.6],
        [0.1, 0.1, 0.1, 0.1],
        [0.1, 0.2, 0.1, 0.1],
    ]
)
RATES = torch.tensor(  # dead from 3 on
    [
        [-1.0, 2.0, -4.0, 0.0],
        [3.5, 2.9, 4.0, 5.0],
        [-6.0, 4.0, 4.0, 1.0],
        [4.0, 5.0, 6.0, 3.1],
        [4.0, 1.0, 2.0, 4.0],
    ]
)


def test_snr_ranks_by_the_rate_of_what_is_alive() -> None:
    method = vinnas("snr", MEANS, RATES)
    cell = method.current().cells["normal"]
    assert cell == (((SEP, 0), (SKIP, 1)), ((POOL, 0), (SKIP, 2)))
    _, details = method._select()
    assert details["alive"] == 2 * 9 and details["dead_edges"] == 2 and details["forced"] == []


def test_magnitude_ranks_by_the_mean_of_what_is_alive() -> None:
    cell = vinnas("magnitude", MEANS, RATES).current().cells["reduce"]
    assert cell == (((SKIP, 0), (SKIP, 1)), ((DIL, 0), (SKIP, 2)))


def test_all_alive_keeps_them_all() -> None:
    cell = vinnas("all_alive", MEANS, RATES).current().cells["normal"]
    first = ((POOL, 0), (SKIP, 0), (SEP, 0), (DIL, 0), (SKIP, 1))
    assert [set(node) for node in cell] == [
        set(first),
        {(POOL, 0), (DIL, 0), (SKIP, 2), (SEP, 2)},
    ]


def test_probability_ranks_by_the_chance_to_be_the_largest() -> None:
    """A certain winner beats a larger but spread-out mean; dead ones are out whatever they win."""
    means = torch.tensor(
        [
            [0.5, 0.1, 0.1, 0.1],
            [0.5, 0.49, 0.48, 0.1],
            [0.2, 0.1, 0.1, 0.1],
            [0.9, 0.1, 0.1, 0.1],
            [0.1, 0.1, 0.1, 0.7],
        ]
    )
    rates = torch.full((5, 4), -8.0)
    rates[3, 0] = 4.0  # of an edge, the largest is dead
    method = vinnas("probability", means, rates)
    cell = method.current().cells["normal"]
    assert cell[0] == ((POOL, 0), (POOL, 1))
    assert cell[1] == ((POOL, 0), (DIL, 2))


def test_an_operation_alive_is_not_lost_because_it_never_won_a_draw() -> None:
    """Where all alive operations of a node have a probability of 0, one of them is kept."""
    means = torch.full((5, 4), 1e-5)
    means[:, 1] = 1.0
    rates = torch.full((5, 4), -4.0)
    rates[:, 1] = 3.5  # dead, but the largest in nearly every draw
    method = vinnas("probability", means, rates)
    genotype, details = method._select()
    assert details["forced"] == []
    for cell in genotype.cells.values():
        for node in cell:
            assert node and all(operation != SKIP for operation, _ in node)


def test_everything_dead_is_forced_by_the_highest_snr() -> None:
    rates = torch.full((5, 4), 6.0)
    rates[1, 2], rates[3, 0] = 4.0, 5.0
    for rule in ("snr", "all_alive"):
        method = vinnas(rule, MEANS, rates)
        genotype, details = method._select()
        assert genotype.cells["normal"] == (((SEP, 1),), ((POOL, 1),))
        assert details["alive"] == 0 and len(details["forced"]) == 4


def test_relevances_of_0_are_dead_and_can_be_forced() -> None:
    method = vinnas("snr", torch.full((5, 4), 1.0), torch.zeros(5, 4))
    with torch.no_grad():
        for _, q in method.relevances.items():
            q.mean.zero_()
    genotype, details = method._select()
    assert details["alive"] == 0
    assert all(len(node) == 1 for cell in genotype.cells.values() for node in cell)
    assert all(row["alive"] is False for row in method.posterior())


def test_never_fills_up_with_dead_edges_behind_those_alive() -> None:
    """One edge a node is asked for: the one alive goes first, however small its mean is."""
    rates = RATES.clone()
    rates[0], rates[4] = 4.0, 4.0  # of node 0 edge (1, 0) is left, of node 1 edge (0, 1)
    method = vinnas("magnitude", MEANS, rates, "never")
    two = method.current().cells["normal"]
    assert two == (((SKIP, 0), (SKIP, 1)), ((DIL, 0), (SKIP, 2)))
    method.config = dataclasses.replace(method.config, edges_per_node=1)
    one = (((SKIP, 1),), ((DIL, 0),))  # the dead edge (0, 0) has a mean of 0.9
    assert method.current().cells["normal"] == one
    assert vinnas("magnitude", MEANS, rates).current().cells["normal"] == one


def test_all_alive_keeps_the_best_of_a_dead_edge_where_none_stays_empty() -> None:
    cell = vinnas("all_alive", MEANS, RATES, "never").current().cells["normal"]
    assert {(DIL, 0), (POOL, 0), (SKIP, 2), (SEP, 2), (DIL, 1)} == set(cell[1])


def test_a_forced_node_of_nas_bench_201_keeps_its_single_best_operation() -> None:
    t = task(NasBench201Config(cells=1, channels=4))
    names = t.space.operations
    table = torch.rand(6, 5, generator=torch.Generator().manual_seed(1))
    alive = torch.zeros(6, 5, dtype=torch.bool)
    alive[0, 3] = True  # node 0; nodes 1 and 2 have nothing alive
    genotype, details = select_alive(t, {"cell": table}, {"cell": alive}, 2)
    assert details["forced"] == ["cell:1", "cell:2"] and details["dead_edges"] == 5
    first, *forced = genotype.cells["cell"]
    assert first == ((names[3], 0),)
    for node, pairs in enumerate(forced, 1):
        edges = list(t.graph.of_node(node))
        best = max(edges, key=lambda edge: table[edge, 1:].max().item())
        column = 1 + int(table[best, 1:].argmax())
        assert pairs == ((names[column], t.graph.edges[best][0]),)


def test_data_empty_a_dead_edge_where_validation_images_do_not_miss_it() -> None:
    """A duplicate of what is alive goes, and what alone can tell the classes apart stays."""
    outcome = search(
        SearchArguments(
            Darts,
            DartsConfig(alpha_learning_rate=0.03),
            planted.SPACE,
            SearchConfig(epochs=8, batch_size=32),
            planted.data(0).search,
            DataConfig(),
            0,
        )
    )
    supernet, t = outcome.supernet, outcome.method.task
    validation = planted.data(0).search.validation
    (kind,) = t.kinds
    names = t.space.operations
    useful, useless = planted.PLANTED, next(n for n in names if n not in (planted.PLANTED, "none"))
    scores = {kind: torch.rand(len(t.graph.edges), len(names))}
    nothing = {kind: torch.zeros(len(t.graph.edges), len(names), dtype=torch.bool)}

    def after(*pairs: tuple[str, int]) -> tuple[tuple[str, int], ...]:
        genotype = Genotype(t.space.name, {kind: (pairs,)})
        smaller, removed = remove_idle(genotype, nothing, scores, supernet, validation)
        left = smaller.cells[kind][0]
        assert removed == len(pairs) - len(left)
        return left

    assert after((useful, 0), (useless, 1)) == ((useful, 0),)
    assert len(after((useful, 0), (useful, 1))) == 1
    assert after((useless, 0)) == ((useless, 0),), "a node's last operation stays"
    alive = {kind: ~nothing[kind]}
    kept = Genotype(t.space.name, {kind: (((useful, 0), (useless, 1)),)})
    assert remove_idle(kept, alive, scores, supernet, validation) == (kept, 0)


def test_entropy_is_that_of_the_means_shares() -> None:
    method = vinnas("magnitude", torch.full((5, 4), 0.25), torch.zeros(5, 4))
    assert method.entropy() == pytest.approx((math.log(4), math.log(4)))
    halves = torch.tensor([0.3, -0.3, 0.0, 0.0]).expand(5, 4)
    assert vinnas("snr", halves, torch.zeros(5, 4)).entropy()[0] == pytest.approx(math.log(2))


# -- DARTS and PGNAS ------------------------------------------------------------------------------


def test_darts_selects_by_softmax_whatever_none_weighs() -> None:
    """Equal alphas but for `none`: the softmax of an edge with a large `none` is small."""
    method = Darts(DartsConfig(), task())
    with torch.no_grad():
        for alpha in method.alpha.values():
            alpha.zero_()
            alpha[:, 3] = 1.0  # sep_conv_3x3 everywhere
            alpha[2, 0] = 5.0  # ... but edge (0, 1) prefers `none`
    assert method.current().cells["normal"] == (((SEP, 0), (SEP, 1)), ((SEP, 1), (SEP, 2)))
    selected = [row for row in method.posterior() if row["selected"]]
    assert len(selected) == 8 and all(row["operation"] == SEP for row in selected)


def test_pgnas_projects_the_chosen_candidate_by_keep_probability() -> None:
    method = Pgnas(PgnasConfig(), task())
    keep = torch.tensor(
        [
            [0.9, 0.8, 0.1, 0.1],
            [0.2, 0.3, 0.6, 0.7],
            [0.5, 0.5, 0.9, 0.5],
            [0.4, 0.6, 0.5, 0.5],
            [0.1, 0.1, 0.1, 0.8],
        ]
    )
    with torch.no_grad():
        for logit in method.logit.values():
            logit.copy_(-keep.logit())
    kept = torch.zeros(5, 5, dtype=torch.bool)
    kept[0, 2] = kept[0, 3] = True  # skip (0.8) and sep (0.1) of edge (0, 0); not the pool (0.9)
    kept[2, 4] = kept[3, 2] = kept[4, 4] = True  # dil (0.5), skip (0.6), dil (0.8) into node 1
    genotype, details = method.project({"normal": kept, "reduce": ~kept & (torch.arange(5) > 0)})
    assert genotype.cells["normal"] == (((SKIP, 0),), ((SKIP, 1), (DIL, 2)))
    # the complement: edge (0,0) pool .9; (1,0) dil .7; (0,1) sep .9; (1,1) sep/dil .5; (2,1) .1
    assert genotype.cells["reduce"] == (((POOL, 0), (DIL, 1)), ((SEP, 0), (SEP, 1)))
    assert details["forced"] == []


def test_pgnas_forces_a_node_without_any_operation() -> None:
    method = Pgnas(PgnasConfig(), task())
    nothing = torch.zeros(5, 5, dtype=torch.bool)
    with torch.no_grad():
        method.logit["normal"][1, 2] = -5.0
    genotype, details = method.project({"normal": nothing, "reduce": nothing})
    assert genotype.cells["normal"][0] == ((SEP, 1),)
    assert len(details["forced"]) == 4


def test_the_slices_of_positions_are_joined_by_cell_type() -> None:
    """With one eps a slice, an operation is there where any position of its type kept it."""
    method = Pgnas(PgnasConfig(granularity="slice"), task(space(cells=4)))
    kinds = [position.kind for position in method.task.positions]
    kept = {str(index): torch.zeros(5, 5, dtype=torch.bool) for index in range(4)}
    first, second = (index for index, kind in enumerate(kinds) if kind == "normal")
    kept[str(first)][0, 1] = kept[str(second)][1, 3] = True
    kept[str(second)][2, 4] = True
    genotype, _ = method.project(kept)
    assert genotype.cells["normal"] == (((POOL, 0), (SEP, 1)), ((DIL, 0),))


@pytest.mark.parametrize("per_node", [1, 2, 3])
def test_edges_per_node_is_an_option_of_every_method(per_node: int) -> None:
    for kind, config in ((Darts, DartsConfig), (Vinnas, VinnasConfig), (Pgnas, PgnasConfig)):
        torch.manual_seed(0)
        genotype = kind(config(edges_per_node=per_node), task()).current()  # type: ignore[arg-type]
        for cell in genotype.cells.values():
            assert [len(node) for node in cell] == [min(per_node, 2), per_node]
