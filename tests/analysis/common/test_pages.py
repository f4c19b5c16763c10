"""Pages from templates: escaped, well-formed, without requests; their script sorts."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import jinja2
import pytest
from support.pages import assert_well_formed

from analysis.common import pages, text
from analysis.common.pages import HtmlTable


def render(table: HtmlTable, notes: list[text.Note]) -> str:
    leaderboard = {
        "facts": {"description": "<d>", "gate": None}, "nothing": "", "details": "",
        "tables": {"<data>": (table, table)}, "notes": notes,
    }  # fmt: skip
    return pages.render("leaderboard/page.html.j2", title="<t>", leaderboard=leaderboard)


def test_everything_shown_is_escaped_and_the_document_is_well_formed() -> None:
    table = HtmlTable([("<h>", False), ("n", True)], [["<&'\"", "1"]], [["'>\"<&", None]])
    page = render(table, [text.Note("<note>", ("<detail>",)), text.Note("other")])
    assert_well_formed(page)
    for shown in ("<h>", "<t>", "<d>", "<data>", "<note>", "<detail>", "<&'\""):
        assert shown not in page.partition("<style>")[0] + page.partition("</style>")[2]
        assert html.unescape(page).count(shown)
    assert "://" not in page and "url(" not in page


def test_texts_are_to_the_left_and_columns_on_demand_are_marked() -> None:
    table = HtmlTable([("a", False), ("b", True), ("c", True)], [["x", "1", "2"]], main=("a", "b"))
    page = render(table, [])
    assert '<td class="t">x</td><td>1</td><td class="more">2</td>' in page
    assert '<th scope="col" class="t">a</th><th scope="col" class="n">b</th>' in page


def test_a_cell_keeps_what_it_is_sorted_by() -> None:
    class Keys(HTMLParser):
        found: list[str | None]

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.found += [value for name, value in attrs if name == "data-key"]

    keys = Keys()
    keys.found = []
    table = HtmlTable(
        [("a", False), ("b", True)], [["x", "1"], ["y", ""]], [["it's", 1.5], ["", None]]
    )
    keys.feed(render(table, []))
    assert keys.found[:4] == ['"it\\u0027s"', "1.5", '""', "null"]


def test_a_table_without_keys_does_not_sort() -> None:
    page = render(HtmlTable([("a", False)], [["x"]]), [])
    assert 'class="sortable"' not in page and "<button" not in page.partition("<main>")[2]


def test_a_name_that_a_template_does_not_get_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError, match="leaderboard"):
        pages.render("leaderboard/page.html.j2", title="t")


def test_the_policy_forbids_every_request() -> None:
    page = render(HtmlTable([], []), [])
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None and policy[1].startswith("default-src 'none'")
