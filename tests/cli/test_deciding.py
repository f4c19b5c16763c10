"""`bench run --until-decided`: which seeds are added, what is kept, what other verbs make of it.

Trials are synthetic records: b is 3 points better than the baseline a, c is as good as a.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support import studies, tiny_trials

import analysis
from bench import locks
from bench.cli import deciding
from bench.records import sequential
from bench.records.gather import Gathered
from bench.records.schema import FinishedRecord
from bench.records.store import Standing, Store
from bench.run import session
from bench.study.model import Study

Bench = Callable[..., int]

POINTS = {"a": 0.0, "b": 3.0, "c": 0.0, "d": 0.0, "vinnas": 3.0, "random": 0.0, "pgnas": 0.0}
TYPED = ("run", "small.yaml", "--until-decided", "--max-seeds", "8", "--region", "0.01")
ENDS = {"a": 8, "b": 5, "c": 8}
CLAIM = "claims: {b-on-c: {sentence: b is smaller, gates: [], rule: {kind: compare, method: b,"


@dataclasses.dataclass
class Runs:
    """Stands in for the worker processes: `session.run` that writes records itself.

    most: trials after which Ctrl-C is typed; failing: labels whose trials fail.
    """

    most: int = 1000
    failing: Sequence[str] = ()
    studies: list[Study] = dataclasses.field(default_factory=list)

    def run(
        self, study: Study, store: Store, settings: Any, write_tables: Any, display: Any = None
    ) -> Standing:
        self.studies.append(study)
        store.prepare()
        with locks.hold_run(store.folder):
            for trial in store.standing(study.trials).list_unfinished(study.trials):
                if not self.most:
                    raise session.Interrupted("interrupted")
                self.most -= 1
                record = tiny_trials.with_accuracy(trial, POINTS[trial.label])
                failed = trial.label in self.failing
                store.write(tiny_trials.failed(trial) if failed else record, [])
            standing = store.standing(study.trials)
            session.write_study_tables(study, store, standing, write_tables)
        return standing


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    runs = Runs()
    monkeypatch.setattr(session, "run", runs.run)

    def write(folder: Path, records: Sequence[FinishedRecord], facts: Any) -> list[Path]:
        gathered = Gathered(records, [], {}, facts, folder)
        claims = analysis.write_claims(folder, [gathered])
        return [*analysis.write_leaderboard(folder, records, facts), *claims]

    monkeypatch.setattr(analysis, "write_all", write)
    return runs


def count_records(folder: Path = Path("results/small")) -> Counter[str]:
    return Counter(record.trial.label for record in Store(folder))


def test_a_decided_pair_gets_no_more_seeds_and_the_baseline_does_while_one_is_open(
    bench: Bench, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(*TYPED) == 0
    assert count_records() == ENDS
    out = capsys.readouterr().out
    assert "verdicts against a (looks at 5 and 8 seeds, each at 2.5 %):" in out
    assert "  digits: b is better, 5 seeds (look 1 of 2)\n" in out
    assert "  digits: c is undecided, 8 seeds (look 2 of 2)\n" in out
    assert "21 trials instead of 24 with 8 seeds of every method: 12 % saved" in out
    assert [Counter(t.label for t in one.trials)["b"] for one in runs.studies] == [5, 5]
    seeds = {record.trial.seed for record in Store(Path("results/small"))}
    assert seeds == set(range(8))
    kept = json.loads(Path("results/small/sequential.json").read_text())
    assert kept["looks"] == [5, 8] and kept["reached"] == {"digits": ENDS}
    assert [(q["name"], q["verdict"], q["seeds"]) for q in kept["questions"]] == [
        ("b", "better", 5),
        ("c", "undecided", 8),
    ]
    assert bench(*TYPED) == 0  # once more: nothing is left to do
    assert count_records() == ENDS
    assert json.loads(Path("results/small/sequential.json").read_text()) == kept


def test_every_verb_knows_the_added_seeds(
    bench: Bench, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(*TYPED) == 0
    capsys.readouterr()
    assert bench("status", "small.yaml") == 0
    out = capsys.readouterr().out
    assert "21 trials, 21 finished, 0 failed, 0 missing; 0 stale" in out
    assert "with looks at 5, 8 seeds; methods have 5 to 8" in out
    assert bench("verify", "small.yaml") == 0
    for reference in ("small.yaml", "results/small"):
        assert bench("leaderboard", reference, "--baseline", "a") == 0
        rows = pd.read_csv("results/small/leaderboard.csv").set_index("method")
        # the verdict is of the first five seeds of both, though the baseline has eight
        assert rows.loc["b", "verdict"] == "better" and rows.loc["b", "compared_seeds"] == 5
        assert rows.loc["c", "verdict"] == "undecided" and rows.loc["c", "compared_seeds"] == 8
        text = Path("results/small/leaderboard.md").read_text()
        assert "Seeds were added until the verdict: looks at 5 and 8 seeds, each at 2.5 %" in text
        assert "shift from the baseline, points (97.5 % interval)" in text
        assert "digits, against a: b better, 5 seeds; c undecided, 8 seeds." in text
        assert "within 0.01 points" in text


@pytest.mark.parametrize("most", [4, 15, 17])
def test_the_same_command_goes_on_after_an_interruption(
    bench: Bench, runs: Runs, most: int
) -> None:
    """Inside the first look, between the looks, inside the second one."""
    runs.most = most
    assert bench(*TYPED) == 130
    assert count_records().total() == most
    runs.most = 1000
    assert bench("run", "small.yaml") == 0  # the trials of this look, and no further one
    assert count_records().total() == (15 if most < 15 else 21)
    assert bench("run", "small.yaml", "--until-decided") == 0
    assert count_records() == ENDS
    assert bench("verify", "small.yaml") == 0


def test_no_look_is_made_while_trials_fail(
    bench: Bench, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.failing = ["c"]
    assert bench(*TYPED) == 1
    assert "the look at 5 seeds waits for all its trials" in capsys.readouterr().out
    runs.failing = []
    assert bench(*TYPED) == 0 and count_records() == ENDS


def test_an_undecided_claim_keeps_its_methods_going(
    bench: Bench, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether b has fewer parameters than c is not decided by eight seeds: they are random."""
    text = studies.TEXT + f"{CLAIM} against: c, says: better, metric: parameters}}}}}}\n"
    Path("small.yaml").write_text(text)
    assert bench(*TYPED) == 0
    assert count_records() == {"a": 8, "b": 8, "c": 8}
    out = capsys.readouterr().out
    assert "digits: b is better, 5 seeds (look 1 of 2)" in out
    assert "digits: claim b-on-c is undecided, 8 seeds (look 2 of 2)" in out
    assert bench("verify", "small.yaml") == 0
    rows = pd.read_csv("results/small/leaderboard.csv").set_index("method")
    assert rows.loc["b", "compared_seeds"] == 5  # the pair's verdict is still that of its look


