"""Counting operations, entropy and the verdict of collapse, by hand."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from support import synthetic

from analysis.common import operations
from analysis.common.operations import CollapseThresholds
from bench.space.genotype import Genotype


def test_entropy_by_hand() -> None:
    # three of one and one of another: -(3/4 log 3/4 + 1/4 log 1/4) = log 4 - 3/4 log 3
    nats = math.log(4) - 0.75 * math.log(3)
    count = Counter(skip_connect=3, sep_conv_3x3=1)
    assert operations.normalised_entropy(count, 7) == pytest.approx(nats / math.log(7))
    assert operations.normalised_entropy(Counter(a=2, b=2), 4) == pytest.approx(0.5)
    assert operations.normalised_entropy(Counter(a=5, b=5, c=5), 3) == pytest.approx(1.0)
    assert operations.normalised_entropy(Counter(a=9), 7) == 0.0
    assert operations.normalised_entropy(Counter(a=9), 1) == 0.0
    assert math.isnan(operations.normalised_entropy(Counter(), 7))


def test_the_verdict_by_its_thresholds() -> None:
    count = Counter(skip_connect=3, max_pool_3x3=3, sep_conv_3x3=4)  # 40 % of one, 60 % free
    assert not CollapseThresholds().are_met_by(count)
    assert CollapseThresholds(free=0.6).are_met_by(count)
    assert CollapseThresholds(type=0.4).are_met_by(count)
    assert not CollapseThresholds(type=0.41, free=0.61).are_met_by(count)
    assert CollapseThresholds().are_met_by(Counter(sep_conv_3x3=3, skip_connect=1))
    assert CollapseThresholds().are_met_by(Counter())


def test_the_verdict_of_a_genotype_is_of_all_its_cells_together() -> None:
    skips, convolutions = [[["skip_connect", 0]]] * 3, [[["sep_conv_3x3", 0]]]
    cells = {"normal": skips, "reduce": convolutions}
    genotype = Genotype.from_json({"space": "darts", "cells": cells})
    assert CollapseThresholds().have_collapsed(genotype)
    assert not CollapseThresholds(0.8, 0.8).have_collapsed(genotype)
    assert CollapseThresholds().name_end(genotype) == "skip_connect"
    assert CollapseThresholds(type=0.8).name_end(genotype) == "parameter-free operations"


def test_the_verdict_in_words() -> None:
    assert "hold 75 % of the selected edges" in CollapseThresholds().describe()
    words = CollapseThresholds(0.8, 0.5).describe()
    assert "holds 80 % of the selected edges" in words and words.endswith("together hold 50 %")


def test_none_is_an_empty_edge_and_what_a_record_names_is_selectable() -> None:
    cells = {"cell": [[["none", 0]], [["none", 1], ["noise", 0]]]}
    record = synthetic.record(found={"space": "other", "cells": cells})
    selectable = operations.list_selectable(record)
    assert "noise" in selectable and "none" not in selectable


def test_operations_with_parameters_come_first() -> None:
    names = operations.order_operations([synthetic.record()])
    free = [name in operations.PARAMETER_FREE for name in names]
    assert free == sorted(free)


def test_cell_keys_are_ordered_by_name_and_then_by_number() -> None:
    cell = [[["skip_connect", 0]]]
    cells = dict.fromkeys(["10", "reduce", "2", "normal"], cell)
    genotype = Genotype.from_json({"space": "darts", "cells": cells})
    assert operations.order_cell_keys([genotype]) == ["normal", "reduce", "2", "10"]
    assert [operations.name_cell(key) for key in ("reduce", "2")] == ["reduction cell", "cell 2"]
