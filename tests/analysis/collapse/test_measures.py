"""Depth, width, mixing entropy and agreement over seeds, by hand; one verdict in every table."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import synthetic

from analysis import write_all
from analysis.collapse import agreement, mixing, shape
from analysis.common import operations
from analysis.common.operations import CollapseThresholds
from bench.columns import POSTERIOR
from bench.records.schema import FinishedRecord
from bench.space.genotype import Genotype

DARTS_V2 = (
    (("sep_conv_3x3", 0), ("sep_conv_3x3", 1)),
    (("sep_conv_3x3", 0), ("sep_conv_3x3", 1)),
    (("sep_conv_3x3", 1), ("skip_connect", 0)),
    (("skip_connect", 0), ("dil_conv_3x3", 2)),
)


def nas_bench_201(text: str) -> tuple[int, float]:
    (cell,) = Genotype.from_nas_bench_201_text(text).cells.values()
    return shape.measure(cell, 1, False)


def test_depth_and_width_of_the_published_darts_cell() -> None:
    # arXiv 1909.09569, figure 2: width 3.5 c, depth 3
    assert shape.measure(DARTS_V2, 2, True) == (3, 3.5)
    flat = tuple((("skip_connect", 0), ("skip_connect", 1)) for _ in range(4))
    assert shape.measure(flat, 2, True) == (2, 4)
    chain = tuple((("skip_connect", node + 1),) for node in range(4))
    assert shape.measure(chain, 2, True) == (5, 1)


def test_depth_and_width_where_the_output_is_the_last_node() -> None:
    c = "nor_conv_3x3"
    full = f"|{c}~0|+|{c}~0|{c}~1|+|{c}~0|{c}~1|{c}~2|"
    depth, width = nas_bench_201(full)
    assert (depth, width) == (3, pytest.approx(1 + 1 / 2 + 1 / 3))
    # what does not reach the output does not count, and neither does what no input reaches
    assert nas_bench_201(f"|{c}~0|+|{c}~0|none~1|+|{c}~0|none~1|none~2|") == (1, 1)
    assert nas_bench_201(f"|none~0|+|none~0|{c}~1|+|{c}~0|{c}~1|{c}~2|") == (1, 1)
    assert nas_bench_201("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|") == (0, 0)


def test_a_space_knows_its_geometry() -> None:
    cells = {
        "darts": DARTS_V2,
        "nas-bench-201": ((("skip_connect", 0),), (), (("skip_connect", 0),)),
    }
    shapes = [
        shape.measure_in_space(Genotype(space, {"normal": cell}), "normal", space)
        for space, cell in cells.items()
    ]
    assert shapes == [(3, 3.5), (1, 1)]
    some = Genotype("darts", {"normal": DARTS_V2}, {"normal": (0, 1, 2)})
    assert shape.measure_in_space(some, "normal", "darts") == (2, 3), "the deepest node is cut off"


def test_one_verdict_in_every_table(tmp_path: Path) -> None:
    found = synthetic.genotype(np.random.default_rng(0))
    found["cells"]["normal"] = found["cells"]["reduce"] = [
        [["skip_connect", 0], ["max_pool_3x3", 1]],
        [["sep_conv_3x3", 0], ["sep_conv_5x5", 1]],
    ]
    records = [synthetic.record(found=found, seed=seed) for seed in range(2)]
    for free, count in ((0.75, 0), (0.5, 2)):
        thresholds = CollapseThresholds(free=free)
        write_all(tmp_path, records, synthetic.facts(["darts"]), thresholds=thresholds)
        assert pd.read_csv(tmp_path / "leaderboard.csv")["collapsed"].tolist() == [count]
        assert pd.read_csv(tmp_path / "collapse_seeds.csv")["collapsed"].tolist() == [count]
        table = pd.read_csv(tmp_path / "collapse.csv")
        assert table[table["cell"] == "both"]["collapsed"].sum() == count
        assert thresholds.describe() in (tmp_path / "leaderboard.md").read_text()


def rows(values: dict[int, list[tuple[float | None, float | None]]]) -> pd.DataFrame:
    """Epoch 1, one cell: edge -> (mean, probability) by operation."""
    made: list[dict[str, Any]] = []
    for edge, pairs in values.items():
        for number, (mean, probability) in enumerate(pairs):
            made.append(
                dict.fromkeys(POSTERIOR)
                | {"epoch": 1, "cell": "normal", "edge": edge, "operation": str(number)}
                | {"mean": mean, "probability": probability}
            )
    return pd.DataFrame(made, columns=list(POSTERIOR))


def test_mixing_entropy_by_hand() -> None:
    uniform = [(0.25, 0.0)] * 4
    # one of three operations has no value: over log 2; the signs of weights do not matter
    signed = [(None, 0.0), (-3.0, 1.0), (1.0, 0.0)]
    half = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25)) / math.log(2)
    decided = [(1.0, 0.0), (0.0, 1.0)]
    entropies = mixing.measure_entropies(rows({0: uniform, 1: signed, 2: decided}))
    assert entropies[1, "both"] == entropies[1, "normal"] == pytest.approx((1 + half + 0) / 3)


def test_mixing_entropy_without_means_is_that_of_the_probabilities() -> None:
    assert mixing.measure_entropies(rows({0: [(None, 0.5), (None, 0.5)]}))[
        1, "both"
    ] == pytest.approx(1)
    assert mixing.measure_entropies(rows({0: [(0.0, 0.5), (0.0, 0.5)]})) == {}
    assert mixing.measure_entropies(rows({0: [(0.3, 1.0)]})) == {}


def records_of(*edges: tuple[str, str, str]) -> list[FinishedRecord]:
    """A record per seed, in the space of one cell of which three edges have something."""
    records = []
    for seed, (a, b, c) in enumerate(edges):
        text = f"|{a}~0|+|{b}~0|{c}~1|+|none~0|none~1|none~2|"
        space = {"name": "nas-bench-201", "operations": ["none", a, b, c]}
        genotype = Genotype.from_nas_bench_201_text(text).to_json()
        changes = {"configuration.space": space}
        records.append(synthetic.record(seed=seed, found=genotype, changes=changes))
    return records


def test_agreement_over_seeds_by_hand() -> None:
    s, c, n = "skip_connect", "nor_conv_3x3", "none"
    records = records_of((s, s, c), (s, c, c), (s, n, s))
    row = agreement.tabulate(records, CollapseThresholds()).iloc[0]
    assert (row["seeds"], row["distinct_genotypes"], row["pairs"]) == (3, 3, 3)
    # of six edges one, two and two differ
    assert (row["least_distance"], row["largest_distance"]) == pytest.approx((1 / 6, 2 / 6))
    assert row["mean_distance"] == pytest.approx(5 / 18)
    assert row["edge_agreement"] == pytest.approx(13 / 18)
    # none, s, c: (3, 2, 1), (3, 1, 2), (4, 2, 0) of six: products 13, 16, 14 over 36
    assert row["random_agreement"] == pytest.approx((13 + 16 + 14) / 36 / 3)
    edges = agreement.tabulate_edges(records).set_index(["source", "target"])
    assert edges.loc[(0, 1), ["agreement", "most_frequent"]].tolist() == [1, s]
    assert edges.loc[(0, 2), "agreement"] == 0
    assert edges.loc[(1, 2), "agreement"] == pytest.approx(1 / 3)
    assert edges.loc[(1, 2), "most_frequent_share"] == pytest.approx(2 / 3)
    assert edges["agreement"].mean() == pytest.approx(row["edge_agreement"])


def test_one_seed_agrees_with_nobody() -> None:
    table = agreement.tabulate([synthetic.record()], CollapseThresholds())
    assert table["pairs"].tolist() == [0]
    assert table[["mean_distance", "edge_agreement", "random_agreement"]].isna().all(axis=None)


def test_several_operations_on_an_edge_are_one_choice() -> None:
    genotype = Genotype("darts", {"normal": ((("b", 0), ("a", 0)), ())})
    choices = operations.list_choices(genotype, inputs=1)
    assert choices == {
        ("normal", 0, 1): "a+b", ("normal", 0, 2): "none", ("normal", 1, 2): "none"
    }  # fmt: skip
    assert operations.measure_distance(choices, {("normal", 0, 1): "a"}) == pytest.approx(1 / 3)