def test_an_open_claim_alone_gets_seeds_at_every_look(
    bench: Bench, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both pairs are decided at the first look that can reject two, so that a gets no more."""
    monkeypatch.setitem(POINTS, "c", 3.0)
    text = studies.TEXT + f"{CLAIM} against: c, says: better, metric: parameters}}}}}}\n"
    Path("small.yaml").write_text(text)
    assert bench(*TYPED[:4], "20", "--region", "0.01") == 0
    assert count_records() == {"a": 8, "b": 20, "c": 20}


def test_claims_are_decided_without_a_baseline(
    bench: Bench, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    text = studies.TEXT.replace("baseline: a\n", "")
    text += f"{CLAIM} against: c, says: better, metric: parameters}}}}}}\n"
    Path("small.yaml").write_text(text)
    assert bench(*TYPED) == 0
    assert count_records() == {"a": 5, "b": 8, "c": 8}
    out = capsys.readouterr().out
    assert "\nverdicts (" in out and "b is better" not in out
    assert bench("verify", "small.yaml") == bench("status", "small.yaml") == 0


@pytest.mark.parametrize(
    ("methods", "claim", "verdict", "ends", "listed"),
    [
        ("vinnas random", "vinnas-above-random", " is supported, 5 seeds (look 1 of 2)", 5, 1),
        ("pgnas", "pgnas-guided", ": no more seeds, as seeds do not decide it", 8, 1),
        ("pgnas", "darts-collapse", ": no more seeds, as no finished trial of darts", 8, 0),
    ],
)
def test_a_paper_s_claim_that_a_study_names_is_decided(
    bench: Bench,
    runs: Runs,
    capsys: pytest.CaptureFixture[str],
    methods: str,
    claim: str,
    verdict: str,
    ends: int,
    listed: int,
) -> None:
    """Also in a study of a single method, where a test of five seeds cannot reject anything."""
    given = ", ".join(f"{method}: {{}}" for method in methods.split())
    Path("small.yaml").write_text(
        f"name: small\nmethods: {{{given}}}\ndatasets: [digits]\nseeds: [0]\n"
        f"claims: {{{claim}: {{}}}}\n"
    )
    assert bench(*TYPED) == 0
    assert set(count_records().values()) == {ends}
    assert f"digits: claim {claim}{verdict}" in capsys.readouterr().out
    assert Path("results/small/claims.md").read_text().count(f"| {claim} | small |") == listed
    assert bench("verify", "small.yaml") == 0


def test_a_claim_that_seeds_cannot_decide_does_not_keep_the_run_going(
    bench: Bench, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    text = studies.TEXT + CLAIM.replace("kind: compare", "kind: inheritance") + "}}}\n"
    Path("small.yaml").write_text(text)
    assert bench(*TYPED) == 0
    assert count_records() == ENDS
    assert "claim b-on-c: no more seeds, as seeds do not decide it" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        (["--max-seeds", "9"], "--max-seeds 9: is a part of --until-decided"),
        (["--region", "1"], "--region 1: is a part of --until-decided"),
        (["--until-decided", "--set", "baseline=null"], "has no claims and no baseline to decide"),
        (["--until-decided", "--set", "methods=[coin]", "--set", "baseline=coin"], "one method"),
        (["--until-decided", "--max-seeds", "4"], "must be at least 5, as fewer allow no verdict"),
        (
            ["--until-decided", "--max-seeds", "6", "--set", "seeds=[0, 1, 2, 3, 4, 5, 6]"],
            "--max-seeds 6: must be at least 7, as the study has 7 already",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(
    bench: Bench, runs: Runs, capsys: pytest.CaptureFixture[str], typed: list[str], line: str
) -> None:
    assert bench("run", "small.yaml", *typed) == 2
    error = capsys.readouterr().err.strip()
    assert line in error and "\n" not in error
    assert not runs.studies and not Path("results").exists()


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        (["--max-seeds", "13"], "--max-seeds 13: was 8 when a look was made already"),
        (["--region", "1"], "--region 1: was 0.01 when a look was made already"),
        (["--set", "search.epochs=3"], "other methods, settings, baseline or seeds"),
        (["--set", "baseline=b"], "other methods, settings, baseline or seeds"),
        (["--set", "methods.d.method=coin"], "other methods, settings, baseline or seeds"),
        (["--set", "seeds=[7]"], "other methods, settings, baseline or seeds"),
    ],
)
def test_a_plan_does_not_change_once_a_look_was_made(
    bench: Bench, runs: Runs, capsys: pytest.CaptureFixture[str], typed: list[str], line: str
) -> None:
    runs.most = 16
    assert bench(*TYPED) == 130
    capsys.readouterr()
    assert bench("run", "small.yaml", "--until-decided", *typed) == 2
    error = capsys.readouterr().err.strip()
    assert line in error and "\n" not in error
    assert count_records().total() == 16


def test_a_plan_may_change_before_the_first_look(bench: Bench, runs: Runs) -> None:
    runs.most = 3
    assert bench(*TYPED) == 130
    runs.most = 1000
    assert bench(*TYPED[:3], "--max-seeds", "5", "--region", "0.01") == 0
    assert count_records() == {"a": 5, "b": 5, "c": 5}


def test_another_configuration_has_no_part_in_the_looks(
    bench: Bench, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(*TYPED) == 0
    capsys.readouterr()
    assert bench("status", "small.yaml", "--set", "search.epochs=3") == 0
    assert "3 trials, 0 finished, 0 failed, 3 missing; 21 stale" in capsys.readouterr().out


def test_tuned_settings_and_looks_exclude_each_other(
    bench: Bench, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("tuned.yaml").write_text(
        "settings: [{for: {method: b}, evaluation: {learning_rate: 0.1}}]\n"
    )
    assert bench(*TYPED, "--evaluation", "tuned.yaml") == 2
    assert "on the study's own evaluation settings" in capsys.readouterr().err
    assert bench(*TYPED) == 0
    assert bench("run", "small.yaml", "--evaluation", "tuned.yaml") == 2


def test_a_dry_run_says_what_the_first_look_costs_and_keeps_nothing(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(*TYPED, "--dry-run", "--estimate", "none") == 0
    out = capsys.readouterr().out
    assert "15 trials, 0 finished, 0 failed, 15 missing" in out
    assert "looks at 5, 8 seeds; methods have 5\n" in out
    assert not Path("results").exists()


def test_a_damaged_file_of_looks_is_one_line(
    bench: Bench, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(*TYPED) == 0
    path = Path("results/small/sequential.json")
    for text in ("{", path.read_text().replace('"looks": [\n  5,', '"looks": [\n  9,')):
        path.write_text(text)
        capsys.readouterr()
        assert bench("status", "small.yaml") in (1, 2)
        error = capsys.readouterr().err.strip()
        assert "sequential.json cannot be read" in error and "\n" not in error


def test_looks_of_several_studies_are_all_counted_in_a_joint_table(
    bench: Bench, runs: Runs
) -> None:
    assert bench(*TYPED) == 0
    other = [f"seeds={list(range(6))}", "name=fixed", "methods={d: {method: coin}}"]
    typed = [part for one in (*other, "baseline=d") for part in ("--set", one)]
    assert bench("run", "small.yaml", *typed) == 0
    gathered = deciding.StudyArguments(
        ("results/small", "results/fixed"), (), Path("results")
    ).gather()
    assert gathered.facts.looks == (5, 6, 8)


def test_worker_processes_run_look_after_look(tmp_path: Path) -> None:
    """The real thing, with trials of milliseconds in processes of their own."""
    variables = studies.environment(TINY_POINTS=json.dumps({"a": 0, "b": 3, "c": 3}))
    typed = [*TYPED[1:], "--workers", "1", "--device", "cpu", "--results", str(tmp_path / "r")]
    ended = subprocess.run(
        [sys.executable, "-m", "support.drive", "run", *typed],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert count_records(tmp_path / "r" / "small") == {"a": 5, "b": 5, "c": 5}
    assert "15 trials instead of 24" in ended.stdout
    assert sequential.read(tmp_path / "r" / "small") is not None
