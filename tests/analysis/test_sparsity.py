"""Parameters, zeros and accuracies as the record has them."""

from __future__ import annotations

import pytest
from support import synthetic

from analysis.sparsity import tables as sparsity


def test_ratio_and_accuracies() -> None:
    record = synthetic.record(accuracy=0.9)
    record["evaluation"] |= {"parameters": 800, "nonzero_parameters": 200}
    record["evaluation"]["test_before_zeroing"]["accuracy"] = 0.925
    row = sparsity.table([record]).iloc[0]
    assert row["nonzero_ratio"] == pytest.approx(0.25)
    assert row["accuracy_before_percent"] == pytest.approx(92.5)
    assert row["accuracy_after_percent"] == pytest.approx(90.0)
    assert row["accuracy_change_points"] == pytest.approx(-2.5)


def test_layers_add_up_to_the_trial() -> None:
    record = synthetic.record(zeroed=0.8)
    layers = sparsity.layer_table([record])
    assert layers["parameters"].sum() == record["evaluation"]["parameters"]
    kept = record["evaluation"]["nonzero_parameters"]
    assert layers["parameters"].sum() - layers["zeros"].sum() == kept
    assert layers.loc[layers["parameters"] == 0, "zero_share"].isna().all()
    counted = layers[layers["parameters"] > 0]
    assert (counted["zero_share"] * counted["parameters"]).to_list() == pytest.approx(
        counted["zeros"].to_list()
    )


@pytest.mark.parametrize(
    ("layer", "part"),
    [("stem", "stem"), ("cells.12.ops.1.0", "cell 12"), ("cells.0.preprocess0", "cell 0"),
     ("classifier", "classifier"), ("stem.0", "stem")],
)  # fmt: skip
def test_part_of_the_network(layer: str, part: str) -> None:
    assert sparsity.part_of(layer) == part
