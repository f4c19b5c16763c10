"""The campaign in small, as CI runs it; the whole one is `python tests/campaign/run.py`."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from campaign import faults, inputs, kills, outcome
from campaign.kills import Unbroken
from campaign.outcome import Deadline, Part
from campaign.sandbox import Outcome, Sandbox

pytestmark = pytest.mark.slow
MINUTES = 10.0  # beyond which nothing more is begun; on two free cores all takes less than two


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Unbroken:
    """`bench run` of two methods, without a kill."""
    (run,) = kills.prepare(tmp_path_factory.mktemp("campaign"), ("run",), ("darts", "random"))
    assert run.status == 0 and len(run.results) == 4
    return run


def check_all_right(parts: list[Part], folder: Path) -> None:
    """Nothing is unlike what was expected, and the page says so."""
    assert [(part.name, problem) for part in parts for problem in part.problems] == []
    assert all(part.count or part.skipped for part in parts)
    page = outcome.write(folder / "reliability.md", parts, "test").read_text()
    assert all(f"| {part.name} | {part.expected} |" in page for part in parts)
    assert "Not as expected" not in page


def test_kills(unbroken: Unbroken, tmp_path: Path) -> None:
    part = kills.campaign(unbroken, 3, Deadline(MINUTES), tmp_path, random.Random(0))
    assert part.count == 3
    check_all_right([part], tmp_path)


def test_inputs(tmp_path: Path) -> None:
    parts = inputs.campaign(200, Deadline(MINUTES), tmp_path / "inputs")
    check_all_right(list(parts), tmp_path)


def test_faults(unbroken: Unbroken, tmp_path: Path) -> None:
    parts = list(faults.campaign(unbroken, Deadline(MINUTES), tmp_path / "faults", quick=True))
    assert len(parts) > 1
    check_all_right(parts, tmp_path)


def test_the_campaign_notices() -> None:
    """What would be wrong with a command is found, of each kind."""
    wrong = {
        Outcome(2, "", "bench: this is so\n"): [],
        Outcome(0, "fine\n", ""): [],
        Outcome(2, "", "warning: first\nbench: this is so\n"): [],
        Outcome(2, "", "bench: two\nlines\n"): ["traceback"],
        Outcome(2, "", "bench: \x1b[31mred\n"): ["traceback"],
        Outcome(2, "", ""): ["traceback"],
        Outcome(1, "", "bench: x\n"): ["different"],
        Outcome(None, "", "", "KeyError at yaml.py:1 (parse): 'a'"): ["traceback"],
        Outcome(None, "", "", "_TooLong at yaml.py:1 (parse): ''"): ["lost"],
        Outcome(0, "", "", outside=("/etc/passwd",)): ["outside"],
    }
    for ended, kinds in wrong.items():
        assert [kind for kind, _ in ended.problems()] == kinds, ended


def test_writing_elsewhere_is_noticed(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path / "sandbox")
    records = inputs.Records(sandbox)
    arguments, _ = records.corrupted(lambda content: content, lambda items: items[0])
    with sandbox.entered():
        where = [str(records.study), "--results", str(sandbox.results)]
        assert not list(sandbox.run("leaderboard", *where).problems())
        elsewhere = sandbox.run("leaderboard", *where, "--output", str(sandbox.here / "x"))
    assert elsewhere.status == 0
    assert {kind for kind, _ in elsewhere.problems()} == {"outside"}
    assert any("leaderboard" in path for path in elsewhere.outside)
    assert arguments[0] == "status"
