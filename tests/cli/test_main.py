"""How the command ends: whole processes, Ctrl-C, closed pipes, terminals that know ASCII alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import studies

from bench.records import status

Bench = Callable[..., int]
COMMAND = (sys.executable, "-m", "bench")


def test_python_m_bench() -> None:
    command = [*COMMAND, "--version"]
    done = subprocess.run(command, env=studies.environment(), capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()[0]) == (0, "bench")


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, "--help"], env=studies.environment(), stdout=writing, stderr=subprocess.PIPE
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_full_disk_behind_a_standard_stream_is_no_traceback(stream: str) -> None:
    verb = {"stdout": "--help", "stderr": "no-such-verb"}[stream]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, verb], env=studies.environment(), **{**streams, stream: full}
        )
    assert done.returncode == 2
    assert (done.stderr or b"").count(b"\n") == (stream == "stdout")


def test_closed_standard_streams_are_no_error() -> None:
    command = f"{sys.executable} -m bench list studies >&- 2>&-"
    assert subprocess.run(command, shell=True, env=studies.environment()).returncode == 0


def test_a_folder_that_was_deleted_is_said(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    command = f"rmdir {gone}; {sys.executable} -m bench list studies"
    done = subprocess.run(
        command, shell=True, cwd=gone, env=studies.environment(), capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (
        2,
        "bench: the current folder was deleted; go to another\n",
    )


@pytest.mark.parametrize(
    "variables",
    [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}],
    ids=["PYTHONIOENCODING", "LC_ALL"],
)
def test_what_a_terminal_cannot_show_is_written_as_an_escape(variables: dict[str, str]) -> None:
    command = [*COMMAND, "status", "small.yaml", "--results", "Größe"]
    done = subprocess.run(command, env=studies.environment(**variables), capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    place = done.stdout.splitlines()[-1].split()[-1]
    assert place.isascii() and place.startswith(b"Gr\\") and place.endswith(b"e/small")


def test_ctrl_c_is_one_line_and_exit_status_130(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(status, "describe", interrupted)
    assert bench("status", "small.yaml") == 130
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1) and err.startswith("interrupted")
