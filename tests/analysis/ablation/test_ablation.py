"""Differences of variations from their base, against arithmetic by hand and scipy."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from scipy import stats
from support import axes as read
from support import records as support
from support import synthetic

from analysis import write_ablation
from analysis.ablation import figure, markdown
from analysis.ablation.table import list_differences, tabulate
from bench.errors import ConfigurationError
from bench.records.facts import StudyFacts
from bench.records.schema import FinishedRecord

CHANGES = {
    "no-kl": {"method.lambda_z": 0.0, "method.z_noise": False},
    "late": {},
    "unrun": {"a.b": None},
}
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


def test_differences_are_paired_by_seed() -> None:
    given = records()
    del given[3]  # the base lacks seed 3: the variations' own is left out
    rows = tabulate(given, FACTS).set_index("variation")
    gaps = [
        100 * (a - b) for a, b in zip(ACCURACY["no-kl"][:3], ACCURACY["vinnas"][:3], strict=True)
    ]
    test = stats.ttest_1samp(gaps, 0)
    interval = test.confidence_interval()
    row = rows.loc["no-kl"]
    assert row["seeds"] == 3 and row["better_share"] == 0
    assert row["difference_points"] == pytest.approx(sum(gaps) / 3)
    assert row["p_value"] == pytest.approx(test.pvalue)
    assert [row["difference_low_points"], row["difference_high_points"]] == pytest.approx(
        [interval.low, interval.high]
    )
    late = rows.loc["late", "p_value"]
    smaller, larger = sorted([row["p_value"], late])
    assert sorted(rows["p_value_holm"].dropna()) == pytest.approx(
        [min(1, 2 * smaller), max(min(1, 2 * smaller), larger)]
    )
    # 4000 / (1000, 2000, 4000): the geometric mean of 4, 2, 1
    assert row["nonzero_ratio"] == pytest.approx(2.0)
    assert rows.loc["late", "nonzero_ratio"] == pytest.approx(1.0)
    assert list_differences(given, FACTS)["digits", "no-kl"] == pytest.approx(gaps)


def test_what_was_not_run_and_what_was_tuned_is_left_out() -> None:
    tuned = synthetic.change(record("no-kl", 0, {}), {"tuning": {"seconds": 1.0}})
    rows = tabulate([*records(), tuned], FACTS)
    by_variation = rows.set_index("variation")
    assert by_variation.loc["no-kl", "difference_points"] == pytest.approx(-2.25)
    assert by_variation.loc["unrun", "seeds"] == 0
    text = markdown.format_page(rows, StudyFacts(**{**vars(FACTS), "gate": "Gate: failed."}))
    assert "\n\nGate: failed.\n\n" in text
    assert "Not run yet, or failed: unrun." in text
    assert "method.lambda_z 0.0, method.z_noise false" in text and "| a.b null |" in text


def test_the_notes_say_which_variations_differ_significantly() -> None:
    rows = tabulate(records(), FACTS)
    rows.loc[rows["variation"] == "no-kl", "p_value_holm"] = 0.04
    text = markdown.format_page(rows, FACTS)
    assert "Of 2 tested variations, these are significantly different from the base" in text
    assert "(paired t test, corrected by Holm, 5 %): no-kl on digits (-2.25)." in text
    assert "With 4 seeds only large, steady differences are found." in text


def test_the_forest_plot_shows_differences_seeds_and_what_was_not_run() -> None:
    rows, differences = tabulate(records(), FACTS), list_differences(records(), FACTS)
    (axes,) = figure.draw(rows, differences, "vinnas").axes
    assert read.rows(axes) == ["no-kl", "late", "unrun"]
    assert axes.get_xlabel() == "difference of test accuracy from vinnas, points"
    zero, seeds, bar, mean = (line.get_xdata() for line in axes.get_lines()[:4])
    row = rows.set_index("variation").loc["no-kl"]
    assert list(zero) == [0, 0] and list(mean) == [row["difference_points"]]
    assert list(seeds) == pytest.approx([-2, -3, -1, -3])
    assert list(bar) == [row["difference_low_points"], row["difference_high_points"]]
    numbers = f"g {row['effect_size']:+.1f}, p {row['p_value_holm']:.2f}"
    assert read.texts(axes)[0] == numbers and read.texts(axes)[2] == " not run"


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
