"""Tables, page and figure of uncertainty, against numbers computed by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import axes, doubts, synthetic

from analysis import write_all
from analysis.common.intervals import summarise
from analysis.common.plots import Looks
from analysis.uncertainty import make
from analysis.uncertainty.figure import draw
from analysis.uncertainty.table import MEAN_TABLE, TRIAL_TABLE, average, tabulate
from bench.records.schema import FinishedRecord

NLL = {"deterministic": 0.2, "draws": 0.15, "ensemble": 0.1}


def record(label: str, seed: int, nlls: Mapping[str, float], **more: Any) -> FinishedRecord:
    measured = doubts.uncertainty(nlls, **more)
    return synthetic.record(label, seed=seed, changes={"evaluation.uncertainty": measured})


def study(seeds: int = 3) -> list[FinishedRecord]:
    """A method with Gaussian weights and one without, whose NLL grows by 0.01 with the seed."""
    return [
        record(label, seed, {way: NLL[way] + 0.01 * seed for way in ways})
        for label, ways in (("vinnas", NLL), ("darts", ("deterministic", "ensemble")))
        for seed in range(seeds)
    ]


def looks(records: list[FinishedRecord]) -> Looks:
    return Looks.choose(records, synthetic.facts(["vinnas", "darts"]))


def test_a_row_per_trial_way_and_images() -> None:
    rows = tabulate(study())
    assert tuple(rows.columns) == TRIAL_TABLE
    assert len(rows) == 3 * (3 + 2) * (1 + 2 * 2)
    own = rows[(rows["method"] == "vinnas") & (rows["seed"] == 1) & (rows["predicting"] == "draws")]
    by_images = own.set_index(["images", "strength"])["nll"]
    assert by_images["test", 0] == pytest.approx(0.16)
    assert by_images["contrast", 3] == pytest.approx(0.16 * 4)
    assert by_images["pixelate", 3] == pytest.approx(0.16 * 7)
    test = own[own["images"] == "test"].iloc[0]
    assert test["ece_percent"] == pytest.approx(1.6)
    assert (test["probability_auroc"], test["entropy_fpr95_percent"]) == (0.9, 40)
    assert own[own["images"] == "contrast"]["probability_auroc"].isna().all()
    assert (test["passes"], test["trainings"], test["training_seconds"]) == (5, 1, 10)


def test_means_over_seeds_with_the_projects_interval() -> None:
    means = average(tabulate(study()))
    assert tuple(means.columns) == MEAN_TABLE
    key = ["method", "predicting", "images", "strength"]
    row = means.set_index(key).loc[("vinnas", "draws", "test", 0)]
    expected = summarise([0.15, 0.16, 0.17], (0, np.inf))
    assert (row["nll"], row["nll_low"], row["nll_high"]) == pytest.approx(
        (expected.mean, expected.low, expected.high)
    )
    assert row["seeds"] == 3
    # the mean over the corruptions: (1 + 3 1 + 1 + 3 2) / 2 of the NLL at strength 3
    corrupted = means.set_index(key).loc[("vinnas", "draws", "corrupted", 3)]
    assert corrupted["nll"] == pytest.approx(0.16 * 5.5)
    assert ("darts", "draws", "test", 0) not in means.set_index(key).index


def test_two_seeds_have_no_interval() -> None:
    means = average(tabulate(study(seeds=2)))
    assert means["nll"].notna().all()
    assert means["nll_low"].isna().all() and (means["seeds"] == 2).all()


def test_evaluations_of_one_architecture_count_as_their_mean() -> None:
    first, second = (doubts.uncertainty({"deterministic": nll}) for nll in (0.1, 0.3))
    repeat = {
        "seconds": 1.0,
        "test": {"accuracy": 0.9, "nll": 0.3, "images": 360},
        "parameters": 1,
        "nonzero_parameters": 1,
        "uncertainty": second,
    }
    changes = {"evaluation.uncertainty": first, "evaluation.repeats": [repeat]}
    both = synthetic.record("darts", changes=changes)
    rows = tabulate([both])
    assert rows.set_index("images")["nll"]["test"] == pytest.approx(0.2)
    assert both.evaluation.list_scores("deterministic", "nll") == [0.1, 0.3]
    assert both.evaluation.list_scores("draws", "nll") == []


def test_old_records_have_no_such_files(tmp_path: Path) -> None:
    records = [synthetic.record("darts", seed=seed) for seed in range(3)]
    assert make(records, looks(records)) == {}
    written = write_all(tmp_path, records, synthetic.facts(["darts"]))
    assert not [path for path in written if path.name.startswith("uncertainty")]


def test_the_page_says_who_has_draws_and_what_came_out() -> None:
    records = study()
    page = make(records, looks(records))["uncertainty.md"]
    assert isinstance(page, str)
    assert "vinnas (3 seeds): NLL deterministic 0.2100, draws 0.1600, ensemble 0.1100;" in page
    assert "No draws: the networks of darts have no Gaussian weights." in page
    assert "Images of kmnist, told from the test images:" in page
    assert "Outside images of digits: 60 of kmnist; resized." in page
    expected = summarise([0.15, 0.16, 0.17], (0, np.inf))
    low, high = expected.bounds
    assert f"0.1600 ({low:.4f} to {high:.4f})" in page


def test_without_corruptions_and_outside_images(tmp_path: Path) -> None:
    records = [record("darts", 0, {"deterministic": 0.2}, corruptions=(), outside=None)]
    outputs = make(records, looks(records))
    assert set(outputs) == {"uncertainty.md", "uncertainty.csv", "uncertainty_trials.csv"}
    assert "told from" not in str(outputs["uncertainty.md"])
    assert "Corrupted" not in str(outputs["uncertainty.md"])
    table = outputs["uncertainty.csv"]
    assert isinstance(table, pd.DataFrame) and list(table["strength"]) == [0]


def test_the_figure_has_a_line_for_every_way() -> None:
    records = study()
    figure = draw(tabulate(records), looks(records))
    vinnas, darts, calibration, _ = axes.shown(figure)
    lines = axes.lines(vinnas)
    assert list(lines) == ["deterministic", "draws", "ensemble"]
    assert list(axes.lines(darts)) == ["deterministic", "ensemble"]
    expected = [(0, 0.16), (1, 0.16 * 2.5), (3, 0.16 * 5.5)]
    assert np.allclose(lines["draws"], expected)
    assert np.allclose(axes.lines(calibration)["draws"], [(x, 10 * y) for x, y in expected])
    assert vinnas.get_ylim() == darts.get_ylim()
    assert (vinnas.get_ylabel(), calibration.get_ylabel()) == ("NLL, nats per image", "ECE, %")
    assert len(vinnas.get_lines()) == 3 * (1 + 3)  # the mean and each seed
