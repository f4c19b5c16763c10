"""Differences of variations from their base, against arithmetic by hand and scipy."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from support import axes as read
from support import records as support
from support import synthetic

from analysis import write_ablation
from analysis.ablation import figure, markdown
from analysis.ablation.table import list_differences, tabulate
from analysis.common.plots import Looks
from bench.errors import ConfigurationError
from bench.records.facts import StudyFacts
from bench.records.schema import FinishedRecord

CHANGES = {
    "no-kl": {"method.lambda_z": 0.0, "method.z_noise": False},
    "late": {},
    "unrun": {"a.b": None},
}
LOOKS = Looks(("vinnas", "no-kl", "late", "unrun"))
FACTS = StudyFacts(
    "varied",
    labels=("vinnas", *CHANGES),
    datasets=("digits",),
    base="vinnas",
    variations=CHANGES,
)
ACCURACY = {
    "vinnas": [0.90, 0.92, 0.91, 0.93],
    "no-kl": [0.88, 0.89, 0.90, 0.90],
    "late": [0.91, 0.92, 0.90, 0.93],
}


def record(label: str, seed: int, changes: dict[str, float]) -> FinishedRecord:
    plain = support.finished(label, seed, method="vinnas", study="varied")
    return synthetic.change(plain, changes)


def records() -> list[FinishedRecord]:
    return [
        record(
            label,
            seed,
            {
                "evaluation.test.accuracy": accuracy,
                "evaluation.nonzero_parameters": 4000 if label == "no-kl" else 1000 * 2**seed,
            },
        )
        for label, values in ACCURACY.items()
        for seed, accuracy in enumerate(values)
    ]


def share_search(records: list[FinishedRecord], label: str) -> list[FinishedRecord]:
    """The records, in which a variation evaluates the base's searches again."""
    searches = {r.trial.seed: r.trial.search_id for r in records if r.trial.label == "vinnas"}
    return [
        synthetic.change(record, {"trial.search_id": searches[record.trial.seed]})
        if record.trial.label == label
        else record
        for record in records
    ]


def test_variations_with_searches_of_their_own_are_independent_samples() -> None:
    rows = tabulate(records(), FACTS).set_index("variation")
    varied, base = (100 * np.array(ACCURACY[label]) for label in ("no-kl", "vinnas"))
    row = rows.loc["no-kl"]
    shifts = np.subtract.outer(varied, base)
    assert row["seeds"] == 4 and not row["paired"]
    assert row["shift_points"] == pytest.approx(np.median(shifts))
    assert row["better_share"] == pytest.approx(1 / 16)  # of 16 pairs two are tied
    late = rows.loc["late", "p_value"]
    smaller, larger = sorted([row["p_value"], late])
    assert sorted(rows["p_value_holm"].dropna()) == pytest.approx(
        [min(1, 2 * smaller), max(min(1, 2 * smaller), larger)]
    )
    gaps = list_differences(records(), FACTS, LOOKS)["digits", "no-kl"]
    assert [gap for gap, _ in gaps] == pytest.approx(list(varied - base.mean()))


def test_variations_of_the_evaluation_are_paired_by_search() -> None:
    given = share_search(records(), "no-kl")
    del given[3]  # the base lacks seed 3: the variations' own is left out
    rows = tabulate(given, FACTS).set_index("variation")
    gaps = [
        100 * (a - b) for a, b in zip(ACCURACY["no-kl"][:3], ACCURACY["vinnas"][:3], strict=True)
    ]
    row = rows.loc["no-kl"]
    assert row["paired"] and row["compared_seeds"] == 3 and row["seeds"] == 4
    assert row["p_value"] == pytest.approx(stats.wilcoxon(gaps, method="exact").pvalue)
    assert row["mean_difference_points"] == pytest.approx(sum(gaps) / 3)
    # 4000 / (1000, 2000, 4000): the geometric mean of 4, 2, 1
    assert row["nonzero_ratio"] == pytest.approx(2.0)
    assert rows.loc["late", "nonzero_ratio"] == pytest.approx(1.0)
    shown = list_differences(given, FACTS, LOOKS)["digits", "no-kl"]
    assert [gap for gap, _ in shown[:3]] == pytest.approx(gaps)
    assert "signed-rank test (no-kl)" in markdown.format_page(
        rows.reset_index(), FACTS, "test accuracy"
    )


