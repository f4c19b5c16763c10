"""Files are whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import files
from bench.errors import ResultsError


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    files.write(path, "old")
    with pytest.raises(UnicodeEncodeError):
        files.write(path, "x" * 100_000 + "\ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_below_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ResultsError, match="cannot write") as caught:
        files.write(tmp_path / "file" / "x", "")
    assert "\n" not in str(caught.value)
