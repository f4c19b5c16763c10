"""What a run ends with: a table that fits the terminal, both gates in words, what to do next."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from support import studies, synthetic, tiny_trials

from analysis.common.operations import CollapseThresholds
from bench.cli import options, summary
from bench.cli.main import main
from bench.cli.options import StudyArguments
from bench.records.facts import StudyFacts
from bench.records.schema import FinishedRecord
from bench.records.store import Store
from bench.study.file import load

Bench = Callable[..., int]


@pytest.fixture(autouse=True)
def on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell finds every program by its name."""
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")


ARGUMENTS = StudyArguments(("mine.yaml",), ("seeds=[0, 1]",), Path("results"))
LEARNED = {"supernet_accuracy": 0.9, "discretised_accuracy": 0.8, "chance": 0.1, "images": 360}


def make(accuracies: dict[str, Sequence[float]], **search: Any) -> list[FinishedRecord]:
    changes = {f"search.{name}": value for name, value in search.items()}
    return [
        record
        for label, values in accuracies.items()
        for record in synthetic.with_accuracies(label, values, changes=changes)
    ]


def describe(records: Sequence[FinishedRecord], facts: StudyFacts, columns: int = 80) -> list[str]:
    return summary.describe(records, facts, ARGUMENTS, CollapseThresholds(), columns)


ACCURACIES = {
    "darts": [0.91, 0.92, 0.93],
    "a-method-with-a-very-long-name": [0.95, 0.96, 0.97],
    "random": [0.8, 0.85, 0.9],
}


@pytest.mark.parametrize("columns", [30, 40, 50, 60, 66, 72, 80, 120, 200])
def test_the_table_fits(columns: int) -> None:
    facts = synthetic.facts(["random", "darts"])
    lines = describe(make(ACCURACIES, learned=LEARNED), facts, columns)
    head = next(i for i, line in enumerate(lines) if line.startswith("rank"))
    table = lines[head : head + 4]
    assert all(len(line) <= columns for line in table)
    assert [line.split()[0] for line in table[1:]] == ["1", "2", "3"]
    assert ["96.00" in table[1], "92.00" in table[2], "85.00" in table[3]] == [True] * 3
    assert table[1].split()[1].startswith("a-method")  # three seeds give a rank no interval
    shown = {heading: heading in table[0] for heading in ("parameters", "time")}
    assert shown == {"parameters": columns >= 66, "time": columns >= 72}
    if columns >= 60:
        assert "(" in table[1] and " to " in table[1]


def test_gates_that_passed() -> None:
    facts = synthetic.facts(["random"], gate="Gate: passed.", gate_passed={"digits": True})
    text = "\n".join(describe(make({"random": [0.5, 0.6]}, learned=LEARNED), facts))
    assert "Gate 1, the setting: passed." in text
    assert "Gate 2, the searches: passed. A super-network learned in all 2" in text
    assert "To find out" not in text


@pytest.mark.parametrize(
    ("gate", "passed", "says"),
    [
        ("Gate: NOT RUN. ...", {}, "\n  bench gate mine.yaml --set 'seeds=[0, 1]'"),
        ("Gate: none. ...", {}, "no reference cells"),
        (None, {}, "without their study's file. To find\n  out:\n  bench gate mine.yaml"),
        ("Gate: FAILED. ...", {"digits": True, "mnist": False}, "FAILED on mnist."),
    ],
)
def test_the_first_gate_names_the_command_that_settles_it(
    gate: str | None, passed: dict[str, bool], says: str
) -> None:
    facts = synthetic.facts(["random"], gate=gate, gate_passed=passed)
    text = "\n".join(describe(make({"random": [0.5, 0.6]}), facts))
    assert says in text and "passed. Trained" not in text


def test_the_second_gate_says_who_failed_and_why() -> None:
    bad = {**LEARNED, "supernet_accuracy": 0.1}
    records = [*make({"darts": [0.5] * 5}, learned=bad), *make({"random": [0.6]}, learned=LEARNED)]
    lines = describe(records, synthetic.facts(["random", "darts"]))
    text = " ".join(" ".join(lines).split())
    assert "Gate 2, the searches: 5 of 6 failed to train" in text
    assert "darts (" in text and "super-network has 10.0 %" in text and "and 2 more" in text
    row = next(line for line in lines if "darts" in line)
    assert row.split()[:2] == ["-", "darts"]


