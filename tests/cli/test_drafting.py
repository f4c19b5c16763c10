"""`bench init`: a study file by flags and by questions, which loads; nothing is overwritten."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from bench.study.file import load

Bench = Callable[..., int]


def test_the_file_loads_is_commented_and_can_be_run_dry(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("init") == 0
    assert capsys.readouterr().out == "mine.yaml\nnext:\n  bench run mine.yaml --dry-run\n"
    study, like = load("mine.yaml"), load("quickstart")
    assert (study.name, study.labels) == ("mine", ("darts", "vinnas", "random"))
    assert (study.baseline, study.seeds) == ("random", (0, 1, 2))
    for part in ("data", "space", "search", "evaluation"):
        assert getattr(study.trials[0], part) == getattr(like.trials[0], part)
    text = Path("mine.yaml").read_text()
    assert (
        "\n  #batch_size: 64  # Images a step. (a whole number, at least 2; default 64)\n" in text
    )
    assert "\n  epochs: 10  # Passes over" in text and text.isascii()
    assert bench("run", "mine.yaml", "--dry-run", "--estimate", "none") == 0


def test_an_option_can_be_changed_by_taking_its_mark_away(bench: Bench) -> None:
    assert bench("init", "own.yaml") == 0
    path = Path("own.yaml")
    for line in path.read_text().splitlines():
        if line.startswith("  #") and not line.startswith("  # "):
            path.write_text(path.read_text().replace(line, line.replace("#", "", 1), 1))
    own, like = load("own.yaml"), load("quickstart")
    assert own.trials[0].configuration() == like.trials[0].configuration()


def test_flags(bench: Bench) -> None:
    flags = ["--methods", "drnas, coin", "--datasets", "mnist,digits", "--seeds", "2"]
    assert bench("init", "a/b/mine.yml", *flags, "--like", "collapse") == 0
    data = yaml.safe_load(Path("a/b/mine.yml").read_text())
    assert data["name"] == "mine" and data["baseline"] == "drnas"
    assert list(data["methods"]) == ["drnas", "coin"]
    assert (data["datasets"], data["seeds"]) == (["mnist", "digits"], [0, 1])
    assert data["space"]["name"] == "nas-bench-201" and data["evaluation"]["kind"] == "tabular"
    assert len(load("a/b/mine.yml").trials) == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["small.yaml"], "small.yaml exists already, and is left as it is: name another file"),
        (["a.yaml", "--methods", "vinas"], "unknown method 'vinas'; did you mean vinnas?"),
        (["a.yaml", "--methods", ","], "--methods ',': name at least one"),
        (["a.yaml", "--datasets", "mnits"], "unknown data set 'mnits'; did you mean mnist?"),
        (["a.yaml", "--like", "quikstart"], "did you mean quickstart?"),
        (["a.yaml", "--seeds", "0"], "--seeds 0: must be a whole number, at least 1"),
        (["a.yaml", "--methods", "optuna-tpe"], "needs evaluation.kind = tabular"),
        (["bad name.yaml"], "(it names files)"),
        (["small.yaml/a.yaml"], "cannot be written"),
    ],
    ids=str,
)
def test_what_cannot_be_written_is_one_line(
    arguments: list[str],
    message: str,
    bench: Bench,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert bench("init", *arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and message in err
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


class Terminal(io.StringIO):
    """What is typed at a terminal."""

    def isatty(self) -> bool:
        return True


def test_questions_at_a_terminal(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["darts,coim", "darts,coin", "", "many", "4", ""])
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda text: next(answers))
    assert bench("init", "asked.yaml") == 0
    out = capsys.readouterr().out
    assert "unknown method 'coim'; did you mean coin?" in out
    assert "many: must be a whole number, at least 1" in out
    study = load("asked.yaml")
    assert (study.labels, study.datasets, len(study.seeds)) == (("darts", "coin"), ("digits",), 4)


def test_ctrl_c_at_a_question_writes_nothing(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(text: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("click.termui.visible_prompt_func", interrupt)
    assert bench("init", "asked.yaml") == 130
    assert "nothing was written" in capsys.readouterr().err and not Path("asked.yaml").exists()
