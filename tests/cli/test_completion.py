"""Completion by TAB in a real shell, with the script that `bench completion` prints."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import studies

Bench = Callable[..., int]

TYPED = {
    "ru": {"run"},
    "list ": {"methods", "spaces", "datasets", "studies"},
    "list sp": {"spaces"},
    "run qu": {"quickstart"},
    "run s": {"small.yaml"},
    "run mine/": {"mine/other.yml"},
    "run small.yaml --da": {"--data-root"},
    "run small.yaml --device c": {"cpu", "cuda"},
    "tune small.yaml --objectives ": {"accuracy", "accuracy,nonzero"},
    "leaderboard small.yaml s": {"small.yaml"},
    "leaderboard small.yaml --baseline co": {"coin"},
    "completion z": {"zsh"},
    "show pg": {"pgnas", "pgnas-ablation", "pgnas-parts"},
    "show sear": {"search"},
    "show fashion": {"fashion-mnist"},
    "show x --kind t": {"topic"},
    "init mine.yaml --methods pg": {"pgnas"},
    "init mine.yaml --like qu": {"quickstart"},
    "report small.yaml --op": {"--open"},
    "run small.yaml --estimate m": {"measure"},
    "rerun small.yaml --pi": {"--pick"},
    "run nowhere": set(),
}
"""What is typed after `bench` -> what TAB offers."""


def shell(name: str) -> str:
    """The path of a shell; skips the test where it is not installed."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


@pytest.fixture
def path(tmp_path: Path) -> str:
    """PATH with a command `bench`, as installing the package would make one."""
    command = tmp_path / "bin" / "bench"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m bench "$@"\n')
    command.chmod(0o755)
    return f"{command.parent}{os.pathsep}{os.environ['PATH']}"


def test_bash_completes_verbs_options_values_studies_and_files(
    path: str, tmp_path: Path, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bash = shell("bash")
    (tmp_path / "mine").mkdir()
    studies.write(tmp_path / "mine")
    (tmp_path / "mine" / "small.yaml").rename(tmp_path / "mine" / "other.yml")
    assert bench("completion", "bash") == 0
    script = capsys.readouterr().out
    for typed in TYPED:
        words = ["bench", *typed.split(" ")]
        script += (
            f"COMP_WORDS=({' '.join(word or chr(39) * 2 for word in words)})\n"
            f"COMP_CWORD={len(words) - 1}\n"
            "COMPREPLY=()\n"
            "_bench_completion bench 2>/dev/null  # compopt works within a completion only\n"
            'echo "${COMPREPLY[*]}"\n'
        )
    done = subprocess.run(
        [bash, "--norc", "-c", script],
        env=studies.environment(PATH=path),
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    offered = [set(line.split()) for line in done.stdout.split("\n")[:-1]]
    assert dict(zip(TYPED, offered, strict=True)) == TYPED


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_script_is_one_that_the_shell_can_read(
    name: str, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("completion", name) == 0
    script = capsys.readouterr().out
    assert "_BENCH_COMPLETE" in script
    program = shell(name)
    done = subprocess.run([program, "-n"], input=script, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["zsh", "fish"])
def test_other_shells_are_answered_too(
    name: str, bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_BENCH_COMPLETE", f"{name}_complete")
    monkeypatch.setenv("COMP_WORDS", "bench ru")
    monkeypatch.setenv("COMP_CWORD", {"zsh": "1", "fish": "ru"}[name])
    assert bench() == 0
    out = capsys.readouterr().out
    expected = {"zsh": "plain\nrun\nRun the trials", "fish": "plain,run\tRun the trials"}
    assert out.startswith(expected[name])
