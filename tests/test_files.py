"""Files are whole or not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import files
from bench.errors import ResultsError, as_text, one_line


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    files.write(path, "old")
    with pytest.raises(RuntimeError), files.replacing(path) as scratch:
        scratch.write_text("x" * 100_000)
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_below_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ResultsError, match="cannot write") as caught:
        files.write(tmp_path / "file" / "x", "")
    assert "\n" not in str(caught.value)


def test_what_is_no_text_is_written_as_json_escapes_it(tmp_path: Path) -> None:
    said = "größer \udcff \ud800"
    path = files.write(tmp_path / "x.json", f'"{said}"')
    assert json.loads(path.read_text(encoding="utf-8")) == said


@pytest.mark.parametrize("said", ["größer", "gr\udcc3\udcb6\udcc3\udc9fer"])
def test_names_of_files_become_text(said: str) -> None:
    assert as_text(said) == one_line(f" {said}\n") == "größer"
    assert as_text("\ud800") == "\\ud800"
