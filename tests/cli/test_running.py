"""Verbs that compute: what is done about a study, without training any network."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from support import tiny_trials

from bench.cli.main import bench as group
from bench.records.store import Store
from bench.run import session as running
from bench.speed import session as measuring
from bench.study.file import load
from bench.tuning import session as tuning

Bench = Callable[..., int]

SETTINGS = {
    "run": (
        running.Settings,
        {
            *("dry_run", "estimate", "evaluation", "nats_bench"),
            *("until_decided", "max_seeds", "region"),
        },
    ),
    "gate": (running.Settings, set()),
    "tune": (tuning.Settings, set()),
    "speed": (measuring.Settings, set()),
}


@pytest.mark.parametrize("verb", SETTINGS)
def test_options_are_settings_with_the_same_defaults(verb: str) -> None:
    settings, own = SETTINGS[verb]
    fields = {field.name: field.default for field in dataclasses.fields(settings)}
    command = group.commands[verb]
    context = click.Context(command, resilient_parsing=True)
    options = {option.name: option for option in command.params}
    for name in options.keys() - own - {"references", "overrides", "results"}:
        default = options[name].get_default(context)
        if fields[name] is not dataclasses.MISSING and name not in {"only", "objectives"}:
            assert (None if default is click.core.UNSET else default) == fields[name], name


def test_dry_run_prints_the_trials_and_makes_nothing(
    bench: Bench, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert bench("run", "small.yaml", "--dry-run", "--set", "seeds=[0, 1]") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("missing ") and lines[0].endswith("a on digits, seed 0")
    assert "6 trials, 0 finished, 0 failed, 6 missing" in lines[6]
    assert [line.split()[0] for line in lines[7:] if line[0] != " "] == [
        *("time", "storage", "disk", "download"),
    ]
    assert "a: cannot be measured (NotImplementedError)" in "\n".join(lines)
    assert not (tmp_path / "results").exists()


def test_a_dry_run_is_refused_as_the_run_would_be_after_it_has_said_all(
    bench: Bench, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    typed = ("run", "small.yaml", "--set", "datasets=['image-folder:nowhere']")
    assert bench(*typed, "--dry-run") == 2
    said = capsys.readouterr()
    assert "3 missing" in said.out and "disk " in said.out
    assert said.err.count("\n") == 1 and "there is no nowhere here, in " in said.err
    assert bench(*typed) == 2
    assert capsys.readouterr().err.splitlines()[-1] == said.err.rstrip()
    assert not list(tmp_path.glob("results/small/records/*"))


def test_status_tells_finished_failed_missing_and_stale(
    bench: Bench, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    store = Store(tmp_path / "results" / "small")
    first, second, third = load("small.yaml").trials
    stale = load("small.yaml", ["search.epochs=9"]).trials[2]
    for record in (
        tiny_trials.record(first),
        tiny_trials.failed(second),
        tiny_trials.record(stale),
    ):
        store.write(record, [])
    assert bench("status", "small.yaml") == 0
    out = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in out[:4]] == [
        ["finished", first.id[:8]],
        ["failed", second.id[:8]],
        ["missing", third.id[:8]],
        ["stale", stale.id[:8]],
    ]
    assert out[1].endswith("b on digits, seed 0: E: why")
    assert "1 finished, 1 failed, 1 missing; 1 stale" in out[4]
