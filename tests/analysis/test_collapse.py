"""Entropy, shares and counts against numbers computed by hand."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from support import synthetic

from analysis.collapse import tables as collapse
from analysis.common import operations
from analysis.common.trials import stem
from bench.errors import ResultsError
from bench.space.genotype import Genotype

FOUND = {
    "space": "darts",
    "cells": {
        "normal": [
            [["skip_connect", 0], ["skip_connect", 1]],
            [["skip_connect", 0], ["sep_conv_3x3", 2]],
        ],
        "reduce": [[["max_pool_3x3", 0], ["dil_conv_5x5", 1]], []],
    },
}


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


def test_table_by_hand() -> None:
    table = collapse.table([synthetic.record(found=FOUND)]).set_index("cell")
    assert list(table.index) == ["normal", "reduce", "both"]
    normal, reduce, both = (table.loc[key] for key in table.index)
    assert normal["selected"] == 4
    assert normal["count_skip_connect"] == 3
    assert normal["share_skip_connect"] == pytest.approx(0.75)
    assert normal["share_max_pool_3x3"] == 0
    assert normal["parameter_free_share"] == pytest.approx(0.75)
    assert (normal["most_frequent"], normal["most_frequent_share"]) == ("skip_connect", 0.75)
    assert reduce["parameter_free_share"] == pytest.approx(0.5)
    assert reduce["entropy"] == pytest.approx(math.log(2) / math.log(7))
    # equally frequent: the first by name
    assert (reduce["most_frequent"], reduce["most_frequent_share"]) == ("dil_conv_5x5", 0.5)
    assert both["selected"] == 6
    assert both["parameter_free_share"] == pytest.approx(4 / 6)
    nats = -(0.5 * math.log(0.5) + 3 * math.log(1 / 6) / 6)
    assert both["entropy"] == pytest.approx(nats / math.log(7))
    assert both["genotype"] == Genotype.from_json(FOUND).digest
    shares = [column for column in table.columns if column.startswith("share_")]
    assert len(shares) == 7  # `none` cannot be selected in this space
    assert table[shares].sum(axis=1).to_list() == pytest.approx([1, 1, 1])


def test_an_empty_cell_has_no_shares() -> None:
    found = {"space": "darts", "cells": {"normal": [[], []], "reduce": [[["noise", 0]], []]}}
    table = collapse.table([synthetic.record(found=found)]).set_index("cell")
    assert table.loc["normal", "selected"] == 0
    assert table.loc["normal", ["entropy", "share_sep_conv_3x3"]].isna().all()
    assert table.loc["reduce", "parameter_free_share"] == 1


def test_timeline_follows_the_genotypes_of_the_epochs() -> None:
    record = synthetic.record(epochs=3)
    all_skip = {"space": "darts", "cells": {"normal": [[["skip_connect", 0]]]}}
    record["search"]["epochs"][1]["genotype"] = all_skip
    record["search"]["epochs"][2]["genotype"] = FOUND
    table = collapse.timeline([record])
    both = table[table["cell"] == "both"].set_index("epoch")
    assert list(both.index) == [1, 2, 3]
    assert both.loc[2, "entropy"] == 0
    assert both.loc[3, "parameter_free_share"] == pytest.approx(4 / 6)


def test_a_method_without_genotypes_by_epoch_has_no_timeline() -> None:
    record = synthetic.record(epochs=2)
    for epoch in record["search"]["epochs"]:
        epoch["genotype"] = None
    assert len(collapse.timeline([record])) == 0
    assert len(collapse.timeline([synthetic.record(epochs=0)])) == 0


def test_a_selected_none_counts_as_a_choice() -> None:
    found = {"space": "other", "cells": {"cell": [[["none", 0]], [["none", 1], ["noise", 0]]]}}
    record = synthetic.record(found=found)
    assert set(operations.selectable(record)) >= {"none", "noise"}
    table = collapse.table([record]).set_index("cell")
    assert table.loc["cell", "parameter_free_share"] == 1
    assert table.loc["cell", "most_frequent"] == "none"


def test_operations_with_parameters_come_first() -> None:
    names = operations.in_order([synthetic.record()])
    free = [name in operations.PARAMETER_FREE for name in names]
    assert free == sorted(free)


def test_a_broken_genotype_names_its_record() -> None:
    record = synthetic.record()
    record["genotype"] = {"space": "darts"}
    with pytest.raises(ResultsError, match=stem(record)):
        collapse.table([record])
