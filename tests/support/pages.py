"""Whether a document is well formed, for tests of pages."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "link", "img", "br", "hr", "input"}


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"attribute twice in <{tag}>"
        if tag not in VOID:
            self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.opened and self.opened[-1] == tag, f"</{tag}> closes {self.opened[-3:]}"
        self.opened.pop()


def assert_well_formed(document: str) -> None:
    """Every element is closed where it was opened, and no attribute is there twice."""
    tags = _Tags()
    tags.feed(document)
    tags.close()
    assert tags.opened == []
