"""`bench claims`: the ledger follows from the records, and `bench verify` sees where not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support import studies, tiny_trials

from bench.records.store import Store
from bench.study.file import load

Bench = Callable[..., int]

CLAIMS = """\
claims:
  tosses:
    sentence: More tosses are better
    rule: {kind: compare, method: b, against: a, says: better}
    gates: []
"""
SEEDS = "seeds: [0, 1, 2, 3, 4, 5]\n"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A study with a claim of its own, and six finished trials of each method: b is better."""
    studies.write(tmp_path, studies.TEXT.replace("seeds: [0]\n", SEEDS) + CLAIMS)
    store = Store(tmp_path / "results" / "small")
    for trial in load("small.yaml").trials:
        better = 0.05 * (trial.label == "b")
        test = {"accuracy": 0.9 + better + 0.001 * trial.seed}
        store.write(tiny_trials.record(trial, evaluation={"test": test}), [])
    return store


def test_a_record_that_is_changed_by_hand_changes_the_verdict(
    store: Store, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("leaderboard", "small.yaml") == 0
    assert bench("claims", "small.yaml") == 0
    out = capsys.readouterr().out
    assert "| More tosses are better | this study | **supported** | 1 of 1: small |" in out
    assert "accuracy of b minus a: +5.00 points (95 % interval" in out
    assert {"claims.md", "claims.csv", "claims.png"} <= {
        path.name for path in store.folder.iterdir()
    }
    assert bench("verify", "small.yaml") == 0
    for path in store.records_folder.glob("b-*.json"):
        values = json.loads(path.read_text())
        values["evaluation"]["test"]["accuracy"] -= 0.1
        path.write_text(json.dumps(values))
    capsys.readouterr()
    assert bench("verify", "small.yaml") == 1
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("differs: results/small/claims.csv, line 2") for line in lines)
    assert bench("claims", "small.yaml") == 0
    assert "**refuted**" in capsys.readouterr().out


def test_without_a_study_every_shipped_one_is_verified(
    store: Store, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = Store(store.folder.parent / "quickstart")
    for trial in load("quickstart").trials:
        shipped.write(tiny_trials.record(trial), [])
    assert bench("leaderboard", "quickstart") == bench("claims", "quickstart") == 0
    capsys.readouterr()
    assert bench("verify") == 0
    other, own = capsys.readouterr().out.splitlines()
    assert other == "results/small: not checked, name the study's file"
    assert own == "quickstart: 7 of 7 files are what the records say (results/quickstart)"
    (shipped.folder / "claims.csv").write_text("")
    assert bench("verify") == 1


def test_sentences_in_a_page_are_written_and_checked(
    store: Store, bench: Bench, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / "README.md"
    page.write_text("# Mine\n<!-- claims: -->\n<!-- end -->\nMore.\n")
    assert bench("leaderboard", "small.yaml") == 0
    assert bench("claims", "small.yaml", "--into", "README.md") == 0
    written = page.read_text()
    start, sentence, end = written.splitlines()[1:4]
    assert (start, end) == ("<!-- claims: small.yaml -->", "<!-- end -->")
    assert sentence.startswith("- **Supported**: More tosses are better (this study). small: ")
    assert bench("verify", "small.yaml") == 0
    page.write_text(written.replace("**Supported**", "**Proven**"))
    capsys.readouterr()
    assert bench("verify", "small.yaml") == 1
    assert "differs: README.md, claims: `bench claims small.yaml --into" in capsys.readouterr().out
    page.write_text(written.replace("claims: small.yaml", "claims: small.yaml smal"))
    assert bench("verify", "small.yaml") == 2
    assert "README.md, a block of claims: study 'smal' is neither" in capsys.readouterr().err
    page.write_text("# Mine\n")
    assert bench("claims", "small.yaml", "--into", "README.md") == 2
    assert "README.md: has no lines" in capsys.readouterr().err


def test_studies_are_settings_of_one_ledger(
    store: Store, bench: Bench, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = Path("small.yaml").read_text().replace("name: small", "name: other")
    Path("other.yaml").write_text(text.replace("epochs: 2", "epochs: 3"))
    for trial in load("other.yaml").trials:
        Store(tmp_path / "results" / "other").write(tiny_trials.record(trial), [])
    assert bench("claims", "small.yaml", "other.yaml") == 0
    out = capsys.readouterr().out
    assert "| tosses | small | supported |" in out and "| tosses | other | undecided |" in out
    assert "results/other+small/claims.md" in out
    assert bench("claims", "other.yaml", "--results", "nowhere") == 2
