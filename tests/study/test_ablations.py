"""Ablations in a study file: what they expand into, and which searches they share."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import ConfigurationError
from bench.study.file import load
from bench.study.model import Study

TEXT = """\
name: varied
methods: {vinnas: {price: 0.4}}
datasets: [digits]
seeds: [0, 1]
ablations:
  no_kl: {method.lambda_z: 0.0, method.beta_w: 0.0}
  late: {method.evaluation_beta: 0.0}
  rate: {evaluation.learning_rate: 0.1}
  short: {search.epochs: 5}
  grid: {grid: {method.threshold: [1.0, 2.0], method.prior: [log_uniform]}, search.epochs: 4}
"""


def read(folder: Path, text: str = TEXT, *overrides: str) -> Study:
    path = folder / "varied.yaml"
    path.write_text(text, encoding="utf-8")
    return load(str(path), overrides)


def test_variations_are_labels_beside_their_base(tmp_path: Path) -> None:
    study = read(tmp_path)
    grid = ("grid-1.0-log_uniform", "grid-2.0-log_uniform")
    assert study.labels == ("vinnas", "no_kl", "late", "rate", "short", *grid)
    assert (study.base, study.baseline) == ("vinnas", "vinnas")
    assert [(t.label, t.seed) for t in study.trials] == [
        (label, seed) for seed in (0, 1) for label in study.labels
    ]
    by_label = {trial.label: trial for trial in study.trials if trial.seed == 1}
    assert {trial.method for trial in study.trials} == {"vinnas"}
    assert (by_label["no_kl"].options["lambda_z"], by_label["no_kl"].options["price"]) == (0.0, 0.4)
    assert by_label[grid[1]].options["threshold"] == 2.0
    assert by_label[grid[1]].options["prior"] == "log_uniform"
    assert [by_label[label].search.epochs for label in ("vinnas", "short", grid[0])] == [50, 5, 4]
    assert len({trial.id for trial in study.trials}) == len(study.trials)


def test_what_changes_the_evaluation_alone_has_the_base_search(tmp_path: Path) -> None:
    by_label = {trial.label: trial for trial in read(tmp_path).trials if trial.seed == 0}
    base = by_label["vinnas"]
    shared = {label for label, trial in by_label.items() if trial.search_id == base.search_id}
    assert shared == {"vinnas", "late", "rate"}
    late = by_label["late"]
    assert late.options == base.options and late.evaluation_options == {"evaluation_beta": 0.0}
    assert late.configuration()["method_in_evaluation"] == {"evaluation_beta": 0.0}
    assert "method_in_evaluation" not in base.configuration()


def test_without_variations_nothing_is_new(tmp_path: Path) -> None:
    """Identities are those of a study file from before there were ablations."""
    plain = read(tmp_path, TEXT.partition("ablations")[0])
    assert plain.trials == tuple(t for t in read(tmp_path).trials if t.label == "vinnas")
    assert (plain.base, plain.variations) == (None, {})


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("ablations.x={method.prise: 1}", "did you mean price?"),
        ("ablations.x={method.price: 0.4}", "changes nothing"),
        ("ablations.x={}", "ablations.x: changes nothing"),
        ("ablations.x={price: 1}", "not of the form section.option, as method.price"),
        ("ablations.x={datasets.digits: 1}", "not of the form section.option"),
        ("ablations.vinnas={method.price: 1}", "is a label already"),
        ("ablations.x={grid: {method.price: 1}}", "must be a list of values"),
        ("ablations.x={search.epochs: 0}", "ablations.x: search.epochs = 0: must be"),
        ("ablations.a b={search.epochs: 2}", "the label must be letters"),
        ("ablations.x={evaluation.cells: [2, 3]}", "must be one value; under `grid` each is"),
        ("ablations.x={method.method: darts}", "changes the method's options, not the method"),
        ("ablations.x={evaluation.learning_rate: 0.1}", "'x' changes the same as 'rate'"),
        (
            "ablations.x={search.epochs: 5, grid: {search.epochs: [6]}}",
            "search.epochs is in `grid`, and beside it",
        ),
        ("base=[darts]", 'base = ["darts"]: must be the method that the ablations are of'),
        ("base=darts", 'base = "darts": must be the method that the ablations are of'),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, override: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, TEXT, override)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_base_is_named_where_there_are_several_methods(tmp_path: Path) -> None:
    two = TEXT.replace("{vinnas: {price: 0.4}}", "{darts: {}, vinnas: {price: 0.4}}")
    with pytest.raises(ConfigurationError, match="must be the method"):
        read(tmp_path, two)
    study = read(tmp_path, two, "base=vinnas")
    assert study.labels[:3] == ("darts", "vinnas", "no_kl")


@pytest.mark.parametrize("name", ["vinnas-ablation", "pgnas-ablation"])
def test_shipped_ablations_vary_what_they_say(name: str) -> None:
    study, parts = load(name), load(name.replace("ablation", "parts"))
    assert study.base is not None and len(study.variations) >= 10
    assert parts.base == study.base and len(parts.variations) >= 5
    variations = [*study.variations.values(), *parts.variations.values()]
    touched = {key for changes in variations for key in changes}
    wanted = {
        "vinnas-ablation": {"price", "prior", "draw", "estimator", "selection", "sharing"}
        | {"z_noise", "w_noise", "kl_z", "kl_w", "empty_edges", "variational_weights"},
        "pgnas-ablation": {"l2", "entropy_price", "temperature", "candidates", "guided"}
        | {"price", "norm_scale", "entropy_scale", "noise"},
    }[name]
    assert {f"method.{option}" for option in wanted} <= touched
