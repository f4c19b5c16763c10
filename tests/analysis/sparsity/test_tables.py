"""Parameters, zeros and accuracies as the record has them, by trial, layer and threshold."""

from __future__ import annotations

import pytest
from support import synthetic
from support.zeroing import measured

from analysis.sparsity import tables


def test_ratio_and_accuracies() -> None:
    changes = {
        "evaluation.parameters": 800,
        "evaluation.nonzero_parameters": 200,
        "evaluation.test_before_zeroing.accuracy": 0.925,
    }
    row = tables.tabulate([synthetic.record(accuracy=0.9, changes=changes)]).iloc[0]
    assert row["nonzero_ratio"] == pytest.approx(0.25)
    assert row["accuracy_before_percent"] == pytest.approx(92.5)
    assert row["accuracy_after_percent"] == pytest.approx(90.0)
    assert row["accuracy_change_points"] == pytest.approx(-2.5)


def test_layers_add_up_to_the_trial() -> None:
    record = synthetic.record(zeroed=0.8)
    layers = tables.tabulate_layers([record])
    assert layers["parameters"].sum() == record.evaluation.parameters
    kept = record.evaluation.nonzero_parameters
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
    assert tables.name_part(layer) == part


def test_path_has_a_row_per_threshold_from_the_least_zeroed_on() -> None:
    rows = tables.tabulate_path([measured("vinnas", 1), measured("darts", 0, ())])
    vinnas = rows[rows["method"] == "vinnas"]
    assert list(vinnas["threshold"]) == [6.0, 3.0, 0.0]
    assert list(vinnas["used"]) == [False, True, False]
    assert vinnas["test_accuracy_percent"].iloc[1] == pytest.approx(91.6)
    darts = rows[rows["method"] == "darts"]
    assert len(darts) == 1 and darts["threshold"].isna().all() and darts["used"].all()
    assert darts["nonzero_parameters"].iloc[0] == darts["parameters"].iloc[0]


def test_older_records_have_no_path_and_empty_columns() -> None:
    old = synthetic.record("vinnas", zeroed=0.5)
    assert not len(tables.tabulate_path([old]))
    row = tables.tabulate([old]).iloc[0]
    assert row[["compact_parameters", "inference_before_seconds"]].isna().all()


def test_physically_removed_parameters() -> None:
    record = measured("vinnas", 0)
    row = tables.tabulate([record, measured("darts", 0, ())]).iloc[0]
    total = record.evaluation.parameters
    assert row["removed_parameters"] == total - total // 2
    assert row["inference_after_seconds"] == 0.015 and row["compact_flops"] == 7 * total
