"""The page for users: it names every file that is written, and every column."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from support import doubts, known, synthetic, zeroing

import analysis
from analysis import write_all

README = (Path(analysis.__file__).parent / "README.md").read_text(encoding="utf-8")
BY_NAME = ("count_", "share_", "quantile_")
"""Beginnings of columns of which the page explains the rest in words."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The files of a study that has something of everything."""
    candidates = {"mean": 0.0, "std": 0.0, "best": 0.0, "accuracies": [0.5, 0.6, 0.9]}
    retrained = {"guided": [0.7, 0.6, 0.8], "uniform": [0.7, 0.8, 0.9]}
    selection = {"guided": candidates, "uniform": candidates, "retrained": retrained}
    changes = {"selection": selection, "search.epochs.0.diagnostics": {"alive": 3}}
    measured = doubts.uncertainty({"deterministic": 0.2, "draws": 0.1})
    epochs = {"configuration.search.epochs": 8}
    records = [
        synthetic.change(record, epochs)
        for record in (
            synthetic.change(zeroing.measured("vinnas", 0), {"evaluation.uncertainty": measured}),
            known.record("darts"),
            known.black_box([(1, 0.5)], total=3),
            synthetic.record("pgnas", changes=changes),
        )
    ]
    facts = synthetic.facts(["darts", "vinnas", "pgnas"], base="darts", variations={"vinnas": {}})
    return write_all(tmp_path_factory.mktemp("written"), records, facts)


def test_every_file_is_named(written: list[Path]) -> None:
    names = {path.name for path in written if path.parent.name != "cells"}
    assert len(names) > 25
    for name in names:
        stem, suffix = name.split(".")
        rows = [line for line in README.splitlines() if line.startswith(f"| {stem}.")]
        assert any(f".{suffix}" in line.split("|")[1] for line in rows), name


def test_every_column_is_named(written: list[Path]) -> None:
    for path in written:
        if path.suffix == ".csv":
            with path.open() as file:
                columns = next(csv.reader(file))
            for column in columns:
                name = column.replace("_low", "").replace("_high", "")
                known_by = any(column.startswith(start) for start in BY_NAME)
                assert known_by or name in README, f"{path.name}: {column}"
