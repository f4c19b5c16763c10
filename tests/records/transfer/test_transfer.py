"""Cells of a finished study in another one: which, what records say of them, what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import source_study as source

from bench.cli.main import main
from bench.errors import ConfigurationError
from bench.records import schema
from bench.records.schema import FinishedRecord
from bench.records.store import Store, read
from bench.records.transfer import changes
from bench.records.transfer.loading import load
from bench.rerun.restore import restore
from bench.space.genotype import Genotype
from bench.study.model import Study

Change = Callable[[Path], Any]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    source.write(tmp_path / "results")
    return tmp_path


def study(text: str = source.TRANSFER, *overrides: str) -> Study:
    Path("moved.yaml").write_text(text, encoding="utf-8")
    return load("moved.yaml", overrides, Path("results"))


def test_the_best_on_validation_images_is_evaluated_with_every_seed() -> None:
    moved = study()
    assert moved.labels == ("darts", "gdas") and moved.seeds == (0, 1)
    assert [(t.label, t.seed, t.method) for t in moved.trials] == [
        ("darts", 0, "fixed"), ("gdas", 0, "fixed"), ("darts", 1, "fixed"), ("gdas", 1, "fixed"),
    ]  # fmt: skip
    for trial, number in zip(moved.trials, (1, 5, 1, 5), strict=True):  # of equal ones the first
        assert Genotype.from_text(trial.options["genotype"]).to_json() == source.cell(number)
    record = source.record("darts", 1, 0.95)
    assert moved.trials[0].source == {
        "study": "found",
        "rule": "best on validation",
        "trial": record.trial.id,
        "digest": schema.digest(record),
        "label": "darts",
        "method": "darts",
        "dataset": "digits",
        "seed": 1,
        "validation_accuracy": 0.95,
    }


def test_all_cells_keep_the_seeds_of_their_searches() -> None:
    text = source.TRANSFER.replace("from: found}", "from: results/found, rule: all}")
    moved = study(text.replace("seeds: [0, 1]\n", ""))
    assert moved.seeds == (0, 1, 2)
    for trial in moved.trials:
        number = trial.seed if trial.label == "darts" else 5 + trial.seed
        assert Genotype.from_text(trial.options["genotype"]).to_json() == source.cell(number)
        assert trial.source is not None and trial.source["seed"] == trial.seed


def test_cells_of_several_data_sets_have_labels_of_their_own() -> None:
    Store(Path("results/found")).write(source.record("darts", 0, 0.9, dataset="my set/2"), ())
    assert study(source.TRANSFER.replace("from: found", "from: found, seeds: [0]")).labels == (
        "darts-digits", "darts-my-set-2", "gdas-digits",
    )  # fmt: skip


def test_own_methods_and_variations_stand_beside_the_cells() -> None:
    text = source.TRANSFER + (
        "methods: {random: {}}\nbase: darts\nablations: {slow: {evaluation.learning_rate: 0.01}}\n"
    )
    moved = study(text)
    assert moved.labels == ("darts", "gdas", "random", "slow")
    by_label = {trial.label: trial for trial in moved.trials}
    assert by_label["slow"].options == by_label["darts"].options
    assert by_label["slow"].source == by_label["darts"].source
    assert by_label["random"].source is None and by_label["random"].method == "random"


def test_what_is_expanded_does_not_depend_on_the_test_images() -> None:
    ids = [trial.id for trial in study().trials]
    for label, accuracies in source.VALIDATION.items():
        for seed, validation in enumerate(accuracies):
            test = {"accuracy": validation, "nll": 0.1, "images": 100}
            record = source.record(label, seed, validation, changes={"evaluation.test": test})
            Store(Path("results/found")).write(record, ())
    assert [trial.id for trial in study().trials] == ids


def drop(label: str, seed: int) -> Change:
    def change(results: Path) -> None:
        store = Store(results / "found")
        store.record_path(source.record(label, seed, 0.9).trial).unlink()

    return change


def fail(results: Path) -> None:
    store = Store(results / "found")
    values = schema.plain(source.record("darts", 0, 0.9))
    values |= {"status": "failed", "error": {"stage": "search", "type": "E", "message": "boom"}}
    store.write(schema.parse(values, "made for a test"), ())


def damage(results: Path) -> None:
    next((results / "found" / "records").glob("darts*")).write_text("{")


def forget_validation(results: Path) -> None:
    Store(results / "found").write(source.record("darts", 0, None), ())


def move_positions(results: Path) -> None:
    cells = source.cell(0)["cells"]
    by_position = {"0": cells["normal"], "1": cells["reduce"], "2": cells["normal"]}
    found = {"space": "darts", "cells": by_position}
    changed = {"genotype": found, "genotype_digest": Genotype.from_json(found).digest}
    Store(results / "found").write(source.record("darts", 1, 0.95, changes=changed), ())


def nothing(results: Path) -> None:
    """The records are as they should be."""


@pytest.mark.parametrize(
    ("change", "before", "after", "message"),
    [
        (nothing, "from: found", "from: fond", "from = \"fond\": there are no records in"
         " results/fond or fond: run that study first; did you mean found"),
        (nothing, "from: found", "rule: all", "architectures.from = null: must name a folder"),
        (nothing, "from: found", "from: found, rule: best", "rule = \"best\": must be one"
         " of best on validation, all"),
        (nothing, "from: found", "from: found, methods: [dart]", "methods = [\"dart\"]:"
         " there are no records of dart; known: darts, gdas"),
        (nothing, "from: found", "from: found, methods: []", "architectures.methods = []: must be"
         " a list with at least one, or left out for all"),
        (nothing, "from: found", "from: found, speed: 1", "architectures.speed: unknown key"),
        (nothing, "from: found", "from: found, rule: all", "seeds = [0, 1]: with the rule all"),
        (nothing, "seeds: [0, 1]\n", "", "seeds = null: must be a list of different whole"),
        (nothing, "datasets:", "methods: {darts: {}}\ndatasets:", "methods.darts: architectures"),
        (nothing, "{nodes: 2", "{nodes: 3", "architectures: the cell of darts on digits, seed 1, of"
         " found: cells normal, reduce of 2 nodes; the space darts has normal, reduce of 3"),
        (nothing, "{nodes: 2", "{operations: [none, skip_connect, sep_conv_3x3], nodes: 2",
         "the cell of darts on digits, seed 1, of found: operation 'dil_conv_3x3'"),
        (nothing, "space: {nodes: 2, cells: 3", "space: {name: nas-bench-201, cells: 3",
         "the space nas-bench-201 has normal of 3"),
        (drop("gdas", 2), "", "", "found is not finished: gdas on digits has no seed 2"),
        (fail, "", "", "found is not finished: darts on digits, seed 0 failed"),
        (damage, "", "", "is damaged: not JSON"),
        (forget_validation, "", "", "architectures.rule: darts on digits, seed 0 of found has no"
         " validation accuracy to choose by"),
        (move_positions, "cells: 3, channels: 2, drop", "cells: 4, channels: 2, drop",
         "the cell of darts on digits, seed 1, of found: the genotype has cells for 0, 1, 2"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_one_line(
    change: Change, before: str, after: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change(Path("results"))
    text = source.TRANSFER.replace(before, after, 1)
    assert text != source.TRANSFER or not before
    Path("moved.yaml").write_text(text)
    for verb in ("run", "status"):
        assert main((verb, "moved.yaml")) == 2
        captured = capsys.readouterr()
        assert captured.err.count("\n") == 1 and message in captured.err, captured.err
    assert not Path("results/moved").exists()


def test_cells_by_position_go_where_there_are_as_many() -> None:
    move_positions(Path("results"))
    trial = study().trials[0]
    assert set(Genotype.from_text(trial.options["genotype"]).cells) == {"0", "1", "2"}


def test_a_shipped_study_with_missing_trials_is_not_finished(folder: Path) -> None:
    """As far as its file says; here a study whose results say where they are from."""
    Path("found.yaml").write_text(
        "name: found\nmethods: {random: {}}\ndatasets: [digits]\nseeds: [0, 1]\n"
        "space: {nodes: 2, cells: 3, channels: 2}\nevaluation: {epochs: 1, cells: 3, channels: 2}\n"
    )
    for path in Path("results/found/records").iterdir():
        path.unlink()
    first = load("found.yaml", (), Path("results")).trials[0]
    values = schema.plain(source.record("darts", 0, 0.9))
    values |= {"trial": first.identity(), "configuration": first.configuration()}
    record = schema.parse(values, "made for a test")
    Store(Path("results/found")).write(record, ())
    Path("results/found/study.json").write_text(
        json.dumps({"source": "../../found.yaml", "digest": "x"})
    )
    with pytest.raises(ConfigurationError, match=r"1 of its trials have no record, first random"):
        study()
    chosen = source.TRANSFER.replace("from: found", "from: found, seeds: [0]")
    assert study(chosen).labels == ("random",)


def test_seeds_are_not_added_to_those_of_searches(capsys: pytest.CaptureFixture[str]) -> None:
    text = source.TRANSFER.replace("from: found}", "from: found, rule: all}\nbaseline: darts")
    Path("moved.yaml").write_text(text.replace("seeds: [0, 1]\n", ""))
    assert main(("run", "moved.yaml", "--until-decided")) == 2
    assert "no seeds can be added" in capsys.readouterr().err


@pytest.mark.slow
def test_a_transfer_from_end_to_end(capsys: pytest.CaptureFixture[str]) -> None:
    """Run, leaderboard, rerun from the record, status after the source has changed."""
    study()
    assert main(("run", "moved.yaml", "--workers", "1", "--set", "seeds=[0]")) == 0
    store = Store(Path("results/moved"))
    records = [record for record in store if isinstance(record, FinishedRecord)]
    assert {record.trial.label for record in records} == {"darts", "gdas"}
    for record in records:
        assert record.source is not None and record.source.study == "found"
        assert record.search.epochs == []
    page = (store.folder / "leaderboard.md").read_text()
    assert "darts: study found, darts on digits, seed 1" in page
    path = store.record_path(records[0].trial)
    again = restore(records[0], str(path))
    assert (again.id, again.source) == (records[0].trial.id, records[0].source.model_dump())  # type: ignore[union-attr]
    assert main(("rerun", str(path))) == 0
    capsys.readouterr()
    other = source.record("darts", 0, 0.99)
    Store(Path("results/found")).write(other, ())
    assert main(("status", "moved.yaml", "--set", "seeds=[0]")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum("the records of found have changed" in line for line in lines) == 1
    assert any(line.startswith("stale") and "method.genotype was" in line for line in lines)
    assert any(line.startswith("missing") and "darts on digits" in line for line in lines)
    assert main(("run", "moved.yaml", "--workers", "1", "--set", "seeds=[0]")) == 0
    assert "the records of found have changed since 1 of the records" in capsys.readouterr().err
    assert read(path).trial.id == records[0].trial.id  # it is kept
    board = (store.folder / "leaderboard.md").read_text()
    assert "darts: study found, darts on digits, seed 0, 99.00 %" in board


def test_a_source_that_was_run_again_with_the_same_result_is_said_too() -> None:
    moved = study()
    values = schema.plain(source.record("darts", 1, 0.95))
    trial = moved.trials[0]
    values |= {"trial": trial.identity(), "configuration": trial.configuration()}
    values["source"] = {**(trial.source or {}), "digest": "0" * 16}
    (line,) = changes.describe(moved, [schema.parse(values, "made for a test")])
    assert "since 1 of the records here" in line and "digest 00000000, now" in line
    values["source"] = trial.source
    assert not list(changes.describe(moved, [schema.parse(values, "made for a test")]))


def test_depths_are_evaluated_for_given_cells_too() -> None:
    moved = study(
        source.TRANSFER.replace("cells: 3, channels: 2, drop", "cells: [3, 5], channels: 2, drop")
    )
    assert moved.datasets == ("digits, 3 cells", "digits, 5 cells")
    assert len({trial.search_id for trial in moved.trials}) == 4
