"""An error's message is one line that a terminal can show, whatever it quotes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cli.main import main
from bench.errors import BenchError

ODD = ["\n", "\r", "\x1b[31m", "\x85", "\u2028", "\x1c", "\u202e", "\udcff", "\x00", "\t", "\x7f"]


@pytest.mark.parametrize("odd", ODD, ids=ascii)
def test_what_ends_a_line_or_moves_the_cursor_is_written_out(odd: str) -> None:
    said = str(BenchError(f"key é{odd}日本: unknown"))
    assert said.splitlines() == [said] and said.isprintable()
    assert said.startswith("key é\\") and said.endswith("日本: unknown")


@pytest.mark.parametrize("odd", [one for one in ODD if one != "\x00"], ids=ascii)
def test_of_an_override_too(
    odd: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["status", "quickstart", "--set", f"a{odd}b=1"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("bench: ") and said.count("\n") == 1
    assert said.removesuffix("\n").isprintable()
