"""Options as plain data: what a record says of them."""

from __future__ import annotations

from typing import Annotated

from bench.options import Mark, options, resolved


def test_a_later_option_is_told_only_where_it_is_used() -> None:
    @options
    class Config:
        old: int = 1
        new: Annotated[int, Mark.LATER] = 2

    assert resolved(Config()) == {"old": 1}
    assert resolved(Config(new=3)) == {"old": 1, "new": 3}
    assert Config(**resolved(Config())) == Config()