def test_what_old_records_do_not_say_is_settled_by_running_them_again() -> None:
    lines = describe(make({"random": [0.5, 0.6]}), synthetic.facts(["random"]))
    at = next(i for i, line in enumerate(lines) if "Gate 2" in line)
    assert "not known of 2" in lines[at]
    assert lines[-1] == "  bench run mine.yaml --set 'seeds=[0, 1]' --stale"


def test_next_are_commands_that_can_be_typed(tmp_path: Path) -> None:
    here = dataclasses.replace(ARGUMENTS, results=tmp_path)
    assert summary.describe_next(here, tmp_path / "mine", None)[-1] == (
        f"  bench report mine.yaml --set 'seeds=[0, 1]' --results {tmp_path} --open"
    )
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "mlflow.db").touch()
    last = summary.describe_next(here, tmp_path / "mine", None)[-1]
    assert (
        last
        == f"  mlflow ui --app-name bench --backend-store-uri sqlite:///{tmp_path}/mine/mlflow.db"
    )
    server = summary.describe_next(here, tmp_path / "mine", "http://127.0.0.1:5000")[-1]
    assert "http://127.0.0.1:5000" in server and "mlflow ui" not in server


def test_several_studies_are_settled_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "collapse").mkdir()
    several = StudyArguments(("mine.yaml", str(tmp_path / "collapse")), (), Path("results"))
    facts = synthetic.facts(["random"], gate="mine: Gate: passed. ... collapse: Gate: NOT RUN. ...")
    records = make({"random": [0.5, 0.6]})
    lines = summary.describe(records, facts, several, CollapseThresholds(), 80)
    assert "Gate 1, the setting: mine: Gate: passed. ... collapse: Gate: NOT RUN. ..." in lines
    assert lines[-2:] == ["  bench run mine.yaml --stale", "  bench run collapse --stale"]


def test_programs_that_the_shell_does_not_find_are_named_by_their_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "bench").touch()
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("sys.executable", str(programs / "python"))
    assert ARGUMENTS.type("gate").startswith(".venv/bin/bench gate mine.yaml")
    assert options.find_program("mlflow") == "mlflow"


def write_records(folder: Path) -> Path:
    for trial in load("small.yaml", ["seeds=[0, 1, 2]"]).trials:
        Store(folder).write(tiny_trials.record(trial), tiny_trials.posterior())
    return folder


def test_a_run_ends_with_a_screenful_and_not_with_the_whole_leaderboard(
    bench: Bench,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("bench.run.session.Tracker.complete", lambda self, records: None)
    folder = write_records(tmp_path / "results" / "small")
    assert bench("run", "small.yaml", "--set", "seeds=[0, 1, 2]") == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[0] == "small: 9 of 9 trials finished" and len(lines) < 24
    assert "Gate 1" in out and "Gate 2" in out and "|---" not in out
    assert lines[-1] == "  bench report small.yaml --set 'seeds=[0, 1, 2]' --open"
    assert "|---" in (folder / "leaderboard.md").read_text()


def test_report_opens_the_page_in_the_browser_or_says_where_it_is(
    bench: Bench,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    write_records(tmp_path / "results" / "small")
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda uri: not opened.append(uri))
    monkeypatch.setattr("sys.platform", "linux")
    for variable in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    arguments = ("report", "small.yaml", "--set", "seeds=[0, 1, 2]", "--open")
    uri = (tmp_path / "results" / "small" / "report.html").as_uri()
    assert bench(*arguments) == 0
    assert not opened and uri in capsys.readouterr().out.splitlines()[-1]
    monkeypatch.setenv("DISPLAY", ":0")
    assert bench(*arguments) == 0
    assert opened == [uri] and "no browser" not in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["run", "gate", "tune", "rerun", "speed"])
def test_cuda_without_a_device_is_refused_before_anything(
    verb: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    before = sorted(tmp_path.iterdir())
    named = {"speed": [], "rerun": ["nowhere"]}.get(verb, ["no-such-study"])
    for more in ([], ["--dry-run"] if verb == "run" else []):
        assert main([verb, *named, "--device", "cuda", *more]) == 2
        out, err = capsys.readouterr()
        assert out == "" and err.count("\n") == 1
        assert "--device cuda: torch finds no CUDA device here; use --device cpu" in err
    assert sorted(tmp_path.iterdir()) == before


def test_cuda_that_cannot_compute_is_refused_too(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("no kernel image is available\nfor this device")

    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr("torch.ones", fail)
    studies.write(Path())
    assert bench("run", "small.yaml", "--device", "cuda") == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "cannot compute on it: no kernel image is available for" in err
