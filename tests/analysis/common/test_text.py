"""Markdown: tables whose cells cannot break them, and lists of notes."""

from __future__ import annotations

from analysis.common import text
from analysis.common.text import Note


def test_a_table_is_aligned_and_its_cells_stay_cells() -> None:
    lines = text.format_table(["a|b", "n"], [False, True], [["x\ny", 1], ["|", 2]])
    assert lines == ["| a\\|b | n |", "|---|---:|", "| x y | 1 |", "| \\| | 2 |"]


def test_details_are_listed_below_their_note() -> None:
    notes = [Note("first:", ("one", "two")), Note("second")]
    assert text.format_notes(notes) == ["- first:", "  - one", "  - two", "- second"]


def test_a_heading_leaves_out_what_is_empty() -> None:
    assert text.format_heading("T", "", "one\ntwo", None) == ["# T", "", "one two", ""]
