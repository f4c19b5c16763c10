"""Every mistake is one line that says what is wrong and what is allowed, and exit status 2."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Bench = Callable[..., int]

WRONG = {
    "no verb": ([], "a verb is needed"),
    "misspelt verb": (["rnu", "quickstart"], "no verb 'rnu'; did you mean run? (known: ablate,"),
    "misspelt list": (["list", "method"], "KIND method: did you mean methods? (known: datasets,"),
    "nothing to list": (["list"], "KIND is missing (see bench list --help)"),
    "misspelt option": (["run", "small.yaml", "--worker=3"], "did you mean --workers?"),
    "option of no verb": (["--vresion"], "did you mean --version? (see bench --help)"),
    "unknown option": (["status", "small.yaml", "--xyz"], "see bench status --help"),
    "unknown short option": (["run", "-v"], "no option '-v' (see bench run --help)"),
    "abbreviation": (["run", "small.yaml", "--dry"], "no option '--dry'"),
    "option without value": (["run", "small.yaml", "--set"], "'--set' requires an argument (see"),
    "flag with a value": (["run", "small.yaml", "--stale=1"], "'--stale' does not take a value"),
    "one study too many": (["run", "small.yaml", "other"], "unexpected extra argument (other)"),
    "no study": (["run"], "STUDY is missing (see bench run --help)"),
    "no studies": (["leaderboard"], "STUDY... is missing (see bench leaderboard --help)"),
    "empty study": (["run", ""], "STUDY is empty"),
    "no such study": (["run", "quikstart"], "did you mean quickstart?"),
    "no such file": (["status", "a/b.yaml"], "study file a/b.yaml does not exist"),
    "workers": (["run", "small.yaml", "--workers", "0"], "--workers 0: must be a whole number"),
    "text": (["run", "small.yaml", "--workers", "two"], "--workers two: must be a whole number"),
    "repeats": (["speed", "--repeats", "0"], "--repeats 0: must be a whole number"),
    "seed": (
        ["tune", "small.yaml", "--seed", "-1"],
        "--seed -1: must be a whole number, at least 0",
    ),
    "share": (
        ["analyze", "small.yaml", "--collapse-type", "2"],
        "--collapse-type 2: must be a share",
    ),
    "no number": (
        ["verify", "small.yaml", "--collapse-free", "nan"],
        "must be a share above 0 and",
    ),
    "too many seeds": (["init", "x.yaml", "--seeds", "1001"], "--seeds 1001: must be a whole"),
    "no port": (
        ["run", "small.yaml", "--tracking-uri", "http://h:abc"],
        "'http://h:abc' has no host and port as",
    ),
    "no host": (["run", "small.yaml", "--tracking-uri", "http://"], "names no host"),
    "no study of VINNAS": (
        ["speed", "--only", "variance", "--study", "small.yaml"],
        "it has no trial of the method vinnas",
    ),
    "name too long": (["status", 300 * "x"], "xxx...: File name too long"),
    "nothing to tune": (["tune", "small.yaml", "--only", ","], "--only: names no hyper-parameter;"),
    "parts": (["speed", "--only", "growht"], "did you mean growth?"),
    "device": (["run", "small.yaml", "--device", "gpu"], "--device gpu: did you mean cpu? (known:"),
    "set": (["run", "small.yaml", "--set", "search.epochs=-1"], "search.epochs = -1: must be"),
    "results a file": (["run", "small.yaml", "--results", "small.yaml"], "cannot be written"),
    "data missing": (
        ["run", "small.yaml", "--data-root", "nowhere", "--set", "datasets=['image-folder:no']"],
        "image-folder:no",
    ),
    "nothing to rank": (["leaderboard", "small.yaml"], "no record of a finished trial of study"),
    "nothing to analyse": (["analyze", "small.yaml"], "`bench run small` makes them"),
    "nothing to send": (["sync", "small.yaml"], "no record of a finished trial of study small"),
    "unknown shell": (["completion", "tcsh"], "SHELL tcsh: known: bash, fish, zsh"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_a_mistake_is_one_line_and_exit_status_2(
    arguments: list[str], message: str, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(*arguments) == 2
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert message in lines[-1] and lines[-1].startswith("bench: ")
    assert len(lines) == 1 or arguments == []  # without a verb the help comes first
    assert out == ""