def test_what_was_not_run_is_said() -> None:
    rows = tabulate(records(), FACTS)
    by_variation = rows.set_index("variation")
    assert by_variation.loc["no-kl", "mean_difference_points"] == pytest.approx(-2.25)
    assert by_variation.loc["unrun", "seeds"] == 0
    text = markdown.format_page(
        rows, StudyFacts(**{**vars(FACTS), "gate": "Gate: failed."}), "test accuracy"
    )
    assert "\n\nGate: failed.\n\n" in text
    assert "Not run yet, or failed: unrun." in text
    assert "method.lambda_z 0.0, method.z_noise false" in text and "| a.b null |" in text


def test_the_notes_say_the_verdicts_and_where_seeds_are_few() -> None:
    rows = tabulate(records(), FACTS)
    rows.loc[rows["variation"] == "no-kl", "verdict"] = "worse"
    text = markdown.format_page(rows, FACTS, "test accuracy")
    assert "  - worse: no-kl on digits (-2.00).\n" in text
    assert "  - undecided: late on digits (+0.00).\n" in text
    assert "Too few seeds: late, no-kl, vinnas." in text


def test_the_forest_plot_shows_differences_seeds_and_what_was_not_run() -> None:
    rows, differences = tabulate(records(), FACTS), list_differences(records(), FACTS, LOOKS)
    (axes,) = figure.draw(rows, differences, FACTS, "known accuracy", LOOKS).axes
    assert read.rows(axes) == ["no-kl", "late", "unrun"]
    assert axes.get_xlabel() == "difference of known accuracy from vinnas, points"
    zero, seeds, bar, mean = (line.get_xdata() for line in axes.get_lines()[:4])
    row = rows.set_index("variation").loc["no-kl"]
    assert list(zero) == [0, 0] and list(mean) == [row["shift_points"]]
    assert list(seeds) == pytest.approx([-3.5, -2.5, -1.5, -1.5])
    assert list(bar) == [row["shift_low_points"], row["shift_high_points"]]
    (region,) = axes.patches
    assert (region.get_x(), region.get_width()) == (-0.5, 1.0)
    assert (
        read.texts(axes)[0] == f"undecided, p {row['p_value_holm']:.3f}"
        and read.texts(axes)[2] == " not run"
    )


def test_the_forest_plot_crosses_out_searches_that_failed_to_train() -> None:
    learned = {"supernet_accuracy": 0.6, "discretised_accuracy": 0.4, "chance": 0.1, "images": 1000}
    given = [
        synthetic.change(one, {"search.learned": learned | {"supernet_accuracy": accuracy}})
        for one in records()
        for accuracy in [0.1 if one.trial.label == "no-kl" and one.trial.seed == 1 else 0.6]
    ]
    looks = Looks.choose(given, FACTS)
    rows, differences = tabulate(given, FACTS), list_differences(given, FACTS, looks)
    (axes,) = figure.draw(rows, differences, FACTS, "accuracy", looks).axes
    (crosses,) = [line for line in axes.get_lines() if line.get_marker() == "x"]
    assert list(crosses.get_xdata()) == pytest.approx([-2.5])
    (seeds,) = [line for line in axes.get_lines() if len(line.get_xdata()) == 4][:1]
    assert crosses.get_ydata()[0] == seeds.get_ydata()[0]


def test_bytes_do_not_depend_on_the_order_of_records(tmp_path: Path) -> None:
    written = []
    for draw in (1, 2):
        shuffled = records()
        random.Random(draw).shuffle(shuffled)
        paths = write_ablation(tmp_path / str(draw), shuffled, FACTS)
        written.append([(path.name, path.read_bytes()) for path in paths])
    assert written[0] == written[1]
    assert [name for name, _ in written[0]] == ["ablation.md", "ablation.csv", "ablation.png"]


def test_a_study_without_variations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="study plain has no ablations"):
        write_ablation(tmp_path, [], StudyFacts("plain"))
