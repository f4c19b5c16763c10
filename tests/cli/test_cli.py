"""The command line as a user meets it: whole processes, exit statuses, one line for a mistake."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support import studies, tiny_trials

from bench.cli import commands as cli
from bench.records.store import Store
from bench.study.file import load

VERBS = (
    "run",
    "status",
    "tune",
    "ablate",
    "gate",
    "leaderboard",
    "verify",
    "analyze",
    "report",
    "sync",
    "list",
    "doctor",
    "speed",
)


@pytest.fixture(autouse=True)
def plugin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(studies.PLUGIN))
    monkeypatch.chdir(tmp_path)
    studies.write(tmp_path)


def bench(*arguments: str) -> int:
    return cli.main(arguments)


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_fits_a_terminal_of_80_columns(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as caught:
        bench(*filter(None, [verb, "--help"]))
    out = capsys.readouterr().out
    assert caught.value.code == 0
    assert out and max(map(len, out.splitlines())) <= 80


def test_help_imports_nothing_heavy() -> None:
    heavy = ("torch", "mlflow", "pandas", "numpy", "pydantic", "analysis", "methods")
    program = (
        "import sys, bench.cli.commands\n"
        "try: bench.cli.commands.main(['--help'])\n"
        "except SystemExit: pass\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=studies.environment(), capture_output=True, text=True
    )
    assert done.stderr.strip() == "[]"


def test_python_m_bench() -> None:
    command = [sys.executable, "-m", "bench", "--version"]
    done = subprocess.run(command, env=studies.environment(), capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()[0]) == (0, "bench")


WRONG = {
    "no verb": ([], "a verb is needed"),
    "misspelt verb": (["rnu", "quickstart"], "no verb 'rnu'; did you mean run? (there are run,"),
    "misspelt list": (["list", "method"], "no list 'method'; did you mean methods?"),
    "misspelt option": (["run", "small.yaml", "--worker=3"], "did you mean --workers?"),
    "unknown option": (["status", "small.yaml", "--xyz"], "see bench status --help"),
    "no study": (["run"], "the following arguments are required: STUDY"),
    "no such study": (["run", "quikstart"], "did you mean quickstart?"),
    "no such file": (["status", "a/b.yaml"], "study file a/b.yaml does not exist"),
    "workers": (["run", "small.yaml", "--workers", "0"], "--workers 0: must be a whole number"),
    "repeats": (["speed", "--repeats", "0"], "--repeats 0: must be a whole number"),
    "parts": (["speed", "--only", "growht"], "did you mean growth?"),
    "device": (["run", "small.yaml", "--device", "gpu"], "invalid choice: 'gpu'"),
    "set": (["run", "small.yaml", "--set", "search.epochs=-1"], "search.epochs = -1: must be"),
    "results a file": (["run", "small.yaml", "--results", "small.yaml"], "cannot be written"),
    "data missing": (
        ["run", "small.yaml", "--data-root", "nowhere", "--set", "datasets=['image-folder:no']"],
        "image-folder:no",
    ),
    "nothing to rank": (["leaderboard", "small.yaml"], "no record of a finished trial of study"),
    "nothing to analyse": (["analyze", "small.yaml"], "`bench run small` makes them"),
    "nothing to send": (["sync", "small.yaml"], "no record of a finished trial of study small"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_a_mistake_is_one_line_and_exit_status_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(*arguments) == 2
    last = capsys.readouterr().err.splitlines()
    assert message in last[-1] and last[-1].startswith("bench: ")
    assert len(last) == 1 or arguments == []  # without a verb the help comes first


def test_dry_run_prints_the_trials_and_makes_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert bench("run", "small.yaml", "--dry-run", "--set", "seeds=[0, 1]") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 7
    assert lines[0].startswith("missing ") and lines[0].endswith("a on digits, seed 0")
    assert "6 trials, 0 finished, 0 failed, 6 missing" in lines[-1]
    assert not (tmp_path / "results").exists()


def test_status_tells_finished_failed_missing_and_stale(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    store = Store(tmp_path / "results" / "small")
    first, second, third = load("small.yaml").trials
    stale = load("small.yaml", ["search.epochs=9"]).trials[2]
    store.write(tiny_trials.record(first), [])
    store.write(tiny_trials.failed(second), [])
    store.write(tiny_trials.record(stale), [])
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


def test_a_damaged_record_stops_every_verb_that_reads_records(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    store = Store(tmp_path / "results" / "small")
    path = store.write(tiny_trials.record(load("small.yaml").trials[0]), [])
    path.write_text(path.read_text()[:1000])
    for verb in ("run", "status", "leaderboard", "verify", "analyze", "report", "sync"):
        assert bench(verb, "small.yaml") == 2
        line = capsys.readouterr().err
        assert line.count("\n") == 1 and path.name in line and "damaged" in line
    assert len(path.read_text()) == 1000


def test_leaderboard_and_analyses_from_records_twice_the_same_bytes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "results" / "small"
    for trial in load("small.yaml", ["seeds=[0, 1, 2]"]).trials:
        Store(folder).write(tiny_trials.record(trial), tiny_trials.posterior())
    seen = []
    for _ in range(2):
        assert bench("analyze", "small.yaml", "--set", "seeds=[0, 1, 2]") == 0
        assert bench("leaderboard", "small.yaml", "--set", "seeds=[0, 1, 2]") == 0
        files = [path for path in folder.rglob("*") if path.is_file()]
        seen.append({path: path.read_bytes() for path in files})
    assert seen[0] == seen[1]
    assert {"leaderboard.md", "leaderboard.csv"} <= {path.name for path in seen[0]}
    assert (folder / "leaderboard.md").read_text() in capsys.readouterr().out


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    expected = {
        "methods": "coin                 Toss a coin for every operation.",
        "spaces": "darts",
        "datasets": "digits",
        "studies": "quickstart",
    }
    for what, line in expected.items():
        assert bench("list", what) == 0
        out = capsys.readouterr().out
        assert line in out
        assert all(len(line.split(maxsplit=1)) == 2 for line in out.splitlines())


def test_doctor_finds_data_and_says_what_is_missing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "train-images-idx3-ubyte").touch()
    (tmp_path / "data" / "mine" / "train").mkdir(parents=True)
    (tmp_path / "data" / "mine" / "test").mkdir()
    away = "http://127.0.0.1:9"
    bench("doctor", "--data-root", "data", "--results", "small.yaml", "--tracking-uri", away)
    out = capsys.readouterr().out
    found = {line[8:28].strip(): line for line in out.splitlines() if line[:8].strip()}
    assert found["mnist"].startswith("ok") and found["mnist"].endswith("found")
    assert "not there" in found["kmnist"]
    assert "image-folder:data/mine" in found["image folder"]
    assert found["results"].startswith("MISSING")
    assert found["MLflow store"].startswith("note") and "does not answer" in found["MLflow store"]
    assert "Python" in found and "CPU" in found and "disk" in found
