"""Every verb prints to a terminal that knows ASCII alone, whatever a study and its records say."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from support import studies, tiny_trials

from bench.cli.main import main
from bench.records.store import Store
from bench.study.file import load

TEXT = studies.TEXT.replace("description: coins", "description: Münzen → 🪙\nnotes: größer, ≥ 5")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a study, two finished trials and one whose error is not ASCII."""
    monkeypatch.syspath_prepend(str(studies.PLUGIN))
    folder = tmp_path / "größe"
    folder.mkdir()
    study = load(studies.write(folder, TEXT))
    store = Store(folder / "results" / study.name)
    for trial in study.trials[:2]:
        store.write(tiny_trials.record(trial), tiny_trials.posterior())
    store.write(tiny_trials.failed(study.trials[2], "wurde größer als ∞"), [])
    return folder


@pytest.mark.parametrize(
    "verb",
    [
        ("list", "studies"),
        ("status",),
        ("run", "--dry-run"),
        ("leaderboard",),
        ("analyze",),
        ("report",),
        ("verify",),
        ("ablate",),
        ("run", "--set", "seeds=[ü]"),
        ("status", "--set", "name=ü"),
    ],
    ids=" ".join,
)
def test_no_verb_ends_in_a_traceback(
    place: Path, verb: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="ascii") for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    rest = (
        []
        if verb[0] == "list"
        else [str(place / "small.yaml"), "--results", str(place / "results")]
    )
    status = main([*verb, *rest])
    for stream in (out, err):
        stream.flush()
    said = out.buffer.getvalue() + err.buffer.getvalue()  # type: ignore[attr-defined]
    assert status in (0, 1, 2) and said.isascii()
    if verb[0] in ("status", "run") and status == 0:
        assert b"wurde gr\\xf6\\xdfer als \\u221e" in said
