"""Depth, width, verdicts, mixing entropy and agreement over seeds, by hand."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import synthetic

from analysis.collapse import agreement, mixing, shape
from analysis.collapse import tables as collapse
from analysis.common import operations
from analysis.common.trials import facts
from analysis.leaderboard import notes
from analysis.leaderboard import table as leaderboard
from bench.columns import POSTERIOR
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
    record = synthetic.record()
    assert shape.depth_and_width(DARTS_V2, record) == (3, 3.5)
    record["configuration"]["space"]["name"] = "nas-bench-201"
    one = ((("skip_connect", 0),), (), (("skip_connect", 0),))
    assert shape.depth_and_width(one, record) == (1, 1)


def test_the_verdict_by_its_thresholds() -> None:
    count = Counter(skip_connect=3, max_pool_3x3=3, sep_conv_3x3=4)  # 40 % of one, 60 % free
    assert not operations.Thresholds().met(count)
    assert operations.Thresholds(free=0.6).met(count)
    assert operations.Thresholds(type=0.4).met(count)
    assert not operations.Thresholds(type=0.41, free=0.61).met(count)
    assert operations.Thresholds().met(Counter(sep_conv_3x3=3, skip_connect=1))
    assert operations.Thresholds().met(Counter())


def test_one_verdict_in_every_table() -> None:
    found = synthetic.genotype(np.random.default_rng(0))
    found["cells"]["normal"] = found["cells"]["reduce"] = [
        [["skip_connect", 0], ["max_pool_3x3", 1]],
        [["sep_conv_3x3", 0], ["sep_conv_5x5", 1]],
    ]
    records = [synthetic.record(found=found, seed=seed) for seed in range(2)]
    for free, count in ((0.75, 0), (0.5, 2)):
        study = facts(synthetic.study(["darts"]) | {"collapsed_at": {"free": free}})
        at = operations.thresholds_of(study)
        assert leaderboard.table(records, study)["collapsed"].tolist() == [count]
        assert agreement.table(records, study, at)["collapsed"].tolist() == [count]
        made = collapse.table(records, at)
        assert made[made["cell"] == "both"]["collapsed"].sum() == count
        assert at.text() in notes.of_quality(records, at)[-1]
    assert operations.Thresholds(0.8, 0.5).text().endswith("parameter-free ones 50 %")


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
    found = mixing.entropies(rows({0: uniform, 1: signed, 2: decided}))
    assert found[1, "both"] == found[1, "normal"] == pytest.approx((1 + half + 0) / 3)


def test_mixing_entropy_without_means_is_that_of_the_probabilities() -> None:
    assert mixing.entropies(rows({0: [(None, 0.5), (None, 0.5)]}))[1, "both"] == pytest.approx(1)
    assert mixing.entropies(rows({0: [(0.0, 0.5), (0.0, 0.5)]})) == {}
    assert mixing.entropies(rows({0: [(0.3, 1.0)]})) == {}


def found(*edges: tuple[str, str, str]) -> list[dict[str, Any]]:
    """A record a seed, in the space of one cell of which three edges have something."""
    records = []
    for seed, (a, b, c) in enumerate(edges):
        text = f"|{a}~0|+|{b}~0|{c}~1|+|none~0|none~1|none~2|"
        one = synthetic.record(seed=seed, found=Genotype.from_nas_bench_201_text(text).to_json())
        one["configuration"]["space"] = {"name": "nas-bench-201", "operations": ["none", a, b, c]}
        records.append(one)
    return records


def test_agreement_over_seeds_by_hand() -> None:
    s, c, n = "skip_connect", "nor_conv_3x3", "none"
    records = found((s, s, c), (s, c, c), (s, n, s))
    records.append(records[0])  # the same search evaluated again is no other seed
    study = facts(synthetic.study(["darts"]))
    row = agreement.table(records, study, operations.Thresholds()).iloc[0]
    assert (row["seeds"], row["distinct_genotypes"], row["pairs"]) == (3, 3, 3)
    # of six edges one, two and two differ
    assert (row["least_distance"], row["largest_distance"]) == pytest.approx((1 / 6, 2 / 6))
    assert row["mean_distance"] == pytest.approx(5 / 18)
    assert row["edge_agreement"] == pytest.approx(13 / 18)
    # none, s, c: (3, 2, 1), (3, 1, 2), (4, 2, 0) of six: products 13, 16, 14 over 36
    assert row["random_agreement"] == pytest.approx((13 + 16 + 14) / 36 / 3)
    edges = agreement.by_edge(records, study).set_index(["source", "target"])
    assert edges.loc[(0, 1), ["agreement", "most_frequent"]].tolist() == [1, s]
    assert edges.loc[(0, 2), "agreement"] == 0
    assert edges.loc[(1, 2), "agreement"] == pytest.approx(1 / 3)
    assert edges.loc[(1, 2), "most_frequent_share"] == pytest.approx(2 / 3)
    assert edges["agreement"].mean() == pytest.approx(row["edge_agreement"])


def test_one_seed_agrees_with_nobody() -> None:
    table = agreement.table(
        [synthetic.record()], facts(synthetic.study(["darts"])), operations.Thresholds()
    )
    assert table["pairs"].tolist() == [0]
    assert table[["mean_distance", "edge_agreement", "random_agreement"]].isna().all(axis=None)


def test_what_a_search_measured_is_in_the_row_of_all_cells() -> None:
    record = synthetic.record(epochs=2)
    record["search"]["epochs"][0]["diagnostics"] = {"dominant_eigenvalue": 2.5}
    record["search"]["epochs"][1]["collapse"] = {
        "supernet_validation_accuracy": 0.9,
        "discretised_validation_accuracy": 0.25,
    }
    table = collapse.timeline([record]).set_index(["epoch", "cell"])
    assert table.loc[(1, "both"), "dominant_eigenvalue"] == 2.5
    assert table.loc[(2, "both"), "discretisation_gap_points"] == pytest.approx(65)
    measured = ["discretisation_gap_points", "dominant_eigenvalue"]
    assert table.loc[(slice(None), "normal"), measured].isna().all(axis=None)
