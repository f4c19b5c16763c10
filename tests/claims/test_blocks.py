"""Blocks of generated sentences in Markdown files."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.claims import blocks
from bench.claims.blocks import Block
from bench.errors import ConfigurationError, ResultsError

PAGE = """\
# Title

<!-- claims: b a -->
- old
<!-- end -->

More.
<!-- claims: -->
<!-- end -->
"""


def test_a_block_is_filled_and_the_rest_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(PAGE)
    assert blocks.find(page) == [Block("claims", ("b", "a"), "- old\n"), Block("claims", (), "")]
    blocks.fill(page, ["a", "b"], {"claims": "- new\n"})
    assert page.read_text() == PAGE.replace("- old", "- new").replace("b a", "a b")
    assert blocks.find(page)[0] == Block("claims", ("a", "b"), "- new\n")


def test_links_rights_and_ends_of_lines_are_kept(tmp_path: Path) -> None:
    page, link = tmp_path / "README.md", tmp_path / "link.md"
    page.write_bytes(("\ufeff" + PAGE.replace("\n", "\r\n")).encode())
    page.chmod(0o640)
    link.symlink_to(page)
    blocks.fill(link, ["a", "b"], {"claims": "- new\n"})
    filled = PAGE.replace("- old", "- new").replace("b a", "a b")
    assert page.read_bytes() == ("\ufeff" + filled.replace("\n", "\r\n")).encode()
    assert link.is_symlink() and page.stat().st_mode & 0o777 == 0o640
    assert blocks.find(link)[0] == Block("claims", ("a", "b"), "- new\n")


def test_an_empty_block_takes_any_studies(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(PAGE)
    blocks.fill(page, ["c"], {"claims": "- c\n"})
    old = Block("claims", ("b", "a"), "- old\n")
    assert blocks.find(page) == [old, Block("claims", ("c",), "- c\n")]


def test_a_page_may_have_a_short_block_too(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(PAGE + "<!-- claims in short: -->\n<!-- end -->\n")
    blocks.fill(page, ["a", "b"], {"claims": "- new\n", "claims in short": "- short\n"})
    assert blocks.find(page) == [
        Block("claims", ("a", "b"), "- new\n"),
        Block("claims", (), ""),
        Block("claims in short", ("a", "b"), "- short\n"),
    ]


@pytest.mark.parametrize(
    "damaged",
    [
        "<!-- claims: a -->\nno end",
        "<!-- claims: a -->\nno end\n<!-- claims: b -->\n<!-- end -->\n",
        "<!-- claims: b -->\n<!-- end -->\n<!-- claims in long: a -->\n<!-- end -->\n",
        "<!--claims: a -->\n<!-- end -->\n",
    ],
)
def test_a_block_that_would_never_be_checked_is_refused(tmp_path: Path, damaged: str) -> None:
    page = tmp_path / "README.md"
    page.write_text("# Title\n" + damaged)
    line = damaged.split("\n").index(next(x for x in damaged.split("\n") if "a -->" in x)) + 2
    with pytest.raises(ResultsError, match=rf"README\.md, line {line}: no block of claims"):
        blocks.find(page)
    with pytest.raises(ResultsError, match="no block of claims"):
        blocks.fill(page, ["b"], {"claims": "- new\n"})
    assert page.read_text() == "# Title\n" + damaged


def test_a_file_without_the_block_is_not_touched(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("<!-- claims: a -->\n<!-- end -->\n")
    with pytest.raises(ConfigurationError, match="has no lines '<!-- claims: b -->'"):
        blocks.fill(page, ["b"], {"claims": "- new\n"})
    assert page.read_text() == "<!-- claims: a -->\n<!-- end -->\n"
    with pytest.raises(ResultsError, match="cannot be read"):
        blocks.fill(tmp_path / "nothing.md", ["b"], {})
    assert blocks.find(tmp_path / "nothing.md") == []
