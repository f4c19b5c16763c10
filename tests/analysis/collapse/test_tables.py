"""Shares, entropy and counts of what was selected, against numbers computed by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from support import synthetic

from analysis.collapse.tables import tabulate, tabulate_epochs
from analysis.common.operations import CollapseThresholds
from bench.records.schema import FinishedRecord
from bench.space.genotype import Genotype

DEFAULT = CollapseThresholds()
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


def by_epoch(records: Sequence[FinishedRecord]) -> pd.DataFrame:
    """The table by epoch of records without posterior tables."""
    return tabulate_epochs(records, DEFAULT, Path("there is no such folder"))


def test_table_by_hand() -> None:
    table = tabulate([synthetic.record(found=FOUND)], DEFAULT).set_index("cell")
    assert list(table.index) == ["normal", "reduce", "both"]
    normal, reduce, both = (table.loc[key] for key in table.index)
    assert normal["selected"] == 4
    assert normal["count_skip_connect"] == normal["skip_connects"] == 3
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
    assert table["collapsed"].tolist() == [True, False, False]
    shares = [column for column in table.columns if column.startswith("share_")]
    assert len(shares) == 7  # `none` cannot be selected in this space
    assert table[shares].sum(axis=1).to_list() == pytest.approx([1, 1, 1])


def test_an_empty_cell_has_no_shares() -> None:
    found = {"space": "darts", "cells": {"normal": [[], []], "reduce": [[["noise", 0]], []]}}
    table = tabulate([synthetic.record(found=found)], DEFAULT).set_index("cell")
    assert table.loc["normal", "selected"] == 0
    assert table.loc["normal", ["entropy", "share_sep_conv_3x3"]].isna().all()
    assert table.loc["reduce", "parameter_free_share"] == 1


def test_a_selected_none_is_an_empty_edge() -> None:
    found = {"space": "other", "cells": {"cell": [[["none", 0]], [["none", 1], ["noise", 0]]]}}
    table = tabulate([synthetic.record(found=found)], DEFAULT).set_index("cell")
    assert table.loc["cell", "parameter_free_share"] == 1
    assert table.loc["cell", "most_frequent"] == "noise"  # an empty edge is none's


def test_rows_by_epoch_follow_the_genotypes_of_the_epochs() -> None:
    all_skip = {"space": "darts", "cells": {"normal": [[["skip_connect", 0]]]}}
    changes = {"search.epochs.1.genotype": all_skip, "search.epochs.2.genotype": FOUND}
    table = by_epoch([synthetic.record(epochs=3, changes=changes)])
    both = table[table["cell"] == "both"].set_index("epoch")
    assert list(both.index) == [1, 2, 3]
    assert both.loc[2, "entropy"] == 0
    assert both.loc[3, "parameter_free_share"] == pytest.approx(4 / 6)
    assert both["architecture_entropy"].isna().all()


def test_a_method_without_genotypes_by_epoch_has_no_rows_by_epoch() -> None:
    changes = {f"search.epochs.{epoch}.genotype": None for epoch in range(2)}
    assert len(by_epoch([synthetic.record(epochs=2, changes=changes)])) == 0
    assert len(by_epoch([synthetic.record(epochs=0)])) == 0


def test_what_a_search_measured_is_in_the_row_of_all_cells() -> None:
    accuracies = {"supernet_validation_accuracy": 0.9, "discretised_validation_accuracy": 0.25}
    changes = {
        "search.epochs.0.diagnostics": {"dominant_eigenvalue": 2.5},
        "search.epochs.1.collapse": accuracies,
    }
    table = by_epoch([synthetic.record(epochs=2, changes=changes)]).set_index(["epoch", "cell"])
    assert table.loc[(1, "both"), "dominant_eigenvalue"] == 2.5
    assert table.loc[(2, "both"), "discretisation_gap_points"] == pytest.approx(65)
    measured = ["discretisation_gap_points", "dominant_eigenvalue"]
    assert table.loc[(slice(None), "normal"), measured].isna().all(axis=None)
